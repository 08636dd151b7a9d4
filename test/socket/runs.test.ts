/** The graph of a run, as its agents and an auditor see it. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  createVisitor,
  delegateMandate,
  mintRecord,
  type Run,
  runIdOf,
  startRun,
} from "../../src/agent/index.ts";
import { signJwt } from "../../src/agent/signer.ts";
import type { Run as JudgedRun } from "../../src/audit/run.ts";
import { type Caller, type Scene, setScene } from "./harness.ts";
import { decisionOf, told, toolCall } from "./messages.ts";
import type { Answer } from "./raw.ts";
import { AUDITOR, letAudit, visitWire } from "./visits.ts";

interface Entry {
  readonly decision: string;
  readonly principal: string;
  readonly tool: string | null;
  readonly action: string | null;
  readonly verdict: string;
  readonly reason: string | null;
  readonly mandate: { readonly iss: string; readonly jti: string };
  readonly ect: { readonly jti: string; readonly pred: readonly string[]; readonly joined: boolean } | null;
  readonly outcome: { readonly status: number; readonly reason: string | null } | null;
}

interface Shown extends JudgedRun {
  readonly run: string;
  readonly steps: readonly Entry[];
  readonly denials: readonly Entry[];
  readonly calls: readonly Entry[];
}

let scene: Scene;
beforeAll(async () => {
  scene = await setScene({
    acme: { act: { delegation: { maxDepth: 2 } }, ect: { algorithms: ["ES256", "EdDSA"] } },
    other: {},
  });
  await letAudit(scene, "acme");
});
afterAll(() => scene.close());

async function call(run: Run, caller = scene.reader, tool = "search"): Promise<Answer> {
  const wire = await scene.sign("acme", toolCall(tool), { run, caller });
  const answer = await scene.send(wire);
  const ect = wire.headers.find(([name]) => name === "wimse-ect")?.[1] ?? "";
  const { jti, pred } = JSON.parse(Buffer.from(ect.split(".")[1] ?? "", "base64url").toString());
  run.answered({ jti, pred, joins: true }, { headers: { get: (name) => answer.headers.get(name) ?? null } });
  return answer;
}

const ask = async (id: string, caller: Caller, grants?: readonly string[]): Promise<Answer> =>
  scene.send(await visitWire(scene, "acme", `runs/${id}`, { caller, ...(grants && { grants }) }));

async function shown(id: string, caller = scene.reader, grants?: readonly string[]): Promise<Shown> {
  const answer = await ask(id, caller, grants);
  expect(told(answer)).toBe("200");
  return JSON.parse(answer.text);
}

test("steps, denials and record of a run, at once", async () => {
  const run = await scene.run("acme", { actions: ["mcp.search", "mcp.session.ping"] });
  const { jti } = run.mandate;
  await call(run);
  const denied = await call(run, scene.reader, "write");
  await call(run);
  const streamed = await scene.send(await scene.sign("acme", "", { method: "GET", run }));
  const visitor = createVisitor({
    endpoint: scene.endpoint("acme"),
    mandate: run.mandate.token,
    signer: scene.reader.signer,
  });
  const record = { mandate: run.mandate.token, signer: scene.reader.signer, execAct: "mcp.search" };
  expect((await visitor.postRecord(await mintRecord({ ...record, pred: run.pred(true) }))).status).toBe(201);

  const id = runIdOf(run.mandate.token);
  const found = await shown(id);
  expect(found).toMatchObject({
    run: id,
    wellFormed: true,
    faults: [],
    foreign: [],
    mandates: [{ iss: "https://issuer.test", jti, digest: expect.stringMatching(/^[\w-]{43}$/) }],
    records: [{ jti, exec_act: "mcp.search", status: "completed" }],
    denials: [],
  });
  const [first, second, third] = found.steps;
  expect(found.steps.map(({ verdict, reason, tool }) => [verdict, reason, tool])).toEqual([
    ["admitted", null, "search"],
    ["denied", "capability.missing", "write"],
    ["admitted", null, "search"],
  ]);
  expect(second?.decision).toBe(decisionOf(denied));
  expect(first?.ect?.pred).toEqual([jti]);
  expect(third?.ect?.pred).toEqual([jti, second?.ect?.jti]);
  expect(first).toMatchObject({
    principal: "agent:reader",
    mandate: { jti },
    outcome: { status: 200, reason: null },
  });
  // No visit is among them.
  expect(found.calls.map(({ decision }) => decision)).toEqual([decisionOf(streamed)]);
  expect(found.records[0]).not.toHaveProperty("run");
});

test("a replay, and a step that nobody can follow, are denials of the run", async () => {
  const run = await scene.run("acme");
  const wire = await scene.sign("acme", toolCall(), { run });
  await scene.send(wire);
  await scene.send(wire);
  const lost = startRun(run.mandate.token, { parents: ["nowhere"] });
  await call(lost);
  const found = await shown(runIdOf(run.mandate.token));
  expect(found.steps).toHaveLength(1);
  expect(found.denials.map(({ reason, ect }) => [reason, ect?.joined])).toEqual([
    ["replay.ect", false],
    ["run.pred_unknown", false],
  ]);
  expect(found.wellFormed).toBe(true);
});

test("what was denied at an endpoint of Countersign's own is among the denials, under the run of its mandate", async () => {
  const run = await scene.run("acme");
  const id = runIdOf(run.mandate.token);
  const denied = await scene.send(await visitWire(scene, "acme", "audit/status", { run }));
  expect(told(denied)).toBe("403 capability.missing");
  const found = await scene.send(await visitWire(scene, "acme", `runs/${id}`, { run }));
  expect(JSON.parse(found.text)).toMatchObject({
    denials: [{ decision: decisionOf(denied), action: "countersign.audit.read", ect: null }],
    calls: [],
    wellFormed: true,
  });
});

test("nobody gets into another's run, or anything into it, with a record that names it", async () => {
  const victim = startRun(await scene.mandate("acme", { wid: crypto.randomUUID() }));
  await call(victim);
  const id = runIdOf(victim.mandate.token);
  const claims = JSON.parse(Buffer.from(victim.mandate.token.split(".")[1] ?? "", "base64url").toString());
  const body = await signJwt(scene.writer.signer, "act+jwt", {
    ...claims,
    ...{ sub: "agent:writer", jti: "forged", exec_act: "mcp.search", pred: ["x"], status: "completed" },
    exec_ts: Math.floor(Date.now() / 1000),
  });
  const headers = { "content-type": "application/jwt" };
  const posted = { method: "POST", body, headers, caller: scene.writer };
  const refused = await scene.send(await visitWire(scene, "acme", "records", posted));
  expect(told(refused)).toBe("403 record.mandate_unknown");
  expect(told(await ask(id, scene.writer))).toBe("404 endpoint.not_found");
  await scene.rows([decisionOf(refused)]);
  const found = await shown(id, scene.reader, AUDITOR);
  expect([found.wellFormed, found.records, found.denials]).toEqual([true, [], []]);
});

describe("whose it is to see", () => {
  const wid = crypto.randomUUID();
  let shared: { id: string; reader: Run; writer: Run };

  beforeAll(async () => {
    const grant = { actions: ["mcp.search", "mcp.write"], purpose: "test" };
    const parent = await scene.mandate("acme", { ...grant, wid, maxDepth: 1 });
    const reader = startRun(parent);
    await call(reader);
    const { signer } = scene.reader;
    const handed = await delegateMandate({ ...grant, parent, signer, sub: "agent:writer" });
    const writer = startRun(handed, { parents: reader.pred(true) });
    expect(told(await call(writer, scene.writer, "write"))).toBe("200");
    // A mandate with the same wid of the same issuer is of the same run, and makes nobody's steps another's.
    const id = runIdOf(parent);
    expect([runIdOf(handed), runIdOf(await scene.mandate("acme", { wid }))]).toEqual([id, id]);
    shared = { id, reader, writer };
  });

  test("an agent sees its own steps, and which parents are others'", async () => {
    const found = await shown(shared.id, scene.writer);
    expect(found.steps.map(({ principal }) => principal)).toEqual(["agent:writer"]);
    expect(found.mandates.map(({ jti }) => jti)).toEqual([shared.writer.mandate.jti]);
    expect([...found.foreign].sort()).toEqual([...shared.reader.pred(true)].sort());
    expect(found.wellFormed).toBe(true);
    const own = await shown(shared.id, scene.reader);
    expect([own.steps.length, own.foreign, own.wellFormed]).toEqual([1, [], true]);
    expect(JSON.stringify(own)).not.toContain(shared.writer.mandate.jti);
  });

  test("an auditor sees all", async () => {
    const found = await shown(shared.id, scene.scribe, AUDITOR);
    expect(found.steps.map(({ principal }) => principal).sort()).toEqual(["agent:reader", "agent:writer"]);
    expect([found.wellFormed, found.foreign]).toEqual([true, []]);
  });

  test("to others it is as if there were none", async () => {
    const { id } = await shared;
    const run = await scene.run("acme", { caller: scene.writer });
    const own = runIdOf(run.mandate.token);
    const answers = [
      await ask(runIdOf(await scene.mandate("acme")), scene.writer),
      await ask(runIdOf((await privateRun()).mandate.token), scene.writer),
      await ask(own, scene.reader),
      await ask(Buffer.from("no run").toString("base64url"), scene.reader),
    ];
    expect(answers.map(told)).toEqual(Array(4).fill("404 endpoint.not_found"));
    const bodies = answers.map(({ text }) => text.replace(/"decision":"[\w-]+"/, ""));
    expect(new Set(bodies).size).toBe(1);
    expect(id).not.toBe(own);
  });

  async function privateRun(): Promise<Run> {
    const run = await scene.run("acme");
    await call(run);
    return run;
  }

  test("without a wid each mandate has a run of its own, whose steps may follow the other's", async () => {
    const grant = { actions: ["mcp.search"], purpose: "test" };
    const parent = await scene.mandate("acme", { ...grant, maxDepth: 1 });
    const reader = startRun(parent);
    await call(reader);
    const { signer } = scene.reader;
    const handed = await delegateMandate({ ...grant, parent, signer, sub: "agent:writer" });
    const writer = startRun(handed, { parents: reader.pred(true) });
    await call(writer, scene.writer);
    const found = await shown(runIdOf(handed), scene.writer, AUDITOR);
    expect([...found.foreign].sort()).toEqual([...reader.pred(true)].sort());
    expect([found.steps.length, found.wellFormed]).toEqual([1, true]);
    expect(told(await ask(runIdOf(parent), scene.writer))).toBe("404 endpoint.not_found");
  });

  test("another tenant has its own", async () => {
    const answer = await scene.send(await visitWire(scene, "other", `runs/${shared.id}`));
    expect(told(answer)).toBe("404 endpoint.not_found");
  });
});

describe("what the log must not have", () => {
  test("a step whose parent was taken out of it", async () => {
    const run = await scene.run("acme");
    const answer = await call(run);
    await call(run);
    const id = runIdOf(run.mandate.token);
    const before = await shown(id);
    expect(before.wellFormed).toBe(true);
    const db = await scene.runtime.d1();
    await db.prepare("DELETE FROM audit_records WHERE id = ?").bind(decisionOf(answer)).run();
    const after = await shown(id);
    expect(after.wellFormed).toBe(false);
    expect(after.faults).toMatchObject([
      { fault: "parent_unknown", jti: before.steps[1]?.ect?.jti, parent: before.steps[0]?.ect?.jti },
    ]);
  });

  test("counts what is set aside", async () => {
    const run = await scene.run("acme");
    const [first, second] = [await call(run), await call(run)];
    const id = runIdOf(run.mandate.token);
    await scene.rows([first, second].map((answer) => `${decisionOf(answer)}.outcome`));
    const before = await shown(id);
    const db = await scene.runtime.d1();
    const aside = async (row: string) => {
      const found = await db
        .prepare("SELECT * FROM audit_records WHERE id = ?")
        .bind(row)
        .first<Record<string, unknown>>();
      const record = { ...found, evidence: JSON.parse(String(found?.evidence ?? "null")) };
      await db
        .prepare("INSERT INTO audit_set_aside VALUES (?, ?, ?, ?, ?, 'test')")
        .bind(found?.hash, found?.tenant, found?.chain, found?.seq, JSON.stringify(record))
        .run();
      await db.prepare("DELETE FROM audit_records WHERE id = ?").bind(row).run();
    };
    await aside(decisionOf(first));
    await aside(`${decisionOf(first)}.outcome`);
    await aside(`${decisionOf(second)}.outcome`);
    const after = await shown(id);
    expect([after.wellFormed, after.faults]).toEqual([true, []]);
    const byDecision = (entries: readonly Entry[]) =>
      entries.toSorted((a, b) => (a.decision < b.decision ? -1 : 1));
    expect(byDecision(after.steps)).toEqual(byDecision(before.steps));
  });
});
