import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { type ApprovalStatement, signApproval, statementDigest } from "../../src/approval/statement.ts";
import { takeCall } from "../../src/audit/export/calls.ts";
import { readSigningKeys, signStatement } from "../../src/audit/signing-keys.ts";
import type { LimitUse } from "../../src/ledger/lease.ts";
import type { ApprovalAsk, Attempt, Ruling } from "../../src/ledger/protocol.ts";
import { revokedName } from "../../src/ledger/revoked.ts";
import { MAX_PENDING_APPROVALS, MAX_REPEATABLE_DENIALS_PER_WINDOW } from "../../src/limits.ts";
import {
  attempt,
  chainFault,
  claim,
  type Home,
  newLedger,
  setClock,
  T,
  unique,
  useClock,
} from "./helpers.ts";

useClock();

const keys = await readSigningKeys(env.SIGNING_KEYS);
if (keys === null) throw new Error("the tests have signing keys");

const PRINCIPAL = "agent:scout";
const LIFETIME = 900;

/** A digest as it looks. */
const digestOf = (name: string): string => name.padEnd(43, "_");

const ask = (changes: Partial<ApprovalAsk> = {}): ApprovalAsk => ({
  digest: digestOf("call"),
  tool: "pay",
  revision: "rev-1",
  roles: ["payer"],
  people: 1,
  lifetime: LIFETIME,
  sealed: "k1.sealed",
  ...changes,
});

const call = (changes: Partial<ApprovalAsk> = {}, more: Partial<Attempt> = {}): Attempt =>
  attempt({ approval: ask(changes), claims: [claim()], token: TOKEN, verified: true, ...more });

const TOKEN = { digest: "token", iat: T, exp: T + 7200 };

const alice = "oauth:https%idp:alice";
const bob = "oauth:https%idp:bob";

/** What somebody says to the call that waits under an id. */
const claimsOf = (id: string, changes: Partial<ApprovalStatement> = {}): ApprovalStatement => ({
  iss: "https://gateway.example/acme/mcp",
  sub: alice,
  jti: unique("said"),
  iat: T,
  exp: T + LIFETIME,
  decision: "approve",
  id,
  digest: digestOf("call"),
  tool: "pay",
  revision: "rev-1",
  principal: PRINCIPAL,
  run: null,
  roles: ["payer"],
  ...changes,
});
const say = (id: string, changes: Partial<ApprovalStatement> = {}) =>
  signApproval(claimsOf(id, changes), keys);

const LIMIT: LimitUse = {
  key: "limit",
  per: "principal",
  shared: false,
  issuer: null,
  amount: 1,
  max: 5,
  window: 60,
  from: 0,
  until: 0,
};

/** The state that a statement leads to, or why it leads to none. */
async function told(ledger: Home, statement: string): Promise<string> {
  const heard = await ledger.stub.approve(statement);
  return heard.ok ? heard.value.state : heard.error;
}

/** Asks, and gives the id under which the call waits. */
async function asked(ledger: Home, changes: Partial<ApprovalAsk> = {}): Promise<string> {
  const ruling = await ledger.rule(call(changes));
  expect(ruling.reason).toBe("approval.required");
  return ruling.approval?.id ?? "";
}

const reason = async (ledger: Home, changes: Partial<ApprovalAsk> = {}): Promise<string | null> =>
  (await ledger.rule(call(changes))).reason;

const rows = (ledger: Home) =>
  ledger.sql<{ id: string; state: string; sealed: string | null }>("SELECT id, state, sealed FROM approvals");

test("a call waits until somebody approves it, passes once, and then waits again", async () => {
  const ledger = newLedger();
  const first = call();
  const ruling = await ledger.rule(first);
  expect(ruling).toMatchObject({
    verdict: "denied",
    reason: "approval.required",
    approval: { id: first.decision, expires: T + LIFETIME },
  });
  expect((await ledger.rule(call())).approval).toEqual(ruling.approval);
  await evictDurableObject(ledger.stub);
  expect(await told(ledger, await say(first.decision))).toBe("approved");
  expect(await reason(ledger)).toBeNull();
  const again = await ledger.rule(call());
  expect(again.reason).toBe("approval.required");
  expect(again.approval?.id).not.toBe(first.decision);
});

test("of calls at once that one approval is for exactly one passes", async () => {
  const ledger = newLedger();
  expect(await told(ledger, await say(await asked(ledger)))).toBe("approved");
  // Each as an RPC that is repeated before it is answered.
  const calls = Array.from({ length: 100 }, () => call());
  const rulings = await runInDurableObject(ledger.stub, (instance) =>
    Promise.all(
      calls.flatMap((each) => [false, true].map((again) => instance.decide(each, again) as Promise<Ruling>)),
    ),
  );
  const admitted = rulings.flatMap(({ verdict, place }) => (verdict === "admitted" ? [place?.seq] : []));
  expect(admitted).toEqual([admitted[0], admitted[0]]);
  expect(new Set(rulings.flatMap(({ approval }) => approval?.id ?? [])).size).toBe(1);
});

