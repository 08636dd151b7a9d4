/** Execution records of attested calls: what the log keeps of each end a call can have, and that nobody waits for it. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { signAttestation } from "../../src/agent/index.ts";
import { pair } from "../../src/audit/receipts/pair.ts";
import {
  type DecisionRecord,
  type ExecutionReceipt,
  parseDecisionRecord,
  parseExecutionReceipt,
} from "../../src/audit/receipts/record.ts";
import { executionKeys, resultForm, type Verified, verifyRecord } from "../../src/audit/receipts/verify.ts";
import type { AuditRecord } from "../../src/audit/record.ts";
import { type Row, recordOf } from "../../src/audit/rows.ts";
import { readSigningKeys } from "../../src/audit/signing-keys.ts";
import { SIGNING_KEYS } from "../../src/cli/local/secrets.ts";
import { digestOf } from "../../src/json/digest.ts";
import type { JsonObject, JsonValue } from "../../src/json/strict-json.ts";
import { MAX_RESULT_BYTES } from "../../src/limits.ts";
import type { Result } from "../../src/result.ts";
import { type Scene, setScene, type Wishes } from "./harness.ts";
import { decisionOf, rpc, toolCall } from "./messages.ts";
import type { Handler } from "./origin.ts";
import { Connection, type Head, toBytes, volley } from "./raw.ts";

const signingKeys = SIGNING_KEYS.make();
const published = (await readSigningKeys(signingKeys))?.published ?? { keys: [] };

const DONE = { content: [{ type: "text", text: "done" }] };
const FAILED = { ...DONE, isError: true };
const ERROR = { code: -32000, message: "no" };
const response = (members: object): string => JSON.stringify({ jsonrpc: "2.0", id: 1, ...members });
const PROGRESS =
  '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":0.5}}';
const event = (data: string): string => `event: message\ndata: ${data}\n\n`;

const json =
  (body: string, status = 200, headers: object = {}): Handler =>
  ({ response }) =>
    void response.writeHead(status, { "content-type": "application/json", ...headers }).end(body);

const stream =
  (text: string, isWhole = true): Handler =>
  ({ response }) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).write(text);
    if (isWhole) response.end();
    else setTimeout(() => response.destroy(), 50);
  };

const cut =
  (body: string): Handler =>
  ({ response }) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": "5000" }).write(body);
    setTimeout(() => response.destroy(), 50);
  };

/** What the origin does, and the receipt of it: status and what is committed to, or null for no receipt at all. */
const ENDS: Readonly<Record<string, readonly [Handler, readonly [string, JsonValue | null] | null]>> = {
  "a result": [json(response({ result: DONE })), ["executed", DONE]],
  "a failure of the tool": [json(response({ result: FAILED })), ["errored", FAILED]],
  "a JSON-RPC error": [json(response({ error: ERROR })), ["errored", ERROR]],
  "a JSON-RPC error with an HTTP status": [json(response({ error: ERROR }), 404), ["errored", ERROR]],
  "a result on a stream, after notifications": [
    stream(event(PROGRESS) + event(PROGRESS) + event(response({ result: DONE }))),
    ["executed", DONE],
  ],
  "an error on a stream": [stream(event(response({ error: ERROR }))), ["errored", ERROR]],
  "a stream that is cut off behind its result": [
    stream(event(response({ result: DONE })) + event(PROGRESS), false),
    ["executed", DONE],
  ],
  "a fraction in the result": [json('{"jsonrpc":"2.0","id":1,"result":{"n":1.5}}'), ["executed", null]],
  "a result that is not strict JSON": [
    json('{"jsonrpc":"2.0","id":1,"result":{"isError":true,"a":1,"a":2}}'),
    ["errored", null],
  ],
  "a stream that is cut off before its result": [stream(event(PROGRESS), false), null],
  "a stream without a result": [stream(event(PROGRESS)), null],
  "a body that is cut off": [cut(response({ result: DONE })), null],
  "a result that is too large to be held": [
    json(response({ result: { content: "x".repeat(MAX_RESULT_BYTES) } })),
    null,
  ],
  "a question for more input": [
    json(response({ result: { resultType: "input_required", requestState: "s" } })),
    null,
  ],
  "an HTTP error that says nothing": [json("", 500), null],
  "a page": [json("<h1>Hello</h1>", 200, { "content-type": "text/html" }), null],
  "a content coding": [
    ({ response: answer }) =>
      void answer
        .writeHead(200, { "content-type": "application/json", "content-encoding": "br" })
        .end(Buffer.from("0b0280", "hex")),
    null,
  ],
  "an answer that never comes": [() => {}, null],
  "an answer to another request": [json('{"jsonrpc":"2.0","id":2,"result":{}}'), null],
};

