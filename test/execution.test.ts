import { exportJWK, generateKeyPair } from "jose";
import { expect, test } from "vitest";
import { parseDecisionRecord, parseExecutionReceipt } from "../src/audit/receipts/record.ts";
import { readSigningKeys } from "../src/audit/signing-keys.ts";
import type { Attested, ShownAttestation } from "../src/evidence/attested.ts";
import type { Caller } from "../src/evidence/caller.ts";
import { allowed, blocked, executed } from "../src/execution.ts";
import { newTrail, type Trail } from "../src/trail.ts";
import { tenant, unwrap } from "./support/acme.ts";
import { agentNamed } from "./support/agents.ts";

async function keysFor(...algs: readonly ("ES256" | "EdDSA")[]) {
  const pairs = await Promise.all(algs.map((alg) => generateKeyPair(alg, { extractable: true })));
  const keys = await Promise.all(pairs.map(({ privateKey }) => exportJWK(privateKey)));
  return readSigningKeys(JSON.stringify({ keys }));
}

const keys = await keysFor("EdDSA", "ES256");
const attestation: ShownAttestation = {
  digest: `sha256:${"a".repeat(64)}`,
  nonce: "n-1",
  nonceKey: "k",
  iat: 0,
  lastAcceptable: 1,
};
const caller = { kind: "agent", agent: agentNamed("ada") } as unknown as Caller;
const RESULT = { status: "executed", result: {} } as const;

const trail = (changes: Partial<Trail> = {}): Trail => ({
  ...newTrail(1000),
  tenant,
  caller,
  attested: attestation as Attested,
  ...changes,
});

test.each<[string, Partial<Trail>]>([
  ["without an attestation", { attested: null }],
  ["of a stranger", { caller: null }],
  ["of no tenant", { tenant: null }],
])("nothing is signed about a call %s", async (_, changes) => {
  expect(await allowed(trail(changes), keys)).toBeNull();
  expect(await blocked(trail(changes), "capability.missing", keys)).toBeNull();
  expect(await executed(trail(changes), RESULT, keys)).toBeNull();
});

test("nor where no key of the deployment is for ES256", async () => {
  const others = await keysFor("EdDSA");
  const decisionRecord = await allowed(trail(), keys);
  expect(await allowed(trail(), others)).toBeNull();
  expect(await blocked(trail(), "capability.missing", others)).toBeNull();
  expect(await executed(trail({ decisionRecord }), RESULT, others)).toBeNull();
  expect(await allowed(trail(), null)).toBeNull();
});

test("a receipt is of a decision that was recorded", async () => {
  const of = trail();
  expect(await executed(of, RESULT, keys)).toBeNull();
  of.decisionRecord = await allowed(of, keys);
  const [text = "", ...more] = (await executed(of, RESULT, keys)) ?? [];
  expect(more).toEqual([]);
  expect(unwrap(parseExecutionReceipt(text))).toMatchObject({
    decisionDigest: of.decisionRecord?.digest,
    nonce: `${of.decision}.outcome`,
    iss: tenant.publicUrl,
    sub: "agent:ada",
  });
});

test("an attestation of another call can only be blocked under, never allowed", async () => {
  const of = trail({ attested: null, unbound: attestation });
  const [decision = "", receipt = ""] = (await blocked(of, "attestation.tool_differs", keys)) ?? [];
  expect(unwrap(parseDecisionRecord(decision))).toMatchObject({
    decision: "block",
    nonce: of.decision,
    backLink: { attestationDigest: attestation.digest, attestationNonce: "n-1" },
  });
  expect(unwrap(parseExecutionReceipt(receipt)).status).toBe("refused");
  expect(await allowed(of, keys)).toBeNull();
});