test("who asks so often that not all of it is written down is still told where to have it approved", async () => {
  const ledger = newLedger();
  const id = await asked(ledger);
  const calls = Array.from({ length: 2 * MAX_REPEATABLE_DENIALS_PER_WINDOW }, () => call());
  const rulings = await runInDurableObject(ledger.stub, (instance) =>
    Promise.all(calls.map((each) => instance.decide(each) as Promise<Ruling>)),
  );
  expect(rulings.some(({ place }) => place === null)).toBe(true);
  expect(new Set(rulings.map(({ approval }) => approval?.id))).toEqual(new Set([id]));
  // A question that is not written down is asked of nobody.
  expect((await ledger.rule(call({ digest: digestOf("other") }))).approval).toBeNull();
  expect(await rows(ledger)).toHaveLength(1);
});

test("of people at once who say different things one is heard", async () => {
  const ledger = newLedger();
  const id = await asked(ledger);
  const said = [await say(id), await say(id, { sub: bob, decision: "refuse" })];
  const heard = await runInDurableObject(ledger.stub, (instance) =>
    Promise.all(said.map(async (each) => instance.approve(each))),
  );
  expect(heard.map((one) => (one.ok ? one.value.state : one.error))).toEqual(["approved", "decided"]);
});

test("two people are two: the same one twice, or one statement twice, are not", async () => {
  const ledger = newLedger();
  const id = await asked(ledger, { people: 2 });
  const first = await say(id);
  expect(await told(ledger, first)).toBe("pending");
  expect(await told(ledger, first)).toBe("pending");
  expect(await told(ledger, await say(id))).toBe("again");
  expect(await told(ledger, await say(id, { decision: "refuse" }))).toBe("again");
  expect(await reason(ledger, { people: 2 })).toBe("approval.required");
  expect(await told(ledger, await say(id, { sub: bob }))).toBe("approved");
  expect(await reason(ledger, { people: 2 })).toBeNull();
});

test("one of two who refuses is enough", async () => {
  const ledger = newLedger();
  const id = await asked(ledger, { people: 2 });
  expect(await told(ledger, await say(id))).toBe("pending");
  expect(await told(ledger, await say(id, { sub: bob, decision: "refuse" }))).toBe("refused");
  expect(await reason(ledger, { people: 2 })).toBe("approval.refused");
});

test("what was refused stays refused until it expires, and is asked again then", async () => {
  const ledger = newLedger();
  const id = await asked(ledger);
  expect(await told(ledger, await say(id, { decision: "refuse" }))).toBe("refused");
  expect(await reason(ledger)).toBe("approval.refused");
  expect(await told(ledger, await say(id, { sub: bob }))).toBe("decided");
  setClock(T + LIFETIME - 1);
  expect((await ledger.rule(call({}, { claims: [] }))).reason).toBe("approval.refused");
  setClock(T + LIFETIME);
  expect((await ledger.rule(call({}, { claims: [] }))).reason).toBe("approval.required");
});

test("nobody approves after the time is over, and what was approved ends with it", async () => {
  const ledger = newLedger();
  const [late, early] = [await asked(ledger), await asked(ledger, { digest: digestOf("other") })];
  expect(await told(ledger, await say(early, { digest: digestOf("other") }))).toBe("approved");
  setClock(T + LIFETIME);
  expect(await told(ledger, await say(late))).toBe("unknown");
  const after = await ledger.rule(call({ digest: digestOf("other") }, { claims: [] }));
  expect(after.reason).toBe("approval.required");
  expect(after.approval?.id).not.toBe(early);
});

test.each<[string, Partial<ApprovalAsk>]>([
  ["another digest", { digest: digestOf("other") }],
  ["another revision of the document", { revision: "rev-2" }],
  ["more people", { people: 2 }],
  ["other roles", { roles: ["boss"] }],
])("an approval is none for %s", async (_, changes) => {
  const ledger = newLedger();
  expect(await told(ledger, await say(await asked(ledger)))).toBe("approved");
  expect(await reason(ledger, changes)).toBe("approval.required");
  expect(await reason(ledger)).toBeNull();
});

