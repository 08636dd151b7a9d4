/** An administrator revokes something: the next call is refused, while the tenant document in KV is what it was. */

import { calculateJwkThumbprint } from "jose";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createVisitor, runIdOf, startRun } from "../../src/agent/index.ts";
import { REVOCATIONS_ACTION } from "../../src/endpoints/endpoint.ts";
import { ISSUER, type Scene, setScene, type Wishes } from "./harness.ts";
import { decisionOf, rpc, told, toolCall } from "./messages.ts";
import { type Answer, Connection, toBytes } from "./raw.ts";
import { edit, type VisitWishes, visitWire } from "./visits.ts";

const STREAMS = { recheckSeconds: 1, graceSeconds: 0 };
const TENANTS = ["acme", "own", "bad", "streams", "observing", "observed"];

let scene: Scene;
beforeAll(async () => {
  const soon = new Date(Date.now() + 86_400_000).toISOString().replace(/\.\d+/, "");
  scene = await setScene({
    ...Object.fromEntries(TENANTS.map((id) => [id, { streams: STREAMS, version: 3 }])),
    observing: { observe: [{ until: soon }] },
  });
  for (const id of TENANTS)
    await edit(scene, id, ({ issuers }) => issuers[0]?.actions.push(REVOCATIONS_ACTION));
});
afterAll(() => scene.close());
const open: Connection[] = [];
beforeEach(() => {
  for (const id of TENANTS)
    scene.origin(id).handler = ({ response }) =>
      void response.writeHead(200, { "content-type": "application/json" }).end("{}");
});
afterEach(() => {
  for (const connection of open.splice(0)) connection.close();
});

const ADMIN = [REVOCATIONS_ACTION];

/** A request of the administrator, who is the writer. */
const admin = async (tenant: string, path: string, wishes: VisitWishes = {}): Promise<Answer> =>
  scene.send(await visitWire(scene, tenant, path, { caller: scene.writer, grants: ADMIN, ...wishes }));

const JSON_BODY = { "content-type": "application/json" };
const post = (tenant: string, body: object | string, wishes: VisitWishes = {}): Promise<Answer> =>
  admin(tenant, "revocations", {
    method: "POST",
    headers: JSON_BODY,
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...wishes,
  });

async function revoke(tenant: string, body: object): Promise<number> {
  const answer = await post(tenant, body);
  expect(told(answer)).toBe("200");
  const said = JSON.parse(answer.text);
  expect(said).toMatchObject({ ...body, by: "agent:writer", lifted: null, effective: true, waiting: 0 });
  return said.number;
}

const lift = async (tenant: string, number: number): Promise<void> => {
  const answer = await admin(tenant, `revocations/${number}`, { method: "DELETE" });
  expect(told(answer)).toBe("200");
  expect(JSON.parse(answer.text)).toMatchObject({ number, lifted: { by: "agent:writer" }, effective: true });
};

const call = async (tenant: string, wishes: Wishes = {}): Promise<string> =>
  told(await scene.send(await scene.sign(tenant, toolCall(), wishes)));

describe("the next call is refused, and one after it is lifted is not:", () => {
  test.each<[string, string, (token: string) => Promise<object>]>([
    ["mandate", "401 revoked.mandate", async (token) => ({ iss: ISSUER, jti: jtiOf(token) })],
    ["agent", "403 revoked.agent", async () => ({ name: "reader" })],
    [
      "key",
      "403 revoked.key",
      async () => {
        const kv = await scene.runtime.kv();
        const { agents } = JSON.parse((await kv.get("tenant:acme")) ?? "{}");
        return { thumbprint: await calculateJwkThumbprint(agents[0].keys[0].jwk) };
      },
    ],
    ["run", "403 revoked.run", async (token) => ({ run: runIdOf(token) })],
    ["tenant", "403 revoked.tenant", async () => ({})],
    ["document", "503 tenant.stale", async () => ({ version: 4 })],
  ])("%s", async (kind, refused, members) => {
    const token = await scene.mandate("acme");
    const run = startRun(token);
    expect(await call("acme", { run })).toBe("200");
    const kv = await scene.runtime.kv();
    const before = await kv.get("tenant:acme");
    const number = await revoke("acme", { kind, ...(await members(token)), reason: "a drill" });
    expect(await call("acme", { run })).toBe(refused);
    // The emergency stop is for all; everything else for what rests on it.
    const others = kind === "tenant" || kind === "document" ? refused : "200";
    if (kind !== "document") expect(await call("acme", { caller: scene.writer })).toBe(others);
    expect(await kv.get("tenant:acme")).toBe(before);
    if (kind === "document")
      // By a document that is too old nobody decides, not even about this.
      return expect(told(await admin("acme", `revocations/${number}`, { method: "DELETE" }))).toBe(refused);
    await lift("acme", number);
    expect(await call("acme", { run })).toBe("200");
  });

  test("its record says what was revoked, and by whom", async () => {
    const answer = await post("own", { kind: "agent", name: "somebody", reason: "left" });
    const row = (await scene.rows([decisionOf(answer)])).get(decisionOf(answer));
    expect(row).toMatchObject({ verdict: "admitted", principal: "agent:writer", action: REVOCATIONS_ACTION });
    const { kept } = row as unknown as { kept: string };
    expect(JSON.parse(kept)).toEqual({ "/kind": "agent", "/name": "somebody", "/reason": "left" });
  });
});

