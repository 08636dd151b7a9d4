import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, vi } from "vitest";
import { recordFault } from "../../src/audit/chain.ts";
import { type AuditRecord, type DecisionFacts, GENESIS } from "../../src/audit/record.ts";
import type { Row } from "../../src/audit/rows.ts";
import type { VerifiedRecord } from "../../src/evidence/act/record.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { ledgerName } from "../../src/ledger/names.ts";
import {
  type Attempt,
  type Claim,
  isQuestion,
  type MandateFacts,
  type Outcome,
  type Ruling,
} from "../../src/ledger/protocol.ts";
import { runKey } from "../../src/ledger/run-key.ts";
import type { Step } from "../../src/ledger/step.ts";
import { CLOCK_SKEW, MAX_ECT_AGE, MAX_SIGNATURE_WINDOW } from "../../src/limits.ts";

/** The time of every test, seconds. It stands still, and alarms, being far in the future, do not fire by themselves. */
export const T = 2_000_000_000;

export function useClock(): void {
  beforeEach(() => {
    setClock(T);
    // Half way between the shortest and the longest delay.
    vi.spyOn(Math, "random").mockReturnValue(0.5);
  });
  afterEach(() => void vi.restoreAllMocks());
}

/** Test and objects share one isolate, and so this clock. */
export const setClock = (seconds: number): void => void vi.spyOn(Date, "now").mockReturnValue(seconds * 1000);

let made = 0;
export const unique = (prefix: string): string => {
  made += 1;
  return `${prefix}-${made}`;
};

// -- what is asked --------------------------------------------------------------------------------------

export const ISSUER = "https://issuer.example";

export const mandate = (changes: Partial<MandateFacts> = {}): MandateFacts => ({
  iss: ISSUER,
  rootIss: changes.iss ?? ISSUER,
  jti: unique("mandate"),
  wid: null,
  iat: T - 60,
  exp: T + 3600,
  digest: unique("digest"),
  ...changes,
});

/** A step whose parents are given; without any it follows the mandate alone. */
export const step = ({ jti: root }: MandateFacts, changes: Partial<Step> = {}): Step => {
  const iat = changes.iat ?? T;
  return {
    jti: unique("step"),
    iat,
    lastAcceptable: iat + MAX_ECT_AGE + CLOCK_SKEW,
    pred: [root],
    level: 2,
    parents: { level: 2, denied: true },
    toleratesUnknownParents: false,
    foreignParents: [],
    othersAsked: true,
    ...changes,
  };
};

export const claim = (changes: Partial<Claim> = {}): Claim => {
  const issuedAt = changes.issuedAt ?? T;
  return {
    kind: "nonce",
    key: unique("key"),
    issuedAt,
    lastAcceptable: issuedAt + MAX_SIGNATURE_WINDOW + CLOCK_SKEW,
    ...changes,
  };
};

/** A record of the mandate, after no step. */
export const record = (
  { iss, rootIss, jti, wid, digest }: MandateFacts,
  changes: Partial<VerifiedRecord> = {},
): VerifiedRecord => ({
  iss,
  rootIss,
  jti,
  wid,
  mandateDigest: digest,
  pred: [],
  execAct: "mcp.search",
  execTs: T,
  status: "completed",
  digest: unique("record"),
  ...changes,
});

export const facts = (changes: Partial<DecisionFacts> = {}): DecisionFacts => ({
  tenant: "acme",
  revision: "rev",
  principal: "agent:scout",
  mandate: JSON.stringify([ISSUER, "m"]),
  method: "tools/call",
  tool: "search",
  action: "mcp.search",
  input_hash: "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",
  checks: ["mandate", "signature.agent", "ect.level2"],
  count: null,
  kept: null,
  ...changes,
});

export const attempt = (changes: Partial<Attempt> = {}): Attempt => ({
  decision: unique("decision"),
  mandate: null,
  step: null,
  claims: [],
  uses: [],
  record: null,
  denial: null,
  token: null,
  observed: null,
  observes: [],
  revocable: [],
  documentVersion: 0,
  limits: [],
  approval: null,
  verified: (changes.mandate ?? null) !== null,
  answerForm: { method: "tools/call", modern: false, wimse: false },
  facts: facts(),
  attestation: null,
  execution: null,
  outcomeBy: T * 1000 + 60_000,
  ...changes,
});

/** So many calls at once, each with a nonce of its own. */
export const many = (ledger: Home, count: number) =>
  Promise.all(Array.from({ length: count }, () => ledger.decide(attempt({ claims: [claim()] }))));

/** An attempt with a step of its own, by default the first of a run of its own. */
export const walk = (root = mandate(), changes: Partial<Step> = {}, more: Partial<Attempt> = {}): Attempt =>
  attempt({ mandate: root, step: step(root, changes), ...more });

export const outcomeOf = ({ decision, mandate: root }: Attempt): Outcome => ({
  decision,
  facts: facts(),
  status: 200,
  run: root && runKey(root),
  reason: null,
  output_hash: "output",
  delivered_hash: null,
  latency_ms: 12,
  execution: null,
});

// -- whom it is asked -----------------------------------------------------------------------------------

