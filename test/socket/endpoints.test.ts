/** Countersign's own endpoints: who gets in, and how a record is taken. Attacks first. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  createVisitor,
  delegateMandate,
  type MandateGrant,
  mintEct,
  mintRecord,
  runIdOf,
  startRun,
} from "../../src/agent/index.ts";
import { signJwt } from "../../src/agent/signer.ts";
import { contentDigest } from "../../src/evidence/http-signature/content-digest.ts";
import type { JsonObject } from "../../src/json/strict-json.ts";
import { MAX_TOKEN_BYTES } from "../../src/limits.ts";
import { type Caller, type Scene, setScene } from "./harness.ts";
import { decisionOf, headerOf, told, toolCall, withHeader } from "./messages.ts";
import { exchange, toBytes, toChunks, type Wire } from "./raw.ts";
import { AUDITOR, edit, letAudit, resignVisit, type VisitWishes, visitWire } from "./visits.ts";

const SITE = "https://app.acme.example";
const JWT = "application/jwt";
const A_DECISION = `receipts/${"A".repeat(22)}`;

let scene: Scene;
beforeAll(async () => {
  scene = await setScene({
    acme: { allowedOrigins: [SITE], act: { delegation: { maxDepth: 2 } } },
    other: {},
    suspended: { status: "suspended" },
    lax: { act: { delegation: { maxDepth: 1 } } },
    // Named like endpoints, and with them in their paths.
    records: {},
    audit: {},
    hosted: { publicUrl: "https://mcp.acme.example/mcp" },
    deep: { publicUrl: "https://deep.example/a/b/" },
    receipt: { publicUrl: `https://receipt.example/${A_DECISION}` },
    taken: { publicUrl: "https://taken.example/records" },
  });
  for (const tenant of ["acme", "other"]) await letAudit(scene, tenant);
  await edit(scene, "lax", ({ agents }) => {
    for (const agent of agents) {
      if (agent.name === "courier") agent.unsafeBearerOnly = true;
      if (agent.name === "reader") agent.status = "suspended";
    }
  });
});
afterAll(() => scene.close());

const visit = (path: string, wishes: VisitWishes = {}): Promise<Wire> =>
  visitWire(scene, "acme", path, wishes);

const toldOf = async (wire: Wire | Promise<Wire>): Promise<string> => told(await scene.send(await wire));

/** A run of one step. */
async function work(caller: Caller = scene.reader, run = scene.run("acme", { caller })) {
  const sent = await scene.send(await scene.sign("acme", toolCall(), { run: await run, caller }));
  expect(told(sent)).toBe("200");
  const { token } = (await run).mandate;
  return { run: await run, mandate: token, decision: decisionOf(sent), path: `runs/${runIdOf(token)}` };
}

type Work = Awaited<ReturnType<typeof work>>;

const recordOf = (
  { mandate }: Pick<Work, "mandate">,
  changes: Partial<Parameters<typeof mintRecord>[0]> = {},
) => mintRecord({ mandate, signer: scene.reader.signer, execAct: "mcp.search", ...changes });

const posted = (body: string): VisitWishes => ({ method: "POST", body, headers: { "content-type": JWT } });

const posting = (body: string, wishes: VisitWishes = {}): Promise<Wire> =>
  visit("records", { ...posted(body), ...wishes });

/** A record of what the mandate's claims are changed to. */
async function recordWith(
  { mandate }: Pick<Work, "mandate">,
  change: (claims: JsonObject) => object,
): Promise<string> {
  const claims = JSON.parse(
    Buffer.from((await recordOf({ mandate })).split(".")[1] ?? "", "base64url").toString(),
  );
  return signJwt(scene.reader.signer, "act+jwt", { ...claims, ...change(claims) });
}