let scene: Scene;
/** By case: what a decision left in the log. */
const kept = new Map<string, Kept>();

interface Kept {
  readonly decision: AuditRecord;
  /** Null where nothing was forwarded. */
  readonly outcome: AuditRecord | null;
  /** `sha256:<hex>` of the attestation that was sent. */
  readonly attestation: string;
}

const ARGS = { query: "wax" };
const sealed = (args: object = ARGS) => toolCall("sealed", args);

async function attestationFor(tenant: string, changes: object = {}) {
  const { header, envelope } = await signAttestation(scene.reader.attestor, {
    dialect: "A",
    tool: "sealed",
    arguments: ARGS,
    serverFingerprint: scene.endpoint(tenant),
    intent: "test",
    projection: "hash-only",
    now: Math.floor(Date.now() / 1000),
    ...changes,
  });
  return { header, digest: await digestOf(envelope) };
}

type Shown = Awaited<ReturnType<typeof attestationFor>>;

const carrying = (header: string, wishes: Wishes = {}): Wishes => ({
  attestation: { signer: scene.reader.attestor, intent: "test", when: () => false },
  headers: { "x-mcp-attestation": header },
  ...wishes,
});

/** Sends a call, and takes of the answer what comes of it. */
async function send(tenant: string, shown: Shown, body = sealed(), wishes: Wishes = {}): Promise<Head> {
  const client = await Connection.open(scene.url);
  client.write(toBytes(await scene.sign(tenant, body, carrying(shown.header, wishes))));
  const head = await client.head();
  try {
    while ((await client.piece()) !== null);
  } catch {
    // Cut off, as some are meant to be.
  }
  client.close();
  return head;
}

beforeAll(async () => {
  // Where an answer is expected, a slow machine must not make it late.
  const ends = Object.values(ENDS).map(
    ([, expected], i) => [`end-${i}`, { origin: { timeoutSeconds: expected === null ? 1 : 20 } }] as const,
  );
  scene = await setScene(
    { acme: {}, suspended: { status: "suspended" }, ...Object.fromEntries(ends) },
    { signingKeys },
  );
  const pending: [string, string, string][] = [];
  const note = (name: string, head: Head, { digest }: Shown) =>
    void pending.push([name, decisionOf(head), digest]);

  await Promise.all(
    Object.entries(ENDS).map(async ([name, [handler]], i) => {
      const tenant = `end-${i}`;
      scene.origin(tenant).handler = handler;
      const shown = await attestationFor(tenant);
      note(name, await send(tenant, shown), shown);
    }),
  );

  const first = await attestationFor("acme");
  note("a call before its replay", await send("acme", first), first);
  note("a replayed attestation", await send("acme", first), first);
  note(
    "a replayed attestation, with other arguments",
    await send("acme", first, sealed({ query: "x" })),
    first,
  );
  const [one, other] = [await attestationFor("acme"), await attestationFor("acme")];
  const entry = { action: "mcp.sealed", constraints: { arguments: { "/query": { pattern: "wane" } } } };
  const forbidden = await scene.run("acme", { actions: [entry] });
  note("a replayed attestation, forbidden", await send("acme", first, sealed(), { run: forbidden }), first);
  note("a call that its mandate forbids", await send("acme", one, sealed(), { run: forbidden }), one);
  note("the same attestation, admitted", await send("acme", one), one);
  note("a call with other arguments", await send("acme", other, sealed({ query: "wane" })), other);
  const away = await attestationFor("suspended");
  note("a call of a suspended tenant", await send("suspended", away), away);
  const foreign = await attestationFor("acme", { serverFingerprint: "urn:elsewhere" });
  note("an attestation for another server", await send("acme", foreign), foreign);
  const expired = await attestationFor("acme", { now: Math.floor(Date.now() / 1000) - 400 });
  note("an attestation that has expired", await send("acme", expired), expired);
  const stolen = await attestationFor("acme");
  note(
    "an attestation of another agent",
    await send("acme", stolen, sealed(), { caller: scene.writer }),
    stolen,
  );

  const twice = await attestationFor("acme");
  const wires = await Promise.all([1, 2].map(() => scene.sign("acme", sealed(), carrying(twice.header))));
  const answers = await volley(scene.url, wires.map(toBytes));
  for (const [i, answer] of answers.entries()) note(`a copy: ${i}`, answer, twice);

  const bare = await scene.sign("acme", toolCall("search"));
  note("a call without an attestation", await scene.send(bare), first);

  const ids = pending.map(([, id]) => id);
  const decisions = await scene.rows(ids);
  const admitted = ids.filter((id) => decisions.get(id)?.verdict === "admitted").map((id) => `${id}.outcome`);
  const outcomes = await scene.rows(admitted);
  const recordIn = (rows: typeof outcomes, id: string) => {
    const row = rows.get(id);
    return row === undefined ? null : recordOf(row as unknown as Row);
  };
  for (const [name, id, attestation] of pending) {
    const decision = recordIn(decisions, id);
    if (decision === null) throw new Error(`not in the log: ${name}`);
    kept.set(name, { decision, outcome: recordIn(outcomes, `${id}.outcome`), attestation });
  }
}, 60_000);
afterAll(() => scene.close());

