/**
 * `countersign explain` against the built Worker: valid calls of every kind, as they are and with one thing changed. Up to stage 8 both
 * must say the same of each; behind that comes what only the deployment can know.
 */

import { afterAll, beforeAll, expect, test } from "vitest";
import { explain } from "../../src/cli/explain/explain.ts";
import { readRequest } from "../../src/cli/explain/request.ts";
import { SESSION_KEYS } from "../../src/cli/local/secrets.ts";
import type { Source } from "../../src/cli/sources.ts";
import { compileTenant } from "../../src/tenant/compile.ts";
import { told } from "../socket/messages.ts";
import { type Answer, toBytes } from "../socket/raw.ts";
import { randomOf } from "../support/random.ts";
import { type Stage, setStage } from "./kinds.ts";
import { mutate } from "./mutate.ts";
import { openPool, type Pool } from "./pool.ts";
import { again, SEED, SIZE } from "./size.ts";

const PER_CALL = 8;
const CALLS = 26 * SIZE;
const sessionKeys = SESSION_KEYS.make();

let stage: Stage;
let pool: Pool;
let sources: ReadonlyMap<string, Source>;
beforeAll(async () => {
  stage = await setStage({ sessionKeys });
  pool = openPool(stage.scene.url, 8);
  const kv = await stage.scene.runtime.kv();
  const read = stage.tenants.map(async (id): Promise<[string, Source]> => {
    const text = (await kv.get(`tenant:${id}`)) ?? "";
    const tenant = await compileTenant(text, stage.scene.url);
    if (!tenant.ok) throw new Error(JSON.stringify(tenant.error));
    return [id, { file: id, text, tenant: tenant.value }];
  });
  sources = new Map(await Promise.all(read));
});
afterAll(async () => {
  pool?.close();
  await stage?.scene.close();
});

/** What the Worker says: "passed", or the status and the reason. */
function inWorker(answer: Answer): string {
  const said = told(answer);
  if (said.startsWith("200 ") && answer.text.includes('"isError":true')) return "tool result";
  // What is used up, or comes too late to be, is for the ledger to say.
  return /^20[02]$|^\d+ (replay|run|limit|revoked)\./.test(said) ? "passed" : said;
}

/** The same from `explain`; null for what it does not read as a request, with the fault that it names. */
async function explained(bytes: Uint8Array, source: Source): Promise<string> {
  const request = readRequest(new Uint8Array(bytes));
  if (!request.ok) return `unread: ${request.error}`;
  const { end } = await explain(source, request.value, {
    gatewayUrl: stage.scene.url,
    fetchesKeys: false,
    secrets: { SESSION_KEYS: sessionKeys },
  });
  switch (end.kind) {
    case "admitted":
      return "passed";
    case "answered":
      return "204";
    case "refused":
      return end.shown === null ? "tool result" : `${end.status} ${end.shown}`;
    default:
      return JSON.stringify(end);
  }
}

test(`${CALLS * PER_CALL} mutants (seed ${SEED})`, { timeout: 60_000 + 20_000 * SIZE }, async () => {
  const random = randomOf(SEED);
  const { kinds } = stage;
  const seen = new Set<string>();
  const differences: string[] = [];
  let unread = 0;
  for (let call = 0; call < CALLS; call += 1) {
    const kind = kinds[call % kinds.length] as (typeof kinds)[number];
    const [honest, other] = [await kind.make(), await random.pick(kinds).make()];
    const mutants = Array.from({ length: PER_CALL - 1 }, (_, n) =>
      mutate(call * 7 + n, honest, other, random),
    );
    const all = [...mutants, { name: "as it is", wire: honest, bytes: toBytes(honest) }];
    await Promise.all(
      all.map(async ({ name, wire, bytes }) => {
        // Where a target names a host, too, the local runtime goes by Host all the same.
        if (wire.target.startsWith("http")) return;
        const [, named = ""] = /^\/([^/]+)\/mcp/.exec(wire.target) ?? [];
        const source = sources.get(named) ?? sources.get(kind.tenant);
        if (source === undefined) throw new Error(kind.tenant);
        const answer = await pool.exchange(bytes);
        const theirs = inWorker(answer);
        const ours = await explained(bytes, source);
        if (ours.startsWith("unread")) {
          unread += 1;
          // HTTP itself refuses it, but for chunks, which are written down otherwise, and a second host, which is no tenant's.
          const isOurs = answer.headers.has("countersign-decision");
          if (isOurs && !/Transfer-Encoding/.test(ours) && theirs !== "404 target.unknown")
            differences.push(`${kind.name}, ${name}: ${theirs} / ${ours}`);
        } else {
          seen.add(theirs);
          if (ours !== theirs) differences.push(`${kind.name}, ${name}: ${theirs} / ${ours}`);
        }
      }),
    );
  }
  expect(differences, again).toEqual([]);
  // Or the changes would prove little.
  expect(seen.size, [...seen].join()).toBeGreaterThan(20);
  expect(unread).toBeLessThan((CALLS * PER_CALL) / 8);
});
