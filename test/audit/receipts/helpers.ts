/** A chain of audit records under a signed checkpoint, and the receipt document of one call in it. */

import { exportJWK, generateKeyPair } from "jose";
import {
  CHECKPOINT_TYPE,
  type CheckpointClaims,
  type Head,
  leafOf,
  rootOf,
} from "../../../src/audit/checkpoint.ts";
import { merklePath } from "../../../src/audit/merkle.ts";
import type { Proof } from "../../../src/audit/proof.ts";
import { signLater } from "../../../src/audit/receipts/decision-receipt.ts";
import type { ReceiptDocument } from "../../../src/audit/receipts/document.ts";
import { emitDecision, emitReceipt } from "../../../src/audit/receipts/emit.ts";
import {
  type AuditRecord,
  digestRecord,
  GENESIS,
  linkHash,
  type Unhashed,
} from "../../../src/audit/record.ts";
import { readSigningKeys, type SigningKeys, signStatement } from "../../../src/audit/signing-keys.ts";
import { type StatementKeys, statementKeys } from "../../../src/audit/statement.ts";
import { toBase64url } from "../../../src/encoding.ts";
import { digestOf } from "../../../src/json/digest.ts";
import type { JsonObject } from "../../../src/json/strict-json.ts";

export const ISSUER = "https://gateway.example/acme/mcp";
export const T = 2_000_000_000;
export const ATTESTATION: JsonObject = {
  issuerAsserted: { nonce: "n-1" },
  payloadDerived: {},
  signature: "00",
};

/** What must be there. */
export function there<V>(value: V | null | undefined): V {
  if (value === null || value === undefined) throw new Error("nothing there");
  return value;
}

export async function makeKeys(kid: string, alg: "ES256" | "EdDSA" = "ES256"): Promise<SigningKeys> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(privateKey)), kid };
  return there(await readSigningKeys(JSON.stringify({ keys: [jwk] })));
}

export const verifying = async ({ published }: SigningKeys): Promise<StatementKeys> =>
  there(await statementKeys(JSON.parse(JSON.stringify(published))));

export const ours = await makeKeys("gateway-1");
/** As at the tenant's well-known path. */
export const PUBLISHED: JsonObject = { issuer: ISSUER, keys: { keys: ours.published.keys }, checkpoints: [] };

/** A record before it has a place. */
export const draft = (changes: Partial<AuditRecord> = {}): Omit<Unhashed, "chain" | "seq"> => ({
  v: 3,
  id: "decision-a",
  kind: "decision",
  decision: "decision-a",
  tenant: "acme",
  revision: "r",
  time: T * 1000 + 7,
  verdict: "admitted",
  reason: null,
  principal: "agent:reader",
  mandate: '["https://issuer.example","m-1"]',
  run: '["jti","https://issuer.example","m-1"]',
  method: "tools/call",
  tool: "search",
  action: "mcp.search",
  input_hash: GENESIS,
  output_hash: null,
  delivered_hash: null,
  status: null,
  latency_ms: null,
  count: null,
  checks: ["mandate", "signature.agent"],
  kept: null,
  evidence: null,
  execution: null,
  ...changes,
});

export const outcomeDraft = (changes: Partial<AuditRecord> = {}): Omit<Unhashed, "chain" | "seq"> =>
  draft({
    id: "decision-a.outcome",
    kind: "outcome",
    verdict: null,
    status: 200,
    output_hash: GENESIS,
    latency_ms: 5,
    ...changes,
  });

export async function chainOf(
  chain: string,
  drafts: readonly Omit<Unhashed, "chain" | "seq">[],
): Promise<readonly AuditRecord[]> {
  const records: AuditRecord[] = [];
  let prev_hash = GENESIS;
  for (const [i, one] of drafts.entries()) {
    const placed = { ...one, chain, seq: i + 1 };
    const digest = await digestRecord(placed);
    const hash = await linkHash(prev_hash, digest);
    records.push({ ...placed, digest, prev_hash, hash });
    prev_hash = hash;
  }
  return records;
}

