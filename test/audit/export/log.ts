/** An audit log as the ledgers and the directory of a tenant would have written it, and exports of it, without any of them. */

import {
  CHECKPOINT_TYPE,
  type CheckpointClaims,
  type Faulty,
  type Head,
  linkTo,
  rootOf,
} from "../../../src/audit/checkpoint.ts";
import { type ExportClaims, writeLine } from "../../../src/audit/export/format.ts";
import { type Means, meansOf } from "../../../src/audit/export/means.ts";
import type { Fault, Report } from "../../../src/audit/export/report.ts";
import { headsByChain, pagesOf, type Stretch } from "../../../src/audit/export/spans.ts";
import { splitLines } from "../../../src/audit/export/split-lines.ts";
import { verifyExport } from "../../../src/audit/export/verify.ts";
import {
  type After,
  exportLines,
  type Plan,
  type Source,
  type StoredCheckpoint,
} from "../../../src/audit/export/write.ts";
import { type EmittedRecord, emitDecision, emitReceipt } from "../../../src/audit/receipts/emit.ts";
import { type AuditRecord, digestRecord, GENESIS, linkHash } from "../../../src/audit/record.ts";
import { readSigningKeys, type SigningKeys, signStatement } from "../../../src/audit/signing-keys.ts";
import { sha256, toBase64url, utf8 } from "../../../src/encoding.ts";
import type { JsonObject, JsonValue } from "../../../src/json/strict-json.ts";
import type { Result } from "../../../src/result.ts";

export const TENANT = "acme";
const issuerOf = (tenant: string) => `https://gateway.example/${tenant}/mcp`;
export const ISSUER = issuerOf(TENANT);
export const START = 1_772_064_000_000;

/** Milliseconds between two records. */
export const STEP = 1000;

export interface Log {
  readonly tenant: string;
  readonly issuer: string;
  readonly keys: SigningKeys;
  readonly means: Means;
  /** By chain, in order. */
  readonly chains: Map<string, AuditRecord[]>;
  readonly checkpoints: (StoredCheckpoint & {
    readonly heads: readonly Head[];
    readonly claims: CheckpointClaims;
  })[];
}

export interface Sizes {
  readonly records: number;
  readonly chains: number;
  /** Records between two checkpoints. */
  readonly every: number;
  /** Milliseconds between two records; `STEP` without it. */
  readonly step?: number;
}

/** Records of all kinds, in turn in several chains; every fifth call is attested. */
export async function makeLog(
  { records, chains: count, every, step = STEP }: Sizes,
  keys?: SigningKeys,
  tenant = TENANT,
): Promise<Log> {
  const signing = keys ?? (await newKeys());
  const means = await meansFor(signing);
  const names = await Promise.all(Array.from({ length: count }, (_, i) => idOf(`${tenant}-${i}`)));
  const chains = new Map<string, AuditRecord[]>(names.map((name) => [name, []]));
  const issuer = issuerOf(tenant);
  const log: Log = { tenant, issuer, keys: signing, means, chains, checkpoints: [] };
  for (let i = 0; i < records; i++) {
    // Runs of records of one chain, of differing length.
    const chain = names[Math.floor(i / (1 + (i % 3))) % count] ?? "";
    await append(log, chain, await nextContent(log, chain, i), START + i * step);
    if ((i + 1) % every === 0) await checkpoint(log, START + (i + 1) * step);
  }
  await checkpoint(log, START + records * step);
  return log;
}

type Content = Omit<AuditRecord, "v" | "chain" | "seq" | "time" | "digest" | "prev_hash" | "hash">;

/** Calls of a chain that are open, and the decision record of each. */
const open = new WeakMap<AuditRecord[], { call: Content; emitted: EmittedRecord | null }[]>();

