/** What can be used once is used once: under a thousand copies at a time, and under every other carrier. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Run, startRun } from "../../src/agent/index.ts";
import { MAX_REPEATABLE_DENIALS_PER_WINDOW } from "../../src/limits.ts";
import { type Caller, type Scene, setScene, type Wishes } from "./harness.ts";
import {
  beginSession,
  decisionOf,
  headerOf,
  RESPONSE,
  resign,
  rpc,
  told,
  toolCall,
  withHeader,
} from "./messages.ts";
import { answerJson } from "./origin.ts";
import { toBytes, volley, type Wire } from "./raw.ts";

let scene: Scene;
beforeAll(async () => {
  scene = await setScene({ acme: {}, quiet: {} });
  const stream = scene.origin("acme");
  stream.handler = (arrival) =>
    arrival.method === "GET"
      ? void arrival.response.writeHead(200, { "content-type": "text/event-stream" }).end(": hello\n\n")
      : answerJson(arrival);
});
afterAll(() => scene.close());

/** Sends all at once. Returns how often each answer was given, and how many requests the origin saw. */
async function tally(wires: readonly Wire[]): Promise<{ told: Record<string, number>; arrived: number }> {
  const before = scene.origin("acme").arrivals.length;
  const answers = await volley(scene.url, wires.map(toBytes));
  return { told: count(answers.map(told)), arrived: scene.origin("acme").arrivals.length - before };
}

function count(names: readonly string[]): Record<string, number> {
  const all: Record<string, number> = {};
  for (const name of names) all[name] = (all[name] ?? 0) + 1;
  return all;
}

const copies = (wire: Wire, number: number): Wire[] => Array.from({ length: number }, () => wire);

describe("copies at the same time", () => {
  test("1,000 of one signed call: one reaches the origin", async () => {
    const caller = scene.courier;
    const wire = await scene.sign("acme", toolCall(), { caller });
    expect(await tally(copies(wire, 1000))).toEqual({
      told: { "200": 1, "403 replay.ect": 999 },
      arrived: 1,
    });

    // Logged in full up to a bound, then counted: the one admission must be there, and no other.
    const honest = await scene.send(await scene.sign("acme", toolCall(), { caller }));
    expect(await scene.logged(honest)).toBe("admitted");
    const db = await scene.runtime.d1();
    const { results } = await db
      .prepare(
        "SELECT verdict, reason, COUNT(*) AS n FROM audit_records WHERE kind = 'decision' AND principal = ? GROUP BY 1, 2 ORDER BY 1",
      )
      .bind(`agent:${caller.name}`)
      .all();
    const [admitted, replayed, ...others] = results;
    expect(admitted).toEqual({ verdict: "admitted", reason: null, n: 2 });
    expect(replayed).toMatchObject({ verdict: "denied", reason: "replay.ect" });
    expect(Number(replayed?.n)).toBeGreaterThanOrEqual(MAX_REPEATABLE_DENIALS_PER_WINDOW);
    expect(others).toEqual([]);
  });

  test("200 of one signed GET: its nonce is spent once", async () => {
    const wire = await scene.sign("acme", null, { method: "GET" });
    expect(await tally(copies(wire, 200))).toEqual({
      told: { "200": 1, "403 replay.nonce": 199 },
      arrived: 1,
    });
  });

  test("one attestation in 100 fresh honest calls: one passes", async () => {
    const attestation = headerOf(await scene.sign("acme", toolCall("sealed")), "x-mcp-attestation");
    const run = await scene.run("acme");
    const wires = await Promise.all(
      Array.from({ length: 100 }, () =>
        scene.sign("acme", toolCall("sealed"), { run, ...attestedBy(attestation) }),
      ),
    );
    const before = scene.origin("acme").arrivals.length;
    const answers = await volley(scene.url, wires.map(toBytes));
    expect(count(answers.map(told))).toEqual({ "200": 1, "200 nonce_replay": 99 });
    expect(scene.origin("acme").arrivals.length - before).toBe(1);
    const rows = await scene.rows(answers.map(decisionOf));
    expect(count([...rows.values()].map(({ reason, verdict }) => reason ?? verdict ?? ""))).toEqual({
      admitted: 1,
      "attestation.nonce_seen": 99,
    });
  });
});

/** An attestation that was made elsewhere, in a request that is otherwise honest. */
const attestedBy = (attestation: string): Wishes => ({
  headers: { "x-mcp-attestation": attestation },
  attestation: { signer: scene.reader.attestor, intent: "none", when: () => false },
});

const bearer = (wire: Wire): string => headerOf(wire, "authorization").slice("Bearer ".length);

