/** What an auditor is told of the audit log: what waits for D1, for how long, and what is wrong. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addEvidence } from "../../src/agent/index.ts";
import type { DirectoryStatus } from "../../src/directory/directory.ts";
import { type AuditStatus, auditStatus } from "../../src/endpoints/status.ts";
import { MAX_UNVERIFIED_PER_WINDOW } from "../../src/limits.ts";
import { type Caller, type Scene, setScene } from "./harness.ts";
import { decisionOf, told, toolCall, withHeader } from "./messages.ts";
import { answerJson } from "./origin.ts";
import { type Answer, Connection, toBytes, type Wire } from "./raw.ts";

const AUDIT = "countersign.audit.read";

let scene: Scene;
const lines: string[] = [];
beforeAll(async () => {
  const audit = { checkpointSeconds: 10 };
  scene = await setScene(
    { acme: { audit }, quiet: {}, flooded: {} },
    { log: (_, line) => void lines.push(line) },
  );
  for (const tenant of ["acme", "quiet"]) await letAudit(tenant);
  await flood();
});
afterAll(() => scene.close());

/** Thirty more than are written one by one. What becomes of their count shows when the window is over: in the last test. */
const STRANGERS = MAX_UNVERIFIED_PER_WINDOW + 30;

async function flood(): Promise<void> {
  const url = new URL(scene.endpoint("flooded"));
  const wire: Wire = {
    method: "GET",
    target: url.pathname,
    headers: [["Host", url.host]],
    body: Buffer.alloc(0),
  };
  const answers = await Promise.all(Array.from({ length: STRANGERS }, () => scene.send(wire)));
  expect(new Set(answers.map(told))).toEqual(new Set(["401 bearer.missing"]));
}

/** Lets the issuer grant the right to see the log. */
async function letAudit(tenant: string): Promise<void> {
  const kv = await scene.runtime.kv();
  const document = JSON.parse((await kv.get(`tenant:${tenant}`)) ?? "{}");
  document.issuers[0].actions.push(AUDIT);
  await kv.put(`tenant:${tenant}`, JSON.stringify(document));
}

async function wireFor(
  tenant: string,
  { caller = scene.reader, actions = [AUDIT], path = "audit/status" } = {} as {
    caller?: Caller;
    actions?: string[];
    path?: string;
  },
): Promise<Wire> {
  const url = new URL(path, scene.endpoint(tenant));
  const run = await scene.run(tenant, { caller, actions });
  const audience = scene.endpoint(tenant);
  const { signer, profile } = caller;
  const { headers } = await addEvidence({ method: "GET", url }, { run, signer, profile, audience });
  return {
    method: "GET",
    target: url.pathname,
    headers: [["Host", url.host], ...headers],
    body: Buffer.alloc(0),
  };
}

async function statusOf(tenant = "acme"): Promise<AuditStatus> {
  const answer = await scene.send(await wireFor(tenant));
  expect(told(answer)).toBe("200");
  expect(answer.headers.get("content-type")).toBe("application/json");
  expect(answer.headers.get("cache-control")).toBe("no-store");
  return JSON.parse(answer.text);
}