export interface Home {
  readonly name: string;
  readonly tenant: string;
  readonly stub: DurableObjectStub<Ledger>;
  /** The whole ruling. */
  rule(attempt: Attempt, again?: boolean): Promise<Ruling>;
  /** The ruling without its place in the journal, which differs from test to test, and what limits and approvals add. */
  decide(attempt: Attempt, again?: boolean): Promise<Pick<Ruling, "verdict" | "reason" | "stepRecorded">>;
  /** Decides in order and gives the reasons. */
  reasons(...attempts: Attempt[]): Promise<(string | null)[]>;
  alarm(): Promise<boolean>;
  sql<R extends Record<string, SqlStorageValue>>(query: string, ...bindings: SqlStorageValue[]): Promise<R[]>;
  /** All rows of all tables, by table. */
  rows(): Promise<Record<string, number>>;
  /** What is in the journal tables. */
  journal(): Promise<AuditRecord[]>;
  incarnation(): Promise<string>;
  /** What D1 has of this ledger. */
  logged(): Promise<Row[]>;
}

/** A ledger that no other test has. */
export function newLedger(tenant = unique("tenant"), principal = "agent:scout"): Home {
  const name = ledgerName(tenant, principal, 0);
  // Each time another: one is of no more use after the object was aborted.
  const stub = () => env.LEDGER.getByName(name);
  const sql: Home["sql"] = (query, ...bindings) =>
    runInDurableObject(stub(), (_, state) => state.storage.sql.exec(query, ...bindings).toArray()) as never;
  let aged: Promise<void> | null = null;
  const rule: Home["rule"] = async (asked, again) => {
    aged ??= age(stub());
    await aged;
    // A promise of an RPC that fails is reported as unhandled unless it is awaited at once.
    const answer = await stub().decide(asked, again);
    if (isQuestion(answer)) throw new Error("a question where a ruling should be");
    return answer;
  };
  const decide: Home["decide"] = async (asked, again) => {
    const { place: _p, retryAfter: _r, approval: _a, ...ruled } = await rule(asked, again);
    return ruled;
  };
  const incarnation: Home["incarnation"] = async () => {
    const [row] = await sql<{ value: string }>("SELECT value FROM meta WHERE key = 'incarnation'");
    return row?.value ?? "";
  };
  return {
    name,
    tenant,
    get stub() {
      return stub();
    },
    rule,
    decide,
    reasons: async (...attempts) => {
      const reasons: (string | null)[] = [];
      for (const asked of attempts) reasons.push((await decide(asked)).reason);
      return reasons;
    },
    alarm: () => runDurableObjectAlarm(stub()),
    sql,
    rows: () =>
      runInDurableObject(stub(), (_, { storage }) => {
        const count = (table: string) =>
          storage.sql.exec<{ n: number }>(`SELECT COUNT(*) AS n FROM ${table}`).one().n;
        return Object.fromEntries(tablesOf(storage.sql).map((table) => [table, count(table)]));
      }),
    journal: () =>
      runInDurableObject(stub(), (_, { storage }) =>
        tablesOf(storage.sql)
          .filter((table) => table.startsWith("journal_"))
          .flatMap((table) => storage.sql.exec<{ record: string }>(`SELECT record FROM ${table}`).toArray())
          .map(({ record }) => JSON.parse(record) as AuditRecord)
          .sort((a, b) => a.seq - b.seq),
      ),
    incarnation,
    logged: async () => {
      const query = env.AUDIT.prepare("SELECT * FROM audit_records WHERE chain = ? ORDER BY seq");
      return (await query.bind(await incarnation()).all<Row>()).results;
    },
  };
}

/** Lets a ledger begin two days before the test: a new one refuses what was issued before it. */
async function age(stub: DurableObjectStub<Ledger>): Promise<void> {
  const now = Date.now() / 1000;
  setClock(now - 2 * 86_400);
  await runInDurableObject(stub, (ledger) => ledger.alarm());
  setClock(now);
}

const tablesOf = (sql: SqlStorage): string[] =>
  sql
    .exec<{ name: string }>(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%\\_cf\\_%' ESCAPE '\\'",
    )
    .toArray()
    .map(({ name }) => name);

// -- an audit log that fails ------------------------------------------------------------------------------

type Run = () => Promise<D1Result>;

/**
 * Does some work with a ledger whose every batch for D1's log goes through `wrap`: given what sends it, how many were sent
 * before it, and the ledger.
 *
 * @returns the sizes of the batches
 */
export async function withAudit(
  { stub }: Home,
  wrap: (send: Run, sent: number, instance: Ledger) => Run,
  work: (instance: Ledger) => Promise<unknown>,
): Promise<number[]> {
  return runInDurableObject(stub, async (instance) => {
    const batches: number[] = [];
    const object = instance as unknown as { env: Env };
    const real = object.env;
    const prepare = (statement: string) => ({
      bind: (texts: string) => {
        const send: Run = () => real.AUDIT.prepare(statement).bind(texts).run();
        batches.push((JSON.parse(texts) as unknown[]).length);
        return { run: wrap(send, batches.length - 1, instance) };
      },
    });
    object.env = { ...real, AUDIT: { prepare } as unknown as D1Database };
    try {
      await work(instance);
    } finally {
      object.env = real;
    }
    return batches;
  });
}

// -- what an auditor does -------------------------------------------------------------------------------

/** The first fault of a chain that should begin at its beginning; null where it has none. */
export async function chainFault(records: readonly AuditRecord[]): Promise<string | null> {
  let [seq, prev] = [0, GENESIS];
  for (const record of records) {
    seq += 1;
    if (record.seq !== seq) return `${record.seq} where ${seq} should be`;
    const fault = await recordFault(record, prev);
    if (fault !== null) return `${fault} of ${seq}`;
    prev = record.hash;
  }
  return null;
}
