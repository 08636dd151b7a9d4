/** What everybody may see of the audit log: keys and checkpoints. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { verifyCheckpoint } from "../../src/audit/checkpoint.ts";
import { statementKeys } from "../../src/audit/statement.ts";
import { publishedResponse } from "../../src/endpoints/published.ts";
import { PUBLISHED_CHECKPOINTS } from "../../src/limits.ts";
import { facts, tenant } from "../support/acme.ts";
import { type Scene, setScene } from "./harness.ts";
import { decisionOf, told, toolCall } from "./messages.ts";
import { type Answer, exchange, toBytes } from "./raw.ts";

const WELL_KNOWN = "/.well-known/countersign";
const HOSTED = "https://mcp.acme.example/v1/mcp";

let scene: Scene;
beforeAll(async () => {
  scene = await setScene({ acme: {}, paged: {}, idle: {}, hosted: { publicUrl: HOSTED } });
});
afterAll(() => scene.close());

const ask = (target: string, { method = "GET", host = new URL(scene.url).host } = {}): Promise<Answer> =>
  exchange(scene.url, toBytes({ method, target, headers: [["Host", host]], body: Buffer.alloc(0) }));

interface Document {
  readonly issuer: string;
  readonly keys: { readonly keys: readonly Record<string, string>[] };
  readonly checkpoints: readonly { readonly number: number; readonly jws: string }[];
}

async function read(tenantId: string, query = ""): Promise<Document> {
  const answer = await ask(`${WELL_KNOWN}/${tenantId}/mcp${query}`);
  expect(answer.status).toBe(200);
  return JSON.parse(answer.text);
}

/** Asks until there are so many checkpoints. */
async function readUntil(tenantId: string, count: number): Promise<Document> {
  for (const deadline = Date.now() + 20_000; ; ) {
    const document = await read(tenantId);
    if (document.checkpoints.length >= count || Date.now() > deadline) return document;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const numbers = ({ checkpoints }: Document) => checkpoints.map(({ number }) => number);

test("a checkpoint that the schedule made, verified with the keys beside it, names nobody", async () => {
  const answer = await scene.send(await scene.sign("acme", toolCall()));
  expect(answer.status).toBe(200);
  const document = await readUntil("acme", 1);
  expect(document.issuer).toBe(scene.endpoint("acme"));
  const keys = await statementKeys(document.keys as never);
  const [first] = document.checkpoints;
  if (keys === null || first === undefined) throw new Error("nothing is published");
  const verified = await verifyCheckpoint(first.jws, keys);
  if (!verified.ok) throw new Error(verified.error);
  expect(verified.value).toMatchObject({
    iss: scene.endpoint("acme"),
    tenant: "acme",
    number: 1,
    size: 1,
    prev: null,
  });
  expect(JSON.stringify(document)).not.toMatch(/reader|agent/);
  expect(document.keys.keys.flatMap((jwk) => Object.keys(jwk))).not.toContain("d");
});

describe("pages", () => {
  const COUNT = PUBLISHED_CHECKPOINTS + 20;
  beforeAll(async () => {
    const db = await scene.runtime.d1();
    await db
      .prepare(
        `INSERT INTO checkpoints SELECT ?, value, value, 'jws ' || value, '[]' FROM
          (WITH n AS (SELECT 1 AS value UNION ALL SELECT value + 1 FROM n WHERE value < ?) SELECT value FROM n)`,
      )
      .bind("paged", COUNT)
      .run();
  });
  const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

  test("the latest ones, the newest last, where nothing is asked for", async () => {
    const document = await read("paged");
    expect(numbers(document)).toEqual(range(21, COUNT));
    expect(document.checkpoints.at(-1)).toEqual({ number: COUNT, jws: `jws ${COUNT}` });
  });

  test("those that follow a number, until there are no more", async () => {
    expect(numbers(await read("paged", "?after=0"))).toEqual(range(1, PUBLISHED_CHECKPOINTS));
    expect(numbers(await read("paged", `?after=${PUBLISHED_CHECKPOINTS}`))).toEqual(range(101, COUNT));
    expect(numbers(await read("paged", `?after=${COUNT}`))).toEqual([]);
    expect(numbers(await read("paged", "?after=999999999999999"))).toEqual([]);
  });

  test("none of another tenant, and none where there are none", async () => {
    expect(numbers(await read("idle"))).toEqual([]);
    expect((await read("acme")).checkpoints.map(({ jws }) => jws)).not.toContain("jws 1");
  });

  test.each([
    "?",
    "?after",
    "?after=",
    "?after=-1",
    "?after=01",
    "?after=1.5",
    "?after=1e3",
    "?after=+1",
    "?after=%31",
    "?after=9999999999999999",
    "?after=1&after=2",
    "?after=1&x=y",
    "?x=y",
    "?AFTER=1",
    "?after=1'",
  ])("no other query: %s", async (query) => {
    expect(told(await ask(`${WELL_KNOWN}/paged/mcp${query}`))).toBe("404 target.query_not_allowed");
  });
});

test("of a tenant with a host of its own, at both paths", async () => {
  for (const target of [`${WELL_KNOWN}/v1/mcp`, WELL_KNOWN]) {
    const answer = await ask(target, { host: "mcp.acme.example" });
    expect([answer.status, JSON.parse(answer.text).issuer]).toEqual([200, HOSTED]);
  }
});

test("who may read it, and for how long it may be kept", async () => {
  const path = `${WELL_KNOWN}/acme/mcp`;
  const answer = await ask(path);
  expect(answer.headers.get("access-control-allow-origin")).toBe("*");
  expect(answer.headers.get("cache-control")).toMatch(/^public, max-age=\d+$/);
  decisionOf(answer);
  expect((await fetch(scene.url + path, { method: "HEAD" })).status).toBe(200);
  expect((await ask(path, { method: "OPTIONS" })).status).toBe(204);
  expect((await ask(path, { method: "POST" })).status).toBe(405);
});

test.each([
  `${WELL_KNOWN}/nobody/mcp`,
  WELL_KNOWN,
  `${WELL_KNOWN}/`,
  `${WELL_KNOWN}/acme/mcp/`,
  `${WELL_KNOWN}/acme/receipts`,
])("what is not served is a 404: %s", async (target) => {
  expect(told(await ask(target))).toMatch(/^404 target\.(unknown|not_canonical)$/);
});

test("D1 that does not answer is a 503, and back it is read again", async () => {
  const db = await scene.runtime.d1();
  await db.exec("ALTER TABLE checkpoints RENAME TO away");
  const answer = await ask(`${WELL_KNOWN}/paged/mcp`);
  await db.exec("ALTER TABLE away RENAME TO checkpoints");
  expect(told(answer)).toBe("503 endpoint.log_unavailable");
  expect(answer.headers.get("retry-after")).toMatch(/^\d+$/);
  expect((await read("paged")).checkpoints).toHaveLength(PUBLISHED_CHECKPOINTS);
});

test("without signing keys there is nothing to publish", async () => {
  const answer = await publishedResponse(facts({}, { method: "GET" }), tenant, {} as Env);
  expect(answer).toEqual({ ok: false, error: "signing.unconfigured" });
});