describe("who gets in", () => {
  let done: Work;
  beforeAll(async () => {
    done = await work();
  });

  test("the agent, once for each signature, and it is in the log with what became of it", async () => {
    const wire = await visit(done.path);
    const answer = await scene.send(wire);
    expect(told(answer)).toBe("200");
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.headers.get("countersign-receipt")).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
    expect(answer.headers.has("countersign-ect")).toBe(false);
    expect(await toldOf(wire)).toBe("403 replay.nonce");
    const [decided, outcome] = [decisionOf(answer), `${decisionOf(answer)}.outcome`];
    const rows = await scene.rows([decided, outcome]);
    expect(rows.get(decided)).toMatchObject({ verdict: "admitted", reason: null, method: "GET", tool: null });
    expect(rows.get(outcome)).toMatchObject({ status: 200, reason: null });
  });

  test("of many copies of one visit at once, one", async () => {
    const bytes = toBytes(await visit(done.path));
    const answers = await Promise.all(Array.from({ length: 20 }, () => exchange(scene.url, bytes)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(19).fill(403)]);
  });

  test("a nonce is spent once, whether on a visit or a call", async () => {
    const nonce = crypto.randomUUID();
    const newId = () => nonce;
    expect(await toldOf(visit(done.path, { newId }))).toBe("200");
    expect(await toldOf(scene.sign("acme", "", { method: "GET", newId }))).toBe("403 replay.nonce");
  });

  const bare = async () => withHeader(await visit(done.path), "authorization", null);
  const at = async (wire: Promise<Wire>, path = done.path) => ({ ...(await wire), target: `/acme/${path}` });

  test.each<[string, () => Promise<Wire>, string]>([
    ["nobody", bare, "401 bearer.missing"],
    [
      "a bearer alone",
      async () => withHeader(withHeader(await visit(done.path), "signature", null), "signature-input", null),
      "403 signature.missing",
    ],
    [
      "a stranger's signature",
      () => visit(done.path, { run: done.run, signer: scene.scribe.signer }),
      "403 signature.invalid",
    ],
    [
      "another agent's signature under this mandate",
      () => visit(done.path, { run: done.run, signer: scene.writer.signer }),
      "403 principal.invalid",
    ],
    [
      "another mandate than the one signed",
      async () => withHeader(await visit(done.path), "authorization", `Bearer ${done.mandate}`),
      "403 signature.invalid",
    ],
    ["a signature for another path", () => at(visit("audit/status")), "403 signature.invalid"],
    [
      "a signature for the MCP endpoint",
      () => at(scene.sign("acme", "", { method: "GET" })),
      "403 signature.invalid",
    ],
    [
      "another tenant's mandate and signature",
      () => at(visitWire(scene, "other", done.path)),
      "401 bearer.invalid",
    ],
    [
      "an agent of a suspended tenant",
      () => visitWire(scene, "suspended", done.path),
      "403 policy.tenant_suspended",
    ],
    ["a suspended agent", () => visitWire(scene, "lax", done.path), "403 policy.agent_suspended"],
    [
      "an agent under a mandate that a suspended one has handed on",
      async () => {
        const grant = { actions: ["mcp.search"], purpose: "test" };
        const parent = await scene.mandate("lax", { ...grant, maxDepth: 1 });
        const { signer } = scene.reader;
        const run = startRun(await delegateMandate({ ...grant, parent, signer, sub: "agent:writer" }));
        return visitWire(scene, "lax", done.path, { caller: scene.writer, run });
      },
      "403 policy.agent_suspended",
    ],
    [
      "an agent that the tenant lets off the signature, without one",
      async () => {
        const wishes = { caller: { ...scene.courier, profile: "agent" as const } };
        const wire = await visitWire(scene, "lax", done.path, wishes);
        return withHeader(withHeader(wire, "signature", null), "signature-input", null);
      },
      "403 signature.missing",
    ],
    [
      "a web page that the tenant does not allow",
      () => visit(done.path, { headers: { origin: "https://evil.example" } }),
      "403 origin_header.not_allowed",
    ],
    [
      "a key of the profile poc",
      async () => withEct(await visit(done.path), scene.readerPoc),
      "403 endpoint.profile",
    ],
    ["a request with an ECT", async () => withEct(await visit(done.path), scene.reader), "403 ect.misplaced"],
    [
      "a request with an attestation",
      () => visit(done.path, { headers: { "x-mcp-attestation": "AAAA" } }),
      "403 endpoint.evidence_misplaced",
    ],
    [
      "a request with a record in its header",
      async () => visit(done.path, { headers: { "act-record": await recordOf(done) } }),
      "403 endpoint.evidence_misplaced",
    ],
    [
      "a header that somebody adds",
      async () => withHeader(await visit(done.path), "mcp-session-id", "x"),
      "403 signature.invalid",
    ],
  ])("not: %s", async (_, wire, expected) => {
    const answer = await scene.send(await wire());
    expect(told(answer)).toBe(expected);
    expect(answer.text).not.toContain("mcp.search");
  });

  /** With an ECT and the digest of no body, signed again. */
  async function withEct(wire: Wire, caller: Caller): Promise<Wire> {
    const { mandate } = done.run;
    const ect = await mintEct(caller.signer, {
      iss: mandate.sub,
      aud: scene.endpoint("acme"),
      jti: crypto.randomUUID(),
      wid: null,
      execAct: "mcp.search",
      pred: [mandate.jti],
      body: new Uint8Array(),
      now: Math.floor(Date.now() / 1000),
      lifetimeSeconds: 60,
    });
    const headers = {
      authorization: `Bearer ${mandate.token}`,
      "wimse-ect": ect,
      "content-digest": await contentDigest(new Uint8Array()),
    };
    return resignVisit(scene, "acme", wire, { caller, headers });
  }
});