test("an administrator who is revoked cannot undo that, nor the one whose issuer is", async () => {
  await revoke("own", { kind: "agent", name: "writer" });
  expect(told(await admin("own", "revocations"))).toBe("403 revoked.agent");
  const other: VisitWishes = { caller: scene.reader };
  const listed = await admin("own", "revocations", other);
  expect(JSON.parse(listed.text)).toMatchObject({
    tenant: "own",
    revocations: [
      { kind: "agent", name: "writer" },
      { kind: "agent", name: "somebody" },
    ],
  });
  expect(told(await post("own", { kind: "issuer", iss: ISSUER }, other))).toBe("200");
  expect(told(await admin("own", "revocations", other))).toBe("401 revoked.issuer");
  expect(await call("own")).toBe("401 revoked.issuer");
});

describe("a request that is not taken:", () => {
  test.each<[string, string, () => Promise<Answer>]>([
    ["no JSON", "400 revocation.malformed", () => post("bad", "kind=agent")],
    ["a kind that is none", "400 revocation.malformed", () => post("bad", { kind: "everything" })],
    ["a typo", "400 revocation.malformed", () => post("bad", { kind: "agent", name: "a", untill: 1 })],
    ["a member twice", "400 revocation.malformed", () => post("bad", '{"kind":"tenant","kind":"tenant"}')],
    [
      "a form",
      "415 revocation.content_type",
      () => post("bad", { kind: "tenant" }, { headers: { "content-type": "text/plain" } }),
    ],
    [
      "too long",
      "413 message.too_large",
      () => post("bad", { kind: "agent", name: "a", reason: "x".repeat(17_000) }),
    ],
    ["no such number", "404 endpoint.not_found", () => admin("bad", "revocations/77", { method: "DELETE" })],
    ["no number", "404 target.unknown", () => admin("bad", "revocations/all", { method: "DELETE" })],
    ["another method", "405 endpoint.method", () => admin("bad", "revocations", { method: "DELETE" })],
    [
      "an auditor",
      "403 capability.missing",
      () => post("bad", { kind: "tenant" }, { grants: ["mcp.search"] }),
    ],
  ])("%s", async (_, expected, send) => {
    expect(told(await send())).toBe(expected);
    expect(JSON.parse((await admin("bad", "revocations")).text).revocations).toEqual([]);
  });

  test("one that was taken, sent again", async () => {
    const wire = await visitWire(scene, "bad", "revocations", { caller: scene.writer, grants: ADMIN });
    expect(told(await scene.send(wire))).toBe("200");
    expect(told(await scene.send(wire))).toBe("403 replay.nonce");
  });
});

test("a tenant that only observes everything refuses what is revoked", async () => {
  expect(await call("observing")).toBe("200");
  await revoke("observing", { kind: "agent", name: "reader" });
  expect(await call("observing")).toBe("403 revoked.agent");
  const unsigned = await scene.sign("observing", toolCall());
  const stripped = { ...unsigned, headers: unsigned.headers.filter(([name]) => !/^signature/i.test(name)) };
  // Whose it is nobody has proven, so its sender is told no more than that.
  expect(told(await scene.send(stripped))).toBe("403 bearer.invalid");
  expect(await scene.logged(await scene.send(stripped))).toBe("revoked.agent");
});

test("an open stream ends", async () => {
  scene.origin("streams").handler = () => {};
  const arriving = scene.origin("streams").next();
  const client = await Connection.open(scene.url);
  open.push(client);
  client.write(toBytes(await scene.sign("streams", rpc("tools/call", { name: "search", arguments: {} }))));
  const { response, closed } = await arriving;
  response.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n");
  const head = await client.head();
  expect((await client.piece())?.toString()).toBe("data: 1\n\n");
  await revoke("streams", { kind: "agent", name: "reader" });
  expect(await client.piece()).toBeNull();
  expect(await closed).toBe(false);
  const id = `${decisionOf(head)}.outcome`;
  expect((await scene.rows([id])).get(id)).toMatchObject({ status: 200, reason: "revoked.agent" });
});

test("with the kit", async () => {
  const mandate = await scene.mandate("observed", { caller: scene.writer, actions: ADMIN });
  const visitor = createVisitor({
    endpoint: scene.endpoint("observed"),
    mandate,
    signer: scene.writer.signer,
  });
  const revoked = await visitor.revoke({ kind: "tenant", reason: "emergency stop" });
  const { number, effective } = (await revoked.json()) as { number: number; effective: boolean };
  expect([revoked.status, effective]).toEqual([200, true]);
  expect(await call("observed")).toBe("403 revoked.tenant");
  expect(await (await visitor.revocations()).json()).toMatchObject({ revocations: [{ kind: "tenant" }] });
  expect((await visitor.lift(number)).status).toBe(200);
  expect(await call("observed")).toBe("200");
});

const jtiOf = (token: string): string =>
  JSON.parse(atob((token.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/"))).jti;
