/** Attacks that once got through, or hurt an honest caller. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { mintEct, startRun } from "../../src/agent/index.ts";
import { type Scene, setScene } from "./harness.ts";
import { decisionOf, resign, rpc, told, toolCall, withHeader } from "./messages.ts";
import { exchange, toBytes, toChunks } from "./raw.ts";

let scene: Scene;
beforeAll(async () => {
  scene = await setScene({ t: {} });
});
afterAll(() => scene.close());

const reached = (): number => scene.origin("t").arrivals.length;

test("a request without an id is no notification that needs less evidence", async () => {
  const signed = await scene.sign("t", rpc("resources/read", { uri: "file:///x" }, null));
  const before = reached();
  const answer = await exchange(
    scene.url,
    toBytes(await resign(scene, "t", withHeader(signed, "wimse-ect", null))),
  );
  expect(told(answer)).toBe("400 message.request_without_id");
  expect(reached()).toBe(before);
});

test("an ECT on a GET would be recorded as a step that nobody checked", async () => {
  const run = startRun(await scene.mandate("t"));
  const signed = await scene.sign("t", "", { method: "GET", run });
  const ect = await mintEct(scene.reader.signer, {
    iss: run.mandate.sub,
    aud: scene.endpoint("t"),
    jti: crypto.randomUUID(),
    wid: null,
    execAct: "mcp.anything",
    pred: [run.mandate.jti],
    body: new Uint8Array(),
    now: Math.floor(Date.now() / 1000),
    lifetimeSeconds: 60,
  });
  const before = reached();
  const answer = await exchange(
    scene.url,
    toBytes(await resign(scene, "t", withHeader(signed, "wimse-ect", ect))),
  );
  expect(told(answer)).toBe("403 ect.misplaced");
  expect(reached()).toBe(before);
});

test("profile poc: what the signature does not cover is not passed on as the caller's word", async () => {
  const signed = await scene.sign("t", toolCall(), { caller: scene.courier });
  const added: [string, string][] = [
    ["Mcp-Unknown", "other"],
    ["Last-Event-ID", "9"],
    ["Mcp-Param-Region", "eu"],
  ];
  const answer = await exchange(scene.url, toBytes({ ...signed, headers: [...signed.headers, ...added] }));
  expect(answer.status).toBe(200);
  const names =
    scene
      .origin("t")
      .arrivals.at(-1)
      ?.rawHeaders.map(([name]) => name.toLowerCase()) ?? [];
  // The server compares these with the body, which is covered.
  expect(names).toContain("mcp-param-region");
  expect(names).not.toContain("mcp-unknown");
  expect(names).not.toContain("last-event-id");
});

test("profile poc: junk that somebody adds does not use up the caller's ECT", async () => {
  const signed = await scene.sign("t", toolCall(), { caller: scene.courier });
  for (const [name, answer] of [
    ["X-MCP-Attestation", "200 signature_invalid"],
    ["Mcp-Session-Id", "404 session.malformed"],
  ] as const) {
    const junk: [string, string] = [name, "AAAA"];
    const copy = await exchange(scene.url, toBytes({ ...signed, headers: [...signed.headers, junk] }));
    expect(told(copy)).toBe(answer);
  }
  expect((await exchange(scene.url, toBytes(signed))).status).toBe(200);
});

test("a stranger's method gets into the log only if it exists", async () => {
  const signed = await scene.sign("t", rpc("ping"));
  const stripped = withHeader(withHeader(signed, "signature", null), "signature-input", null);
  const answer = await exchange(
    scene.url,
    toBytes({ ...stripped, body: new TextEncoder().encode(rpc("<script>")) }),
  );
  const id = decisionOf(answer);
  expect((await scene.rows([id])).get(id)).toMatchObject({
    principal: "unverified",
    reason: "signature.missing",
    method: null,
  });
});

test("a body in pieces of one byte is read like any other", async () => {
  const signed = await scene.sign("t", toolCall());
  expect((await exchange(scene.url, toChunks(signed, 1))).status).toBe(200);
});