describe("what there is", () => {
  const raw = async (target: string, method = "GET") =>
    toldOf({ ...(await visit(A_DECISION)), method, target });

  test.each(["records", "audit", "hosted", "deep", "receipt"])(
    "beside the MCP endpoint of %s, and nowhere else",
    async (tenant) => {
      const run = await scene.run(tenant);
      expect(told(await scene.send(await scene.sign(tenant, toolCall(), { run })))).toBe("200");
      const { token } = run.mandate;
      const wire = await visitWire(scene, tenant, `runs/${runIdOf(token)}`, { run });
      for (const host of [new URL(scene.url).host, "mcp.acme.example", "deep.example"]) {
        if (host !== new URL(scene.endpoint(tenant)).host)
          expect(await toldOf(withHeader(wire, "host", host))).toMatch(/^(404 target\.unknown|401 bearer\.)/);
      }
      expect(await toldOf(wire)).toBe("200");
      const record = visitWire(scene, tenant, "records", posted(await recordOf({ mandate: token })));
      expect(await toldOf(record)).toBe("201");
    },
  );

  test("not where the MCP endpoint itself is", async () => {
    const { token } = (await scene.run("taken")).mandate;
    const record = visitWire(scene, "taken", "records", posted(await recordOf({ mandate: token })));
    expect(await toldOf(record)).toBe("415 message.content_type");
    expect(told(await scene.send(await scene.sign("taken", toolCall())))).toBe("200");
  });

  test.each([
    "/acme/receipts",
    "/acme/receipts/",
    "/acme/receipts/../mcp",
    `/acme/receipts/${"A".repeat(22)}/`,
    `/acme//receipts/${"A".repeat(22)}`,
    `/acme/./${A_DECISION}`,
    `/acme/%72eceipts/${"A".repeat(22)}`,
    "/acme/receipts/%2e%2e/mcp",
    `/acme\\${A_DECISION}`,
    "/acme/runs/AA==",
    "/acme/audit",
    "/acme/audit/all",
    `/${A_DECISION}`,
    `/nobody/${A_DECISION}`,
  ])("not %s", async (target) => {
    expect(await raw(target)).toMatch(/^404 target\.(unknown|not_canonical)$/);
  });

  test.each([`/acme/${A_DECISION}?`, `/acme/${A_DECISION}?x=1`, "/acme/records?", "/acme/audit/status?x"])(
    "no query: %s",
    async (target) => {
      expect(await raw(target)).toBe("404 target.query_not_allowed");
    },
  );

  test.each([
    [A_DECISION, "POST", "GET, OPTIONS"],
    [A_DECISION, "DELETE", "GET, OPTIONS"],
    ["runs/AA", "POST", "GET, OPTIONS"],
    ["audit/export", "PUT", "GET, OPTIONS"],
    ["records", "GET", "POST, OPTIONS"],
    ["records", "TRACE", "POST, OPTIONS"],
    ["mcp", "PUT", "POST, GET, DELETE, OPTIONS"],
  ])("%s has no %s", async (path, method, allow) => {
    const answer = await scene.send(await visit(path, { method }));
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, allow]);
  });

  test("nothing is asked with HEAD", async () => {
    const { target, headers } = await visit(A_DECISION, { method: "HEAD" });
    const sent = headers
      .filter(([name]) => name !== "Host")
      .map(([name, value]): [string, string] => [name, value]);
    const { status } = await fetch(new URL(target, scene.url), { method: "HEAD", headers: sent });
    expect(status).toBe(405);
  });

  test("a browser of an allowed site may ask for it", async () => {
    const ask = (path: string) =>
      scene.send({
        method: "OPTIONS",
        target: `/acme/${path}`,
        headers: [
          ["Host", new URL(scene.url).host],
          ["Origin", SITE],
        ],
        body: Buffer.alloc(0),
      });
    const methods = async (path: string) => (await ask(path)).headers.get("access-control-allow-methods");
    expect([await methods(A_DECISION), await methods("records"), await methods("mcp")]).toEqual([
      "GET",
      "POST",
      "POST, GET, DELETE",
    ]);
    const answer = await scene.send(await visit(A_DECISION, { headers: { origin: SITE } }));
    expect(answer.headers.get("access-control-allow-origin")).toBe(SITE);
    expect(answer.headers.get("access-control-expose-headers")).toContain("countersign-receipt");
  });

  test("nothing is read with a body, or with a coded one", async () => {
    const get = await visit(A_DECISION);
    const withBody = { ...get, body: Buffer.from("x") };
    expect(await toldOf(withBody)).toBe("400 message.unexpected_body");
    expect(told(await exchange(scene.url, toChunks(withBody)))).toBe("400 message.unexpected_body");
    expect(await toldOf({ ...get, body: Buffer.alloc(MAX_TOKEN_BYTES + 1) })).toBe("413 message.too_large");
    expect(await toldOf(visit(A_DECISION, { headers: { "content-encoding": "gzip" } }))).toBe(
      "415 message.content_encoding",
    );
  });
});