async function nextContent(log: Log, chain: string, i: number): Promise<Content> {
  const records = log.chains.get(chain) ?? [];
  const calls = open.get(records) ?? [];
  open.set(records, calls);
  const decision = await idOf(`decision-${i}`);
  const { tenant } = log;
  if (i % 17 === 16)
    return {
      ...CONTENT,
      tenant,
      id: `${decision}.summary`,
      kind: "summary",
      decision,
      verdict: "denied",
      count: i,
      revision: null,
    };
  const ended = calls.length > 2 || i % 3 === 1 ? calls.shift() : undefined;
  if (ended !== undefined) {
    const { call, emitted } = ended;
    const receipt =
      emitted &&
      (await emitReceipt(emission(log, call), emitted, { status: "executed", result: { i } }, signer(log)));
    return {
      ...call,
      id: `${call.decision}.outcome`,
      kind: "outcome",
      verdict: null,
      evidence: null,
      execution: receipt && [receipt.text],
      output_hash: await hashOf(`output-${i}`),
      status: 200,
      latency_ms: i % 1000,
    };
  }
  const denied = i % 7 === 6;
  const call: Content = {
    ...CONTENT,
    tenant,
    id: decision,
    kind: "decision",
    decision,
    verdict: denied ? "denied" : "admitted",
    reason: denied ? "replay.ect" : null,
    status: denied ? 403 : null,
    input_hash: await hashOf(`input-${i}`),
    evidence: {
      mandate: { digest: await hashOf(`mandate-${i % 9}`), iat: 1_772_063_000, exp: 1_772_066_600 },
      ect: { jti: `ect-${i}`, iat: 1_772_063_900, level: 2, pred: ["mandate"], foreign: [], joined: true },
      attestation: i % 5 === 0 ? { digest: `sha256:${"ab".repeat(32)}`, nonce: `nonce-${i}` } : null,
      token: null,
      approval: null,
      record: null,
    },
    kept: i % 4 === 0 ? { "/customer": i } : null,
  };
  if (call.evidence?.attestation == null) {
    if (!denied) calls.push({ call, emitted: null });
    return call;
  }
  const decided = denied
    ? ({ decision: "block", reason: "ect.replayed" } as const)
    : ({ decision: "allow" } as const);
  const emitted = await emitDecision(emission(log, call), decided, signer(log));
  if (!denied) calls.push({ call, emitted });
  return { ...call, execution: [emitted.text] };
}

const CONTENT = {
  revision: "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",
  principal: "agent:scout",
  mandate: JSON.stringify(["https://issuer.example", "mandate"]),
  run: JSON.stringify(["jti", "https://issuer.example", "mandate"]),
  method: "tools/call",
  tool: "search",
  action: "mcp.search",
  input_hash: null,
  output_hash: null,
  delivered_hash: null,
  checks: ["mandate", "signature.agent", "ect.level2", "policy"],
  count: null,
  kept: null,
  reason: null,
  status: null,
  latency_ms: null,
  evidence: null,
  execution: null,
} as const;

const emission = ({ issuer }: Log, { decision, evidence, principal }: Content) => ({
  iss: issuer,
  sub: principal,
  nonce: decision,
  at: 1_772_064_000,
  attestation: evidence?.attestation ?? { digest: "", nonce: "" },
});

function signer({ keys: { es256 } }: Log) {
  if (es256 === null) throw new Error("no ES256 key");
  return es256;
}

/** Writes the next record of a chain. */
export async function append(log: Log, chain: string, content: Content, time: number): Promise<AuditRecord> {
  const records = log.chains.get(chain) ?? [];
  const before = records.at(-1);
  const record = await chained(
    { ...content, v: 3, chain, seq: records.length + 1, time },
    before?.hash ?? GENESIS,
  );
  records.push(record);
  return record;
}

/** The record with the hashes that it has behind this one. */
export async function chained(
  record: Omit<AuditRecord, "digest" | "prev_hash" | "hash">,
  prev_hash: string,
): Promise<AuditRecord> {
  const digest = await digestRecord(record);
  return { ...record, digest, prev_hash, hash: await linkHash(prev_hash, digest) };
}

export interface Changes {
  readonly faults?: readonly Faulty[];
  readonly retained?: number;
  readonly starts?: ReadonlyMap<string, number>;
  /** What no directory would sign. */
  readonly lie?: {
    readonly heads?: (heads: Head[]) => Head[];
    readonly claims?: Partial<CheckpointClaims>;
  };
}

/** Signs where all chains end. */
export async function checkpoint(log: Log, time: number, changes: Changes = {}): Promise<void> {
  const before = log.checkpoints.at(-1);
  const honest = [...log.chains]
    .filter(([, records]) => records.length > 0 || before !== undefined)
    .map(([chain, records]): Head => {
      const start =
        changes.starts?.get(chain) ?? before?.heads.find((head) => head.chain === chain)?.start ?? 1;
      const last = records.at(-1);
      return {
        chain,
        seq: records.length,
        hash: last?.hash ?? GENESIS,
        start,
        start_prev: records[start - 2]?.hash ?? GENESIS,
      };
    })
    .sort((a, b) => (a.chain < b.chain ? -1 : 1));
  const heads = changes.lie?.heads?.(honest) ?? honest;
  const claims: CheckpointClaims = {
    iss: log.issuer,
    tenant: log.tenant,
    number: (before?.number ?? 0) + 1,
    time,
    root: await rootOf(heads),
    size: heads.length,
    prev: before === undefined ? null : await linkTo(before.jws),
    faults: changes.faults ?? [],
    retained: changes.retained ?? before?.claims.retained ?? 1,
    ...changes.lie?.claims,
  };
  const jws = await signStatement(log.keys.signing, CHECKPOINT_TYPE, claims);
  log.checkpoints.push({ number: claims.number, jws, heads, claims });
}

