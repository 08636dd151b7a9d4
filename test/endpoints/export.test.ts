/** The answer of the export: what it asks of D1, and when it ends. */

import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { readSigningKeys } from "../../src/audit/signing-keys.ts";
import { exportLog } from "../../src/endpoints/export.ts";
import type { Visit } from "../../src/endpoints/visit.ts";
import { EXPORT_ANSWER_MS, EXPORT_PAGE_ROWS } from "../../src/limits.ts";
import { ISSUER, type Log, makeLog, TENANT, verify } from "../audit/export/log.ts";
import { counting, emptyLog, store } from "../audit/export/stored.ts";

let log: Log;
beforeAll(async () => {
  await emptyLog();
  const keys = await readSigningKeys(env.SIGNING_KEYS);
  if (keys === null) throw new Error("no keys");
  log = await makeLog({ records: 3 * EXPORT_PAGE_ROWS, chains: 3, every: 100 }, keys);
  await store(log);
});
afterEach(() => void vi.restoreAllMocks());

/** Asks, of a directory that has made the last checkpoint. */
async function ask(
  query: string | null = null,
  db = env.AUDIT,
  snapshot = async () => log.checkpoints.at(-1),
) {
  const visit = { facts: { query }, tenant: { id: TENANT, publicUrl: ISSUER } } as unknown as Visit;
  const DIRECTORY = { getByName: () => ({ snapshot }) };
  const bindings = { SIGNING_KEYS: env.SIGNING_KEYS, AUDIT: db, DIRECTORY } as unknown as Env;
  const answer = await exportLog(visit, bindings);
  return answer.ok ? answer.value : answer.error;
}

const bodyOf = (answer: Response | string): ReadableStream<Uint8Array> => {
  if (typeof answer === "string" || answer.body === null) throw new Error(`no body: ${answer}`);
  return answer.body;
};

const quiet = () => vi.spyOn(console, "error").mockImplementation(() => {});

test("all of the log", async () => {
  const text = await new Response(bodyOf(await ask())).text();
  expect(await verify(text.trimEnd().split("\n"), log.means)).toMatchObject({
    ok: true,
    value: { counts: { records: 1500 } },
  });
});

test("who goes away, or does not read, has no more of D1 read", async () => {
  const { db, asked } = counting();
  const reader = bodyOf(await ask(null, db)).getReader();
  const before = asked.length;
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(asked).toHaveLength(before);
  await reader.read();
  await reader.read();
  const pages = () => asked.filter((query) => query.startsWith("SELECT r.*")).length;
  expect(pages()).toBe(1);
  await reader.cancel();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(pages()).toBe(1);
});

test("an answer ends in time, whoever reads it: to go on is to show again that one may", async () => {
  const said = quiet();
  const decoder = new TextDecoder();
  let now = Date.now();
  vi.spyOn(Date, "now").mockImplementation(() => now);
  const whole = await new Response(bodyOf(await ask())).text();
  let text = "";
  let requests = 0;
  for (let query: string | null = null; !text.endsWith('"chains":3}\n'); requests++) {
    const reader = bodyOf(await ask(query)).getReader();
    const part = async () => decoder.decode((await reader.read()).value, { stream: true });
    text += await part();
    text += await part();
    now += EXPORT_ANSWER_MS + 1;
    const more = await part().catch((error: unknown) => String(error));
    // What is left when the log ends is sent on, since nothing more is read for it.
    if (!more.includes("as much time")) text += more;
    const last = JSON.parse(text.trimEnd().split("\n").at(-1) ?? "");
    query = `?after=${last.record?.chain}.${last.record?.seq}&checkpoint=${log.checkpoints.length}`;
  }
  expect(requests).toBeGreaterThan(5);
  // The first line says when it was asked for, and by a signature that is never the same.
  const behindFirst = (lines: string) => lines.slice(lines.indexOf("\n"));
  expect(behindFirst(text)).toBe(behindFirst(whole));
  expect(said).toHaveBeenCalledWith(expect.stringContaining('"event":"export.broken"'));
});

describe("no answer is better than one that is no export:", () => {
  test("D1 fails at any query before the first line", async () => {
    quiet();
    const { db, asked } = counting();
    const query = `?from=${log.checkpoints[3]?.claims.time}&to=${log.checkpoints[5]?.claims.time}`;
    await ask(query, db);
    expect(asked.length).toBeGreaterThan(4);
    for (let failAt = 1; failAt <= asked.length; failAt++)
      expect(await ask(query, counting(failAt).db)).toBe("endpoint.log_unavailable");
  });

  test("no checkpoint can be made, or the heads are gone", async () => {
    quiet();
    const failing = async () => {
      throw new Error("a ledger that answers could not hand its records to D1");
    };
    expect(await ask(null, env.AUDIT, failing)).toBe("endpoint.log_unavailable");
  });

  test("a line to go on behind that this export does not have", async () => {
    const [chain = ""] = log.chains.keys();
    const { length: last } = log.checkpoints;
    for (const query of [
      `?after=1&checkpoint=${last + 1}`,
      `?after=${last + 1}&checkpoint=${last}`,
      "?after=3&checkpoint=2",
      `?after=${"x".repeat(22)}.1&checkpoint=${last}`,
      `?after=${chain}.9999&checkpoint=${last}`,
      "?after=1&checkpoint=9007199254740991",
      "?from=8640000000000001",
    ])
      expect([query, await ask(query)]).toEqual([query, "endpoint.query"]);
  });
});