describe("POST records", () => {
  test("takes the record of a mandate once, and says what it took", async () => {
    const done = await work();
    const record = await recordOf(done);
    const answer = await scene.send(await posting(record, { run: done.run }));
    expect(answer.status).toBe(201);
    const { decision, run, ...taken } = JSON.parse(answer.text);
    expect(decision).toBe(decisionOf(answer));
    expect(`runs/${run}`).toBe(done.path);
    expect(taken).toEqual({ record: expect.stringMatching(/^[\w-]{43}$/) });
    expect(await toldOf(posting(record, { run: done.run }))).toBe("403 record.repeated");
    // Not another one either, nor the same in a call's header.
    const other = await recordOf(done, { pred: [done.run.mandate.jti] });
    expect(await toldOf(posting(other))).toBe("403 record.repeated");
    const call = scene.sign("acme", toolCall(), { headers: { "act-record": other } });
    expect(await toldOf(call)).toBe("403 record.repeated");
  });

  test("of many at once, one", async () => {
    const done = await work();
    const wires = await Promise.all(Array.from({ length: 10 }, async () => posting(await recordOf(done))));
    const told = await Promise.all(wires.map(toldOf));
    expect(told.sort()).toEqual(["201", ...Array(9).fill("403 record.repeated")]);
  });

  test("also under a later mandate, of any run of the agent", async () => {
    const [done, later] = [await work(), await work()];
    const answer = await scene.send(await posting(await recordOf(done), { run: later.run }));
    expect(answer.status).toBe(201);
    expect(`runs/${JSON.parse(answer.text).run}`).toBe(done.path);
  });

  test.each<[string, (done: Work) => Promise<Wire>, string]>([
    [
      "of another agent, in its name",
      async (done) => posting(await recordOf(done), { caller: scene.writer }),
      "403 record.subject",
    ],
    [
      "signed by another agent",
      async (done) => posting(await recordOf(done, { signer: scene.writer.signer })),
      "403 record.key_unknown",
    ],
    [
      "of a mandate that was never used",
      async () => posting(await recordOf({ mandate: await scene.mandate("acme") })),
      "403 record.mandate_unknown",
    ],
    [
      "of a mandate with the name of one that was used",
      async ({ run: { mandate } }) => {
        const { jti } = mandate;
        const actions = ["mcp.search", "mcp.more"];
        return posting(await recordOf({ mandate: await scene.mandate("acme", { jti, actions }) }));
      },
      "403 record.mandate_differs",
    ],
    [
      "that names a step of another run",
      async (done) => posting(await recordOf(done, { pred: [(await work()).run.mandate.jti] })),
      "403 record.pred_unknown",
    ],
    [
      "of an action that the mandate does not grant",
      async (done) => posting(await recordOf(done, { execAct: "mcp.drop" })),
      "403 record.action",
    ],
    [
      "with a status that the tenant does not take",
      async (done) => posting(await recordOf(done, { status: "failed" })),
      "403 record.status",
    ],
    [
      "with a claim that the mandate does not have",
      async (done) => posting(await recordWith(done, () => ({ note: "x" }))),
      "403 record.mandate_differs",
    ],
    [
      "with its cap in another order",
      async (done) =>
        posting(await recordWith(done, ({ cap }) => ({ cap: [...(cap as string[])].reverse() }))),
      "403 record.mandate_differs",
    ],
    [
      "of another issuer's mandate of that name",
      async (done) => posting(await recordWith(done, () => ({ iss: "https://other.example" }))),
      "403 record.mandate_unknown",
    ],
    [
      "that is an ECT",
      async () => posting(headerOf(await scene.sign("acme", toolCall()), "wimse-ect")),
      "403 record.malformed",
    ],
    ["that is the mandate itself", ({ mandate }) => posting(mandate), "403 record.claims"],
    [
      "as JSON",
      async (done) => posting(JSON.stringify({ record: await recordOf(done) })),
      "403 record.malformed",
    ],
    ["with a line feed", async (done) => posting(`${await recordOf(done)}\n`), "403 record.malformed"],
    ["that is none", () => posting(""), "403 record.malformed"],
    [
      "said to be JSON",
      async (done) => posting(await recordOf(done), { headers: { "content-type": "application/json" } }),
      "415 record.content_type",
    ],
    [
      "said to be in some charset",
      async (done) => posting(await recordOf(done), { headers: { "content-type": `${JWT}; charset=utf-8` } }),
      "415 record.content_type",
    ],
    [
      "said to be nothing",
      async (done) => posting(await recordOf(done), { headers: {} }),
      "415 record.content_type",
    ],
    ["of 16 KiB and one byte", () => posting("A".repeat(MAX_TOKEN_BYTES + 1)), "413 message.too_large"],
    ["of 16 KiB", () => posting("A".repeat(MAX_TOKEN_BYTES)), "403 record.malformed"],
    [
      "changed on its way",
      async (done) => ({ ...(await posting(await recordOf(done))), body: Buffer.from(await recordOf(done)) }),
      "403 signature.invalid",
    ],
    [
      "with another one in the header",
      async (done) => posting(await recordOf(done), { headers: { "content-type": JWT, "act-record": "x" } }),
      "403 endpoint.evidence_misplaced",
    ],
  ])("refuses one %s", async (_, wire, expected) => {
    const done = await work();
    expect(await toldOf(wire(done))).toBe(expected);
    // It has used nothing up.
    expect(await toldOf(posting(await recordOf(done)))).toBe("201");
  });

  test("no cap is got around with chunks", async () => {
    const wire = await posting("A".repeat(MAX_TOKEN_BYTES + 1));
    expect(told(await exchange(scene.url, toChunks(wire)))).toBe("413 message.too_large");
  });

  test("takes the record of a mandate that was handed on, from the agent it was handed to", async () => {
    const grant = { actions: ["mcp.search"], purpose: "test" };
    const parent = await scene.mandate("acme", { ...grant, maxDepth: 1 });
    const { signer } = scene.reader;
    const mandate = await delegateMandate({ ...grant, parent, signer, sub: "agent:writer" });
    const done = await work(scene.writer, Promise.resolve(startRun(mandate)));
    const record = (by: Caller) => recordOf({ mandate }, { signer: by.signer });
    expect(await toldOf(posting(await record(scene.reader)))).toBe("403 record.subject");
    const wishes = { run: done.run, caller: scene.writer };
    const answer = await scene.send(await posting(await record(scene.writer), wishes));
    expect(answer.status).toBe(201);
    expect(JSON.parse(answer.text).run).toBe(runIdOf(mandate));
  });
});