/** Without anything else: all of the log. */
export interface Range {
  readonly from?: number;
  readonly to?: number;
  readonly base?: number;
  readonly last?: number;
  readonly unknown?: ExportClaims["unknown"];
  readonly setAside?: Plan["setAside"];
}

export async function planOf(
  log: Log,
  { from, to, base, last, unknown = [], setAside = [] }: Range = {},
): Promise<Plan> {
  const at = (number: number) => {
    const found = log.checkpoints.find((one) => one.number === number);
    if (found === undefined) throw new Error(`no checkpoint ${number}`);
    return found;
  };
  const latest = at(log.checkpoints.length);
  const end = last === undefined ? latest : at(last);
  const mark = async ({ number, jws }: StoredCheckpoint) => ({ number, digest: await linkTo(jws) });
  return {
    base: base === undefined ? null : headsByChain(at(base).heads),
    last: headsByChain(end.heads),
    latest: headsByChain(latest.heads),
    setAside,
    claims: {
      v: 1,
      iss: log.issuer,
      tenant: log.tenant,
      time: latest.claims.time + 5,
      from: from ?? null,
      to: to ?? null,
      base: base ?? null,
      last: await mark(end),
      latest: await mark(latest),
      retained: latest.claims.retained,
      set_aside: setAside.length,
      unknown,
    },
  };
}

/** @param aside records in the other table, by hash */
export const sourceOf = (log: Log, aside: ReadonlyMap<string, AuditRecord> = new Map()): Source => ({
  async *checkpoints(from, to) {
    for (const one of log.checkpoints) if (one.number >= from && one.number <= to) yield one;
  },
  async *records(spans: readonly Stretch[]) {
    for (const page of pagesOf(spans, 7)) {
      for (const { chain, from, to } of page) {
        const found = (log.chains.get(chain) ?? []).filter(
          ({ seq, hash }) => seq >= from && seq <= to && !aside.has(hash),
        );
        yield* found;
      }
    }
  },
  async *setAside(wanted) {
    for (const one of wanted) {
      const record = aside.get(one.hash);
      if (record !== undefined) yield { ...one, record };
    }
  },
});

/** The lines of an export, without line feeds. */
export async function linesOf(
  log: Log,
  range: Range = {},
  after: After | null = null,
  source = sourceOf(log),
): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of exportLines(await planOf(log, range), source, log.keys, after))
    lines.push(writeLine(line).slice(0, -1));
  return lines;
}

/** Verifies lines as those of a file. */
export function verify(lines: readonly string[], means: Means): Promise<Result<Report, Fault>> {
  const bytes = utf8(lines.map((line) => `${line}\n`).join(""));
  return verifyExport(splitLines(each([bytes])), means);
}

/** What verification says: the report, or the fault in words. */
export async function judge(log: Log, lines: readonly string[], means = log.means): Promise<Report | string> {
  const verified = await verify(lines, means);
  if (verified.ok) return verified.value;
  const { line, chain, seq, problem } = verified.error;
  return `${line ?? "-"} ${chain === null ? "-" : `${indexOf(log, chain)}.${seq}`}: ${problem}`;
}

const indexOf = (log: Log, chain: string) => [...log.chains.keys()].sort().indexOf(chain);

/** The records of the n-th chain in the order of the export. */
export function chainOf(log: Log, n = 0): AuditRecord[] {
  const name = [...log.chains.keys()].sort()[n] ?? "";
  return log.chains.get(name) ?? [];
}

export const exported = async (log: Log, range: Range = {}) => judge(log, await linesOf(log, range));

export async function* each<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}

// -- keys -----------------------------------------------------------------------------------------------

export async function newKeys(kid = "signing-1"): Promise<SigningKeys> {
  const pair = (await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
    "sign",
    "verify",
  ])) as CryptoKeyPair;
  const {
    key_ops: _o,
    ext: _e,
    ...jwk
  } = (await crypto.subtle.exportKey("jwk", pair.privateKey)) as JsonWebKey & JsonObject;
  const keys = await readSigningKeys(JSON.stringify({ keys: [{ ...jwk, kid }] }));
  if (keys === null) throw new Error("no keys");
  return keys;
}

export async function meansFor(
  { published }: SigningKeys,
  receipts: readonly string[] = [],
  checkpoints: readonly string[] = [],
): Promise<Means> {
  const means = await meansOf(published as unknown as JsonValue, receipts, checkpoints);
  if (!means.ok) throw new Error(means.error);
  return means.value;
}

const hashOf = async (text: string): Promise<string> => toBase64url(await sha256(utf8(text)));

const idOf = async (text: string): Promise<string> => (await hashOf(text)).slice(0, 22);
