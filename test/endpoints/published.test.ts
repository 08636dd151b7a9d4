import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { publishedResponse } from "../../src/endpoints/published.ts";
import type { Facts } from "../../src/facts.ts";
import { PUBLISHED_CHECKPOINTS, PUBLISHED_LENGTH } from "../../src/limits.ts";
import type { Tenant } from "../../src/tenant/tenant.ts";
import { unique } from "../ledger/helpers.ts";

/** The numbers of the checkpoints that are shown of so many, which have this length. */
async function shown(count: number, length: number, query: string | null): Promise<number[]> {
  const id = unique("tenant");
  await env.AUDIT.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
      INSERT INTO checkpoints SELECT ?, i, i, hex(zeroblob(CAST(? AS INTEGER))), NULL FROM n`,
  )
    .bind(count, id, length / 2)
    .run();
  const tenant = { id, publicUrl: "https://gateway.example" } as Tenant;
  const answer = await publishedResponse({ method: "GET", query } as Facts, tenant, env);
  if (!answer.ok) throw new Error(answer.error);
  const { checkpoints } = await answer.value.json<{ checkpoints: { number: number }[] }>();
  return checkpoints.map(({ number }) => number);
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

test("the latest, or those that follow, so many at once", async () => {
  const last = PUBLISHED_CHECKPOINTS + 7;
  expect(await shown(last, 1000, null)).toEqual(range(8, last));
  expect(await shown(last, 1000, "?after=3")).toEqual(range(4, PUBLISHED_CHECKPOINTS + 3));
  expect(await shown(3, 1000, "?after=3")).toEqual([]);
});

test("fewer where they are long, and one at least", async () => {
  const length = PUBLISHED_LENGTH / 8;
  expect(await shown(20, length, null)).toEqual(range(13, 20));
  expect(await shown(20, length, "?after=2")).toEqual(range(3, 10));
  expect(await shown(2, 1_900_000, null)).toEqual([1, 2]);
});