function of(name: string): Kept {
  const found = kept.get(name);
  if (found === undefined) throw new Error(`no such case: ${name}`);
  return found;
}

function unwrap<T>(result: Result<T, unknown>): T {
  if (!result.ok) throw new Error(String(result.error));
  return result.value;
}

/** Tenants of these tests are known by their public URL alone. */
const keysFor = ({ decision: { tenant } }: Kept) => executionKeys(scene.endpoint(tenant), published);

async function decisionIn(found: Kept): Promise<Verified<DecisionRecord>> {
  const text = found.decision.execution?.[0] ?? "";
  return unwrap(await verifyRecord(unwrap(parseDecisionRecord(text)), await keysFor(found)));
}

async function receiptIn(text: string, found: Kept): Promise<Verified<ExecutionReceipt>> {
  return unwrap(await verifyRecord(unwrap(parseExecutionReceipt(text)), await keysFor(found)));
}

describe("a call that was forwarded", () => {
  test.each(Object.entries(ENDS))("%s", async (name, [, expected]) => {
    const found = of(name);
    expect(found.decision.execution).toHaveLength(1);
    const decision = await decisionIn(found);
    expect(decision).toMatchObject({ decision: "allow", sub: "agent:reader" });
    expect(decision.backLink.attestationDigest).toBe(found.attestation);
    expect(found.decision.evidence?.attestation?.digest).toBe(found.attestation);

    const texts = found.outcome?.execution ?? null;
    if (expected === null) return expect(texts).toBeNull();
    const [status, result] = expected;
    expect(texts).toHaveLength(1);
    const receipt = await receiptIn(texts?.[0] ?? "", found);
    expect(receipt.status).toBe(status);
    expect(pair(decision, receipt)).toBe("paired");
    expect(receipt.result === null).toBe(result === null);
    if (receipt.result !== null && result !== null)
      expect(await resultForm(receipt.result, result)).toBe("hash-only");
  });

  test("no two records have one nonce", () => {
    const texts = [...kept.values()].flatMap(({ decision, outcome }) => [
      ...(decision.execution ?? []),
      ...(outcome?.execution ?? []),
    ]);
    const nonces = texts.map((text) => {
      const { issuerAsserted, receiptAsserted } = JSON.parse(text) as Record<string, JsonObject>;
      return (issuerAsserted ?? receiptAsserted)?.nonce;
    });
    expect(texts.length).toBeGreaterThan(20);
    expect(new Set(nonces).size).toBe(texts.length);
  });
});