test.each<[string, Partial<ApprovalStatement>, string]>([
  ["an id that nothing waits under", { id: "A".repeat(22) }, "unknown"],
  ["another digest", { digest: digestOf("other") }, "mismatch"],
  ["another tool", { tool: "look" }, "mismatch"],
  ["another revision: the approver's role may be gone", { revision: "rev-2" }, "mismatch"],
  ["another principal", { principal: "agent:other" }, "mismatch"],
  ["a longer time", { exp: T + 2 * LIFETIME }, "mismatch"],
  ["no role for it", { roles: ["boss"] }, "role"],
  ["no role at all", { roles: [] }, "role"],
])("a statement changes nothing with %s", async (_, changes, fault) => {
  const ledger = newLedger();
  const id = await asked(ledger);
  expect(await told(ledger, await say(id, changes))).toBe(fault);
  expect(await rows(ledger)).toEqual([{ id, state: "pending", sealed: "k1.sealed" }]);
  expect(await reason(ledger)).toBe("approval.required");
});

test.each([
  ["oauth:https://as.example:alice", "own"],
  ["oauth:https%idp:alice", "own"],
  ["oauth:https://as.example:bob", "approved"],
])("a call of %s that alice approves: %s", async (principal, state) => {
  const ledger = newLedger(undefined, principal);
  expect(await told(ledger, await say(await asked(ledger), { principal }))).toBe(state);
});

test("a statement must be signed by us, be of this kind, and say all of it", async () => {
  const ledger = newLedger();
  const id = await asked(ledger);
  const [head = "", , signature = ""] = (await say(id, { decision: "refuse" })).split(".");
  const [, approves = ""] = (await say(id)).split(".");
  const { roles: _, ...less } = claimsOf(id);
  for (const statement of [
    `${head}.${approves}.${signature}`,
    await signStatement(keys.signing, "countersign-receipt+jwt", claimsOf(id)),
    await signStatement(keys.signing, "countersign-approval+jwt", less),
    await signStatement(keys.signing, "countersign-approval+jwt", { ...claimsOf(id), decision: "yes" }),
    "",
  ])
    expect(await told(ledger, statement)).toBe("invalid");
});

test("a statement that was used is good for nothing more, here or elsewhere", async () => {
  const [ledger, other] = [newLedger(), newLedger(undefined, "agent:other")];
  const statement = await say(await asked(ledger));
  expect(await told(ledger, statement)).toBe("approved");
  expect(await reason(ledger)).toBeNull();
  expect(await told(ledger, statement)).toBe("unknown");
  await asked(ledger);
  expect(await told(ledger, statement)).toBe("unknown");
  await other.rule(call());
  expect(await told(other, statement)).toBe("mismatch");
  expect(await told(newLedger(), statement)).toBe("unknown");
});

test("who wants to call is asked about a few calls at once, and no more", async () => {
  const ledger = newLedger();
  const ids: string[] = [];
  for (let i = 0; i < MAX_PENDING_APPROVALS; i++)
    ids.push(await asked(ledger, { digest: digestOf(`c${i}`) }));
  expect(await reason(ledger)).toBe("approval.too_many");
  expect(await reason(ledger, { digest: digestOf("c0") })).toBe("approval.required");
  expect(await told(ledger, await say(ids[0] ?? "", { digest: digestOf("c0") }))).toBe("approved");
  expect(await reason(ledger)).toBe("approval.required");
  setClock(T + LIFETIME);
  expect((await ledger.rule(call({ digest: digestOf("new") }, { claims: [] }))).reason).toBe(
    "approval.required",
  );
});

test("what waits under a document that has changed can be decided by nobody, and keeps nothing waiting", async () => {
  const ledger = newLedger();
  for (let i = 0; i < MAX_PENDING_APPROVALS; i++) await asked(ledger, { digest: digestOf(`c${i}`) });
  expect(await reason(ledger)).toBe("approval.too_many");
  expect(await reason(ledger, { revision: "rev-2" })).toBe("approval.required");
});

test("a call that is denied for something else uses no approval up, and asks nobody", async () => {
  const ledger = newLedger();
  const nonce = claim();
  await ledger.rule(attempt({ claims: [nonce] }));
  expect((await ledger.rule(call({}, { claims: [nonce] }))).reason).toBe("replay.nonce");
  expect(await rows(ledger)).toEqual([]);
  expect(await told(ledger, await say(await asked(ledger)))).toBe("approved");
  expect((await ledger.rule(call({}, { claims: [nonce] }))).reason).toBe("replay.nonce");
  expect((await ledger.rule(call({}, { denial: "policy.environment" }))).reason).toBe("policy.environment");
  const limits = [{ ...LIMIT, max: 0 }];
  expect((await ledger.rule(call({}, { limits }))).reason).toBe("limit.principal_exhausted");
  const revoked = revokedName({ kind: "agent", name: "scout" });
  const next = { epoch: "e", version: 1, since: null, notices: [{ name: revoked, until: null }], lifted: [] };
  await ledger.stub.revoke(next);
  expect((await ledger.rule(call({}, { revocable: [revoked] }))).reason).toBe("revoked.agent");
  expect(await reason(ledger)).toBeNull();
});