/** The carriers of one and the same call. The second run is under the same `wid`, the third has none. */
const CARRIERS: Readonly<Record<string, (wire: Wire, others: readonly Run[]) => Wire>> = {
  "as it was": (wire) => wire,
  "the mandate in ACT-Mandate": (wire) =>
    withHeader(withHeader(wire, "act-mandate", bearer(wire)), "authorization", null),
  "the mandate in both": (wire) => withHeader(wire, "act-mandate", bearer(wire)),
  "the mandate's scheme in capitals": (wire) => withHeader(wire, "authorization", `BEARER  ${bearer(wire)}`),
  "the ECT in Execution-Context": (wire) =>
    withHeader(withHeader(wire, "execution-context", headerOf(wire, "wimse-ect")), "wimse-ect", null),
  "the ECT in both": (wire) => withHeader(wire, "execution-context", headerOf(wire, "wimse-ect")),
  "another mandate with the same wid": (wire, [same]) =>
    withHeader(wire, "authorization", `Bearer ${same?.mandate.token}`),
  "another mandate without wid": (wire, [, none]) =>
    withHeader(wire, "authorization", `Bearer ${none?.mandate.token}`),
};

/** A call whose ECT names several mandates and no workflow, so that it would fit each of them. */
async function ambiguous(caller: Caller, named: boolean): Promise<{ wire: Wire; others: Run[] }> {
  const wid = crypto.randomUUID();
  const [first, same] = [await scene.run("acme", { caller, wid }), await scene.run("acme", { caller, wid })];
  const none = await scene.run("acme", { caller });
  // An agent's ECT may name a mandate that its run knows; one without the wid is never among them.
  for (const run of [first, same]) expect(told(await scene.send(await honest(caller, run)))).toBe("200");
  const pred = () => [first, same, ...(named ? [none] : [])].map(({ mandate }) => mandate.jti);
  const mandate = { ...first.mandate, wid: null };
  const run: Run = { ...first, mandate, pred };
  return { wire: await scene.sign("acme", toolCall(), { caller, run }), others: [same, none] };
}

const honest = (caller: Caller, run: Run) => scene.sign("acme", rpc("ping"), { caller, run });

describe.each(["agent", "poc"] as const)("another carrier, profile %s", (profile) => {
  const caller = () => (profile === "agent" ? scene.reader : scene.courier);

  test.each(Object.keys(CARRIERS))("after the call: %s", async (name) => {
    const { wire, others } = await ambiguous(caller(), profile === "poc");
    const moved = CARRIERS[name]?.(wire, others) ?? wire;
    expect(await tally([wire])).toEqual({ told: { "200": 1 }, arrived: 1 });
    // As it was captured: either it is a replay, or the signature does not let it be moved.
    const captured = await tally([moved]);
    expect(captured.arrived).toBe(0);
    expect(["403 replay.ect", "403 signature.invalid"]).toContain(Object.keys(captured.told)[0]);
    // Signed again by one who has the key.
    const again = await resign(scene, "acme", moved, { caller: caller() });
    const unnamed = profile === "agent" && name === "another mandate without wid";
    const reason = unnamed ? "ect.mandate_not_named" : "replay.ect";
    expect(await tally([again])).toEqual({ told: { [`403 ${reason}`]: 1 }, arrived: 0 });
  });

  test("all of them at the same time, five of each, captured or signed again", async () => {
    const { wire, others } = await ambiguous(caller(), profile === "poc");
    const moved = Object.values(CARRIERS).map((move) => move(wire, others));
    const signed = await Promise.all(moved.map((one) => resign(scene, "acme", one, { caller: caller() })));
    const { arrived, told } = await tally([...moved, ...signed].flatMap((one) => copies(one, 5)));
    expect(arrived).toBe(1);
    expect(told["200"]).toBe(1);
    const unnamed = profile === "agent" ? ["403 ect.mandate_not_named"] : [];
    expect(Object.keys(told).sort()).toEqual(["200", ...unnamed, "403 replay.ect", "403 signature.invalid"]);
  });

  test("the mandate that came second is no way round a denial either", async () => {
    const { wire, others } = await ambiguous(caller(), true);
    const [, none] = others;
    // No run has both roots for an agent, but the ECT is used up by being looked at.
    const under = withHeader(wire, "authorization", `Bearer ${none?.mandate.token}`);
    const first = await scene.send(await resign(scene, "acme", under, { caller: caller() }));
    expect(told(first)).toBe(profile === "agent" ? "403 run.pred_unknown" : "200");
    expect(await tally([wire])).toEqual({ told: { "403 replay.ect": 1 }, arrived: 0 });
  });
});