describe("who may see more", () => {
  test("a mandate grants it, byte for byte", async () => {
    const status = (grants: string[]) => toldOf(visit("audit/status", { grants }));
    expect(await status(AUDITOR)).toBe("200");
    expect(await status(["mcp.search", "mcp.countersign.audit.read"])).toBe("403 capability.missing");
  });

  test("handed on, where it was granted", async () => {
    const handOn = async (actions: MandateGrant["actions"], claimed = AUDITOR) => {
      const parent = await scene.mandate("acme", { actions, maxDepth: 1 });
      const claims = JSON.parse(Buffer.from(parent.split(".")[1] ?? "", "base64url").toString());
      const child = { iss: claims.sub, sub: "agent:writer", jti: crypto.randomUUID() };
      const del = { depth: 1, max_depth: 1, parent };
      const cap = claimed.map((action) => ({ action }));
      const mandate = await signJwt(scene.reader.signer, "act+jwt", { ...claims, ...child, cap, del });
      const wire = await visit("audit/status", { caller: scene.writer });
      const headers = { authorization: `Bearer ${mandate}` };
      return toldOf(resignVisit(scene, "acme", wire, { caller: scene.writer, headers }));
    };
    expect(await handOn([...AUDITOR, "mcp.search"])).toBe("200");
    expect(await handOn(["mcp.search"])).toBe("401 bearer.invalid");
    expect(await handOn([...AUDITOR, "mcp.search"], ["mcp.search"])).toBe("403 capability.missing");
    const counted = { action: AUDITOR[0] ?? "", constraints: { max_calls: 5 } };
    expect(await handOn([counted])).toBe("401 bearer.invalid");
  });

  test("under conditions that hold for a request to an endpoint", async () => {
    const status = async (constraints: JsonObject) => {
      const actions = [{ action: AUDITOR[0] ?? "", constraints }];
      return toldOf(visit("audit/status", { run: await scene.run("acme", { actions }) }));
    };
    expect(await status({ arguments: {} })).toBe("403 capability.argument_not_allowed");
    expect(await status({ until: "noon" })).toBe("403 capability.constraint_unknown");
  });

  test("only where its issuer may", async () => {
    const visited = visitWire(scene, "suspended", "audit/status", { grants: AUDITOR });
    expect(await toldOf(visited)).toBe("401 bearer.invalid");
  });

  test("as often as it says", async () => {
    const actions = [{ action: AUDITOR[0] ?? "", constraints: { max_calls: 2 } }];
    const run = await scene.run("acme", { actions });
    const told: string[] = [];
    for (let i = 0; i < 3; i++) told.push(await toldOf(visit("audit/status", { run })));
    expect(told).toEqual(["200", "200", "403 capability.calls_exhausted"]);
    // A record is the agent's own to hand in.
    expect(await toldOf(posting(await recordOf(await work()), { run }))).toBe("201");
  });

  test("not as a tool of that name", async () => {
    const run = await scene.run("acme", { actions: [...AUDITOR, "mcp.search"] });
    const call = scene.sign("acme", toolCall("countersign.audit.read"), { run });
    expect(await toldOf(call)).toBe("200 capability.missing");
  });
});

test("the kit visits as it calls", async () => {
  const done = await work();
  const endpoint = scene.endpoint("acme");
  const visitor = createVisitor({ endpoint, mandate: done.mandate, signer: scene.reader.signer });
  expect((await visitor.postRecord(await recordOf(done))).status).toBe(201);
  const answer = await visitor.run(runIdOf(done.mandate));
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject({ wellFormed: true, records: [{ jti: done.run.mandate.jti }] });
  expect((await visitor.receipt(done.decision)).status).toBe(200);
  expect((await visitor.receipt("A".repeat(22))).status).toBe(404);
});