/** Asks until it is so; the last answer where it never is. */
async function until(isSo: (status: AuditStatus) => boolean, tenant = "acme"): Promise<AuditStatus> {
  for (const deadline = Date.now() + 15_000; ; ) {
    const status = await statusOf(tenant);
    if (isSo(status) || Date.now() > deadline) return status;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const ledger = ({ ledgers }: AuditStatus, principal: string) =>
  ledgers.find((entry) => entry.principal === principal);

const call = async (caller: Caller): Promise<Answer> =>
  scene.send(await scene.sign("acme", toolCall(), { caller }));

async function inD1(statement: string): Promise<void> {
  await (await scene.runtime.d1()).prepare(statement).run();
}

describe("who may see it", () => {
  test.each<[string, () => Promise<Wire>, string]>([
    [
      "a caller whose mandate grants tools alone",
      () => wireFor("acme", { actions: ["mcp.search", "mcp.*"] }),
      "403 capability.missing",
    ],
    ["a key of the profile poc", () => wireFor("acme", { caller: scene.courier }), "403 signature.missing"],
    [
      "a bearer alone",
      async () => withHeader(await wireFor("acme"), "signature", null),
      "403 signature.invalid",
    ],
    ["nobody", async () => withHeader(await wireFor("acme"), "authorization", null), "401 bearer.missing"],
    [
      "an auditor of another tenant",
      async () => ({ ...(await wireFor("quiet")), target: "/acme/audit/status" }),
      "401 bearer.invalid",
    ],
  ])("%s does not", async (_, wire, expected) => {
    const answer = await scene.send(await wire());
    expect(told(answer)).toBe(expected);
    expect(answer.text).not.toContain("ledgers");
  });

  test("an auditor does, once for each signed request, and it is in the log", async () => {
    const wire = await wireFor("acme");
    const answer = await scene.send(wire);
    expect(told(answer)).toBe("200");
    expect(told(await scene.send(wire))).toBe("403 replay.nonce");
    const decision = decisionOf(answer);
    expect((await scene.rows([decision])).get(decision)).toMatchObject({
      verdict: "admitted",
      method: "GET",
      action: AUDIT,
      principal: "agent:reader",
    });
  });
});

test("each ledger, with its records; in the end nothing waits", async () => {
  await call(scene.writer);
  await scene.send(withHeader(await wireFor("acme"), "authorization", null));
  const settled = ({ ledgers }: AuditStatus) =>
    ledgers.every(
      ({ principal, backlog, open }) => principal === "agent:reader" || (backlog === 0 && open === 0),
    );
  const status = await until(settled);
  expect(status).toMatchObject({ tenant: "acme", checkpoints_waiting: 0, problem: null });
  expect(Math.abs(Date.now() - status.time)).toBeLessThan(60_000);
  expect(status.ledgers.map(({ principal }) => principal).sort()).toEqual([
    "agent:reader",
    "agent:writer",
    "unverified",
  ]);
  expect(ledger(status, "agent:writer")).toMatchObject({
    lane: 0,
    // The call and its outcome.
    records: 2,
    backlog: 0,
    backlog_age_ms: null,
    set_aside: 0,
    open: 0,
    fault: null,
  });
  const rows = await (await scene.runtime.d1())
    .prepare("SELECT COUNT(*) AS n FROM audit_records WHERE chain = ?")
    .bind(ledger(status, "agent:writer")?.chain)
    .first<{ n: number }>();
  expect(rows?.n).toBe(2);
  expect(status.totals.records).toBe(status.ledgers.reduce((sum, { records }) => sum + records, 0));
});

test("a tenant sees its own ledgers alone", async () => {
  const status = await statusOf("quiet");
  expect(status.tenant).toBe("quiet");
  expect(status.ledgers.map(({ principal }) => principal)).toEqual(["agent:reader"]);
});

test("a call that is not over is open", async () => {
  const origin = scene.origin("acme");
  origin.handler = () => {};
  const arriving = origin.next();
  const connection = await Connection.open(scene.url);
  connection.write(toBytes(await scene.sign("acme", toolCall(), { caller: scene.writer })));
  const { response } = await arriving;
  expect(ledger(await statusOf(), "agent:writer")).toMatchObject({ open: 1 });
  response.writeHead(200, { "content-type": "application/json" }).end("{}");
  await connection.answer();
  connection.close();
  origin.handler = answerJson;
  const after = await until((status) => ledger(status, "agent:writer")?.open === 0);
  expect(ledger(after, "agent:writer")).toMatchObject({ open: 0 });
});

test("while D1 fails the backlog grows, in number and age; afterwards it is gone", async () => {
  await until((status) => ledger(status, "agent:writer")?.backlog === 0);
  await inD1("ALTER TABLE audit_records RENAME TO away");
  for (let i = 0; i < 3; i++) expect(told(await call(scene.writer))).toBe("200");
  // Three calls and their outcomes.
  const during = await until((status) => ledger(status, "agent:writer")?.backlog === 6);
  expect(ledger(during, "agent:writer")).toMatchObject({ backlog: 6, fault: null });
  expect(ledger(during, "agent:writer")?.backlog_age_ms).toBeGreaterThan(0);
  expect(during.totals.backlog).toBeGreaterThanOrEqual(6);
  expect(during.totals.backlog_age_ms).toBeGreaterThanOrEqual(
    ledger(during, "agent:writer")?.backlog_age_ms ?? Number.POSITIVE_INFINITY,
  );
  expect(lines.some((line) => line.includes("ledger.drain_failed"))).toBe(true);
  await inD1("ALTER TABLE away RENAME TO audit_records");
  const after = await until((status) => ledger(status, "agent:writer")?.backlog === 0);
  expect(ledger(after, "agent:writer")).toMatchObject({ backlog: 0, backlog_age_ms: null, set_aside: 0 });
});

test("a record that D1 refuses is set aside, and counted", async () => {
  await inD1(
    `CREATE TRIGGER refuse BEFORE INSERT ON audit_records WHEN NEW.principal = 'agent:writer' AND NEW.kind = 'decision'
      BEGIN SELECT RAISE(ABORT, 'not this one'); END`,
  );
  await call(scene.writer);
  const status = await until((status) => (ledger(status, "agent:writer")?.set_aside ?? 0) > 0);
  await inD1("DROP TRIGGER refuse");
  expect(ledger(status, "agent:writer")).toMatchObject({ set_aside: 1 });
  expect(status.totals.set_aside).toBe(1);
});

test("the last checkpoint, and its age", async () => {
  const { checkpoint, time } = await until(({ checkpoint }) => checkpoint !== null);
  expect(checkpoint?.number).toBeGreaterThan(0);
  expect(checkpoint?.age_ms).toBe(time - (checkpoint?.time ?? 0));
});

test("strangers that were too many to be written are counted, although no more came", async () => {
  const known = async () => {
    const db = await scene.runtime.d1();
    const query = "SELECT kind, count FROM audit_records WHERE tenant = 'flooded'";
    return (await db.prepare(query).all<{ kind: string; count: number | null }>()).results;
  };
  const counted = (rows: Awaited<ReturnType<typeof known>>) =>
    rows.reduce((sum, { kind, count }) => sum + (kind === "summary" ? 0 : 1) + (count ?? 0), 0);
  for (const deadline = Date.now() + 20_000; counted(await known()) < STRANGERS && Date.now() < deadline; )
    await new Promise((resolve) => setTimeout(resolve, 200));
  const rows = await known();
  expect(counted(rows)).toBe(STRANGERS);
  expect(rows.length).toBeLessThanOrEqual(MAX_UNVERIFIED_PER_WINDOW + 2);
});

describe("the document", () => {
  const NOW = 2_000_000_000_000;
  const name = (principal: string, lane = 0) => JSON.stringify(["v1", "acme", principal, lane]);
  const told: DirectoryStatus = {
    chains: [
      {
        ledger: name("agent:reader", 1),
        chain: "a",
        seq: 5,
        fault: null,
        status: { chain: "a", seq: 9, backlog: 4, oldest: NOW - 700, setAside: 1, open: 2 },
      },
      {
        ledger: name("oauth:https://i.example:sub"),
        chain: "b",
        seq: 3,
        fault: null,
        status: { chain: "b", seq: 3, backlog: 1, oldest: NOW + 50, setAside: 0, open: 0 },
      },
      { ledger: name("agent:writer"), chain: "c", seq: 7, fault: "lost", status: null },
      { ledger: name("agent:gone"), chain: "d", seq: 1, fault: "unreachable", status: null },
    ],
    checkpoint: { number: 4, time: NOW - 60_000 },
    waiting: 2,
    problem: "D1 is away",
  };

  test("sums up what is known, and says what is not", () => {
    const { ledgers, ...rest } = auditStatus("acme", told, NOW);
    expect(rest).toEqual({
      tenant: "acme",
      time: NOW,
      totals: {
        chains: 4,
        faults: 2,
        unknown: 2,
        records: 20,
        backlog: 5,
        backlog_age_ms: 700,
        set_aside: 1,
        open: 2,
      },
      checkpoint: { number: 4, time: NOW - 60_000, age_ms: 60_000 },
      checkpoints_waiting: 2,
      problem: "D1 is away",
    });
    expect(ledgers).toEqual([
      {
        principal: "agent:reader",
        lane: 1,
        chain: "a",
        fault: null,
        records: 9,
        backlog: 4,
        backlog_age_ms: 700,
        set_aside: 1,
        open: 2,
      },
      // Its clock is ahead.
      {
        principal: "oauth:https://i.example:sub",
        lane: 0,
        chain: "b",
        fault: null,
        records: 3,
        backlog: 1,
        backlog_age_ms: 0,
        set_aside: 0,
        open: 0,
      },
      ...(["lost", "unreachable"] as const).map((fault) => ({
        principal: fault === "lost" ? "agent:writer" : "agent:gone",
        lane: 0,
        chain: fault === "lost" ? "c" : "d",
        fault,
        records: fault === "lost" ? 7 : 1,
        backlog: null,
        backlog_age_ms: null,
        set_aside: null,
        open: null,
      })),
    ]);
  });

  test("of a tenant that nobody called yet", () => {
    const status = auditStatus("acme", { chains: [], checkpoint: null, waiting: 0, problem: null }, NOW);
    expect(status).toMatchObject({
      checkpoint: null,
      ledgers: [],
      totals: { records: 0, backlog_age_ms: null },
    });
  });
});
