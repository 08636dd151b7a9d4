import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { Case, Index, Tenants, TopicFile } from "../../scripts/vectors/format.ts";
import { VECTORS } from "../../scripts/vectors/place.ts";
import { type Result, runCases } from "./run.ts";

const read = <T>(file: string): T => JSON.parse(readFileSync(join(VECTORS, file), "utf8"));

const topics = read<Index>("index.json").files.map(({ file }) => read<TopicFile>(file));
const all: readonly Case[] = topics.flatMap(({ cases }) => cases);

/** Some 12 ms for each case; a machine that has much else to do takes longer. */
const TIMEOUT_MS = 300_000;

let results: ReadonlyMap<string, readonly Result[]>;
beforeAll(async () => {
  results = await runCases(all, read<Tenants>("tenants.json"));
}, TIMEOUT_MS);

describe.each(topics)("$title", ({ cases }) => {
  test.each(cases.map((one) => [one.id, one] as const))("%s", (id, { title, before = [] }) => {
    const made = results.get(id) ?? [];
    expect(made).toHaveLength(before.length + 1);
    for (const { seen, expected } of made) expect(seen, title).toEqual(expected);
  });
});