describe("a nonce under another carrier", () => {
  const other = async () => `Bearer ${(await scene.run("acme", { wid: "w" })).mandate.token}`;
  test.each<[string, (wire: Wire) => Promise<Wire> | Wire]>([
    ["another mandate", async (wire) => withHeader(wire, "authorization", await other())],
    [
      "ACT-Mandate",
      (wire) => withHeader(withHeader(wire, "act-mandate", bearer(wire)), "authorization", null),
    ],
    ["DELETE", (wire) => ({ ...wire, method: "DELETE" })],
    [
      "another session",
      async (wire) => withHeader(wire, "mcp-session-id", await beginSession(scene, "acme", "another")),
    ],
  ])("%s", async (_name, move) => {
    const nonce = crypto.randomUUID();
    const wire = await scene.sign("acme", null, { method: "GET", newId: () => nonce });
    expect(await tally([wire])).toEqual({ told: { "200": 1 }, arrived: 1 });
    const moved = await move(wire);
    expect(await tally([moved])).toEqual({ told: { "403 signature.invalid": 1 }, arrived: 0 });
    const again = await resign(scene, "acme", moved, { nonce });
    expect(await tally([again])).toEqual({ told: { "403 replay.nonce": 1 }, arrived: 0 });
  });

  test("a posted response", async () => {
    const nonce = crypto.randomUUID();
    const headers = { "mcp-session-id": await beginSession(scene, "acme") };
    const wire = await scene.sign("acme", RESPONSE, { newId: () => nonce, headers });
    expect(await tally(copies(wire, 10))).toEqual({ told: { "200": 1, "403 replay.nonce": 9 }, arrived: 1 });
  });
});

describe("an attestation under another carrier", () => {
  const used = async () => {
    const wire = await scene.sign("acme", toolCall("sealed"));
    expect(told(await scene.send(wire))).toBe("200");
    return headerOf(wire, "x-mcp-attestation");
  };
  const denied = async (wire: Wire) => {
    const before = scene.origin("acme").arrivals.length;
    const answer = await scene.send(wire);
    expect(told(answer)).toBe("200 nonce_replay");
    expect(await scene.logged(answer)).toBe("attestation.nonce_seen");
    expect(scene.origin("acme").arrivals.length).toBe(before);
  };

  test("in params._meta", async () => {
    const attestation = JSON.parse(Buffer.from(await used(), "base64url").toString());
    const params = { name: "sealed", arguments: { query: "wax" }, _meta: { attestation } };
    const { headers, ...without } = attestedBy("");
    await denied(await scene.sign("acme", rpc("tools/call", params), without));
  });
  test("under another key of the agent, of another profile", async () => {
    const caller = scene.readerPoc;
    await denied(await scene.sign("acme", toolCall("sealed"), { ...attestedBy(await used()), caller }));
  });
  test("under another run", async () => {
    const run = await scene.run("acme", { wid: crypto.randomUUID() });
    await denied(await scene.sign("acme", toolCall("sealed"), { ...attestedBy(await used()), run }));
  });
});

test("ECT and signature by two keys of one agent would give one request two homes", async () => {
  const run = startRun(await scene.mandate("quiet"));
  const wire = await scene.sign("quiet", toolCall(), { run });
  const other = await scene.sign("quiet", toolCall(), { run, caller: scene.readerPoc });
  const mixed = withHeader(wire, "wimse-ect", headerOf(other, "wimse-ect"));
  const answer = await scene.send(await resign(scene, "quiet", mixed));
  expect(told(answer)).toBe("403 principal.invalid");
  expect(await scene.logged(answer)).toBe("principal.key_mismatch");
});

test("captured at one tenant, sent to another that has the same agents and keys", async () => {
  const wire = await scene.sign("acme", toolCall());
  const moved = await scene.send({ ...wire, target: "/quiet/mcp" });
  expect(told(moved)).toBe("401 bearer.invalid");
  expect(await scene.logged(moved)).toBe("act.audience");
  // With a mandate for both, the signature and the ECT still name one.
  const aud = [scene.endpoint("acme"), scene.endpoint("quiet")];
  const both = await scene.sign("acme", toolCall(), { run: await scene.run("acme", { aud }) });
  const answers = [
    await scene.send({ ...both, target: "/quiet/mcp" }),
    await scene.send({ ...(await resign(scene, "quiet", both)), target: "/quiet/mcp" }),
  ];
  expect(answers.map(told)).toEqual(["403 signature.invalid", "403 ect.invalid"]);
  const rows = await scene.rows(answers.map(decisionOf));
  expect(answers.map((answer) => rows.get(decisionOf(answer))?.reason)).toEqual([
    "signature.audience",
    "ect.audience",
  ]);
});
