/** What every client is for, as far as it can. */

import { expect } from "vitest";
import { finishJob, TOOLS } from "./origin-tools.ts";
import type { Connected } from "./sdks.ts";

/** Lists, calls, a tool's own error, twenty calls at once, and a call that reports its progress. */
export async function exercise(client: Connected): Promise<void> {
  expect(await client.tools()).toEqual(TOOLS);
  expect(await client.call("search", { query: "wax" })).toEqual({ text: "search: wax", isError: false });
  expect(await client.call("sealed", { query: "wax" })).toEqual({ text: "sealed: wax", isError: false });
  expect(await client.call("fails", { query: "wax" })).toEqual({ text: "out of order", isError: true });

  const queries = Array.from({ length: 20 }, (_, i) => `wax ${i}`);
  const results = await Promise.all(queries.map((query) => client.call("search", { query })));
  expect(results.map(({ text }) => text)).toEqual(queries.map((query) => `search: ${query}`));

  // It ends only when all its reports have arrived.
  const query = crypto.randomUUID();
  const reports: number[] = [];
  const result = client.call("works", { query }, (progress) => {
    reports.push(progress);
    if (progress === 3) finishJob(query);
  });
  expect(await result).toEqual({ text: `works: ${query}`, isError: false });
  expect(reports).toEqual([1, 2, 3]);
}

/** A call in which the server asks the user something. */
export async function answer(client: Connected): Promise<void> {
  expect(await client.call("asks", { query: "wax" })).toEqual({ text: "answered: WAX", isError: false });
}