test("the same attempt again has the same answer, and passes no second call", async () => {
  const ledger = newLedger();
  const first = call();
  const ruling = await ledger.rule(first);
  expect(await ledger.rule(first, true)).toEqual(ruling);
  expect(await told(ledger, await say(first.decision))).toBe("approved");
  const second = call();
  const admitted = await ledger.rule(second);
  expect(admitted.verdict).toBe("admitted");
  expect(await ledger.rule(second, true)).toEqual(admitted);
  expect(await ledger.rule(first, true)).toMatchObject({ reason: "approval.required", approval: null });
});

test("where an approval is only observed, the call goes on and nobody is asked", async () => {
  const ledger = newLedger();
  const ruling = await ledger.rule(call({}, { observes: ["approval"] }));
  expect(ruling).toMatchObject({ verdict: "observed", reason: "approval.required", approval: null });
  expect(await rows(ledger)).toEqual([]);
});

test("what people were shown is gone once they have decided, or their time is over", async () => {
  const ledger = newLedger();
  const two = { people: 2 };
  const id = await asked(ledger, two);
  await told(ledger, await say(id));
  expect(await rows(ledger)).toEqual([{ id, state: "pending", sealed: "k1.sealed" }]);
  await told(ledger, await say(id, { sub: bob }));
  expect(await rows(ledger)).toEqual([{ id, state: "approved", sealed: null }]);
  const other = await asked(ledger);
  expect(await ledger.stub.findApproval(other)).toMatchObject({ sealed: "k1.sealed" });
  setClock(T + LIFETIME);
  expect(await ledger.stub.findApproval(other)).toBeNull();
  await ledger.alarm();
  expect(await rows(ledger)).toEqual([]);
});

test("the journal says who approved and what was used up, and stays whole", async () => {
  const ledger = newLedger();
  const id = await asked(ledger, { people: 2 });
  const said = [await say(id), await say(id, { sub: bob })];
  for (const one of said) await told(ledger, one);
  expect(await reason(ledger, { people: 2 })).toBeNull();
  const digests = await Promise.all(said.map(statementDigest));
  const records = await ledger.journal();
  expect(await chainFault(records)).toBeNull();
  const calls = new Map();
  for (const record of records)
    expect(await takeCall(record, calls, true, new Map())).toMatchObject({ ok: true });
  const decisions = records.filter(({ kind }) => kind === "decision");
  expect(
    decisions.map(({ principal, verdict, reason, checks, evidence }) => [
      principal,
      reason ?? verdict,
      checks.at(-1),
      evidence?.approval ?? null,
    ]),
  ).toEqual([
    [PRINCIPAL, "approval.required", "ect.level2", { id, approvals: [] }],
    [alice, "admitted", "approval.approve", { id, approvals: [digests[0]] }],
    [bob, "admitted", "approval.approve", { id, approvals: [digests[1]] }],
    [PRINCIPAL, "admitted", "gate.approval", { id, approvals: digests }],
  ]);
  expect(records.filter(({ kind }) => kind === "outcome")).toHaveLength(2);
  expect((await ledger.stub.status()).open).toBe(1);
});

test.each(["dpop", "nonce"] as const)(
  "a request that waited and was captured is not done when somebody approves the call: its %s is spent",
  async (kind) => {
    const ledger = newLedger();
    const claims = [claim({ kind }), claim({ kind: "attestation" })];
    const first = call({}, { claims });
    const ruling = await ledger.rule(first);
    expect(ruling.reason).toBe("approval.required");
    // The answer was lost on its way, and the same attempt comes again: it is no replay, and no admission.
    const again = (await ledger.stub.decide(first, true)) as Ruling;
    expect([again.verdict, again.reason]).toEqual(["denied", "approval.required"]);
    expect(await told(ledger, await say(ruling.approval?.id ?? ""))).toBe("approved");
    const captured = await ledger.rule(call({}, { claims }));
    expect(captured.reason).toBe(kind === "dpop" ? "dpop.replay" : "replay.nonce");
    // Who makes the call again has another proof, and may bring the same attestation.
    const made = await ledger.rule(call({}, { claims: [claim({ kind }), ...claims.slice(1)] }));
    expect(made.verdict).toBe("admitted");
  },
);

test("a question about an id makes no ledger", async () => {
  const ledger = newLedger();
  expect(await ledger.stub.findApproval("A".repeat(22))).toBeNull();
  expect(await told(ledger, await say("A".repeat(22)))).toBe("unknown");
  expect(await ledger.incarnation().catch(() => "none")).toBe("none");
});