/** The same record with other contents, and hashes that fit it. */
export async function rehashed(record: AuditRecord, changes: Partial<AuditRecord>): Promise<AuditRecord> {
  const changed = { ...record, ...changes };
  const digest = await digestRecord(changed);
  return { ...changed, digest, hash: await linkHash(changed.prev_hash, digest) };
}

export const headOf = (records: readonly AuditRecord[]): Head => {
  const { chain, seq, hash } = there(records.at(-1));
  return { chain, seq, hash, start: 1, start_prev: GENESIS };
};

export async function checkpointOf(
  heads: readonly Head[],
  changes: Partial<CheckpointClaims> = {},
  { signing }: SigningKeys = ours,
  typ = CHECKPOINT_TYPE,
): Promise<string> {
  const claims: CheckpointClaims = {
    iss: ISSUER,
    tenant: "acme",
    number: 1,
    time: T * 1000 + 60_000,
    root: await rootOf(heads),
    size: heads.length,
    prev: null,
    faults: [],
    retained: 1,
    ...changes,
  };
  return signStatement(signing, typ, claims);
}

/** Proof of the record at `at` of the chain whose head is `heads[index]`. */
export async function proofOf(
  records: readonly AuditRecord[],
  at: number,
  heads: readonly Head[],
  checkpoint: string,
): Promise<Proof> {
  const index = heads.findIndex(({ chain }) => chain === records[0]?.chain);
  return {
    head: there(heads[index]),
    index,
    size: heads.length,
    path: (await merklePath(heads.map(leafOf), index)).map(toBase64url),
    checkpoint,
    digests: records
      .slice(at + 1)
      .map(({ digest }) => digest)
      .join(" "),
  };
}

/** Five chains, ours in the middle with an attested call, its outcome and others around, all under one checkpoint. */
export async function scene() {
  const digest = await digestOf(ATTESTATION);
  const emission = {
    iss: ISSUER,
    sub: "agent:reader",
    at: T,
    attestation: { digest, nonce: "n-1" },
  };
  const key = there(ours.es256);
  const decided = await emitDecision({ ...emission, nonce: "e-1" }, { decision: "allow" }, key);
  const executed = await emitReceipt(
    { ...emission, nonce: "e-2" },
    decided,
    { status: "executed", result: { content: [] } },
    key,
  );
  const evidence = {
    mandate: null,
    token: null,
    approval: null,
    ect: null,
    record: null,
    attestation: emission.attestation,
  };
  const records = await chainOf("chain-c", [
    draft({ id: "decision-z", decision: "decision-z" }),
    draft({ evidence, execution: [decided.text] }),
    draft({ id: "decision-b", decision: "decision-b" }),
    outcomeDraft({ execution: [executed.text] }),
    outcomeDraft({ id: "decision-b.outcome", decision: "decision-b" }),
  ]);
  const others = await Promise.all(
    ["chain-a", "chain-b", "chain-d", "chain-e"].map((chain) => chainOf(chain, [draft(), outcomeDraft()])),
  );
  const [a = [], b = [], d = [], e = []] = others;
  const heads = [a, b, records, d, e].map(headOf);
  const checkpoint = await checkpointOf(heads);
  const [decision, outcome] = [there(records[1]), there(records[3])];
  const receipt = await signLater(ISSUER, decision, outcome, ours);
  const document: ReceiptDocument = {
    decision,
    outcome,
    execution: [decided.text, executed.text],
    proof: {
      decision: await proofOf(records, 1, heads, checkpoint),
      outcome: await proofOf(records, 3, heads, checkpoint),
    },
    receipt,
    retry_after: null,
  };
  return {
    records,
    others,
    heads,
    checkpoint,
    decision,
    outcome,
    receipt,
    document,
    decided,
    executed,
    emission,
  };
}