describe("a call that was refused", () => {
  test.each([
    ["a call that its mandate forbids", "capability.argument_not_allowed"],
    ["a call with other arguments", "attestation.hash_only_mismatch"],
    ["a call of a suspended tenant", "policy.tenant_suspended"],
  ])("%s: blocked, with the reason, and refused", async (name, reason) => {
    const found = of(name);
    expect(found.decision.reason).toBe(reason);
    expect(found.decision.execution).toHaveLength(2);
    const decision = await decisionIn(found);
    expect(decision.decision).toBe("block");
    expect(decision.raw.decisionDerived).toMatchObject({ reason });
    expect(decision.backLink.attestationDigest).toBe(found.attestation);
    const receipt = await receiptIn(found.decision.execution?.[1] ?? "", found);
    expect(receipt).toMatchObject({ status: "refused", result: null });
    expect(pair(decision, receipt)).toBe("paired");
    expect(found.outcome).toBeNull();
  });

  test("and then admitted under the same attestation: the receipt says which decision it ran under", async () => {
    const [blocked, ran] = [of("a call that its mandate forbids"), of("the same attestation, admitted")];
    const receipt = await receiptIn(ran.outcome?.execution?.[0] ?? "", ran);
    expect(pair(await decisionIn(ran), receipt)).toBe("paired");
    expect(pair(await decisionIn(blocked), receipt)).toBe("other_decision");
  });

  test.each([
    ["a replayed attestation", "attestation.nonce_seen"],
    // Its records would be the later ones about the call that ran.
    ["a replayed attestation, with other arguments", "attestation.hash_only_mismatch"],
    ["a replayed attestation, forbidden", "capability.argument_not_allowed"],
    ["an attestation for another server", "attestation.fingerprint_not_found"],
    ["an attestation that has expired", "attestation.ttl_passed"],
    ["an attestation of another agent", "attestation.principal_mismatch"],
  ])("%s: nothing is said", async (name, reason) => {
    const { decision, outcome } = of(name);
    expect(decision).toMatchObject({ reason, execution: null });
    expect(outcome).toBeNull();
  });
});

test("of two copies at the same time one alone is spoken of", () => {
  const copies = [of("a copy: 0"), of("a copy: 1")];
  expect(copies.map(({ decision }) => decision.reason).sort()).toEqual(["attestation.nonce_seen", null]);
  const texts = copies.flatMap(({ decision, outcome }) => [
    ...(decision.execution ?? []),
    ...(outcome?.execution ?? []),
  ]);
  expect(texts.map((text) => Object.keys(JSON.parse(text)).includes("decisionDerived"))).toEqual([
    true,
    false,
  ]);
});

test("a call without an attestation has no records", () => {
  const { decision, outcome } = of("a call without an attestation");
  expect([decision.execution, outcome?.execution]).toEqual([null, null]);
});

test("nobody waits: each event comes before the origin sends the next, and every byte as it was sent", async () => {
  const origin = scene.origin("acme");
  const { handler } = origin;
  origin.handler = () => {};
  const arriving = origin.next();
  const client = await Connection.open(scene.url);
  const { header } = await attestationFor("acme");
  client.write(toBytes(await scene.sign("acme", sealed(), carrying(header))));
  const { response: answer } = await arriving;
  origin.handler = handler;
  answer.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
  await client.head();
  // Cut within events, too: no part waits for the rest of its event.
  const final = event(response({ result: DONE }));
  for (const part of [event(PROGRESS), "data: {", final.slice(0, 30), final.slice(30), ": bye\n\n"]) {
    answer.write(part);
    let seen = "";
    while (seen.length < part.length) seen += (await client.piece())?.toString() ?? "(ended)";
    expect(seen).toBe(part);
  }
  answer.end();
  expect(await client.piece()).toBeNull();
  client.close();
});

test("what is asked in the header is not asked of other methods", async () => {
  const { header } = await attestationFor("acme");
  const answer = await scene.send(await scene.sign("acme", rpc("tools/list"), carrying(header)));
  const decision = decisionOf(answer);
  const row = (await scene.rows([decision])).get(decision) as unknown as Row;
  expect(recordOf(row)).toMatchObject({ reason: "attestation.misplaced", execution: null });
});
