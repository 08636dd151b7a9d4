import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { buildVectors } from "../../scripts/vectors/build.ts";
import { type Case, type Index, type Step, type TopicFile, wireBytes } from "../../scripts/vectors/format.ts";
import { KEPT_FILES, VECTORS } from "../../scripts/vectors/place.ts";
import { REASONS } from "../../src/reasons.ts";

const text = (file: string): string => readFileSync(join(VECTORS, file), "utf8");
const index: Index = JSON.parse(text("index.json"));
const cases: readonly Case[] = index.files.flatMap(({ file }) => (JSON.parse(text(file)) as TopicFile).cases);
const steps: readonly Step[] = cases.flatMap((one) => [...(one.before ?? []), one]);

test("the files are what npm run vectors makes, to the byte", async () => {
  const made = await buildVectors();
  const stale = [...made].filter(([file, content]) => content !== text(file)).map(([file]) => file);
  expect(stale).toEqual([]);
  expect(readdirSync(VECTORS).sort()).toEqual([...made.keys(), ...KEPT_FILES].sort());
}, 60_000);

test("the index counts the cases", () => {
  expect(index.cases).toBe(cases.length);
  expect(cases.length).toBeGreaterThanOrEqual(300);
  expect(new Set(cases.map(({ id }) => id)).size).toBe(cases.length);
});

test("every reason code has a case, or it is said why there can be none", () => {
  const shown = new Set(
    steps.flatMap(({ expect: { error, ...other } }) => [
      ...("reason" in other ? [other.reason] : []),
      ...(error === undefined ? [] : [error.reason]),
    ]),
  );
  const missing = Object.keys(REASONS).filter((reason) => !shown.has(reason));
  expect(missing.sort()).toEqual(Object.keys(index.notShown).sort());
});

test("what others publish is of one case alone", () => {
  const urls = cases.flatMap((one) => [
    ...new Set([...(one.before ?? []), one].flatMap(({ remote = {} }) => Object.keys(remote))),
  ]);
  expect(urls.filter((url, i) => urls.indexOf(url) !== i)).toEqual([]);
});

test("a request is HTTP/1.1, and says how long it is", () => {
  for (const { request } of steps) {
    const bytes = wireBytes(request);
    const end = bytes.indexOf("\r\n\r\n") + 4;
    const head = bytes.subarray(0, end).toString("latin1");
    expect(head).toMatch(/^[A-Z]+ \S+ HTTP\/1\.1\r\nHost: \S+\r\n/);
    const length = /^Content-Length: (\d+)\r$/m.exec(head)?.[1];
    const isChunked = /^Transfer-Encoding: chunked\r$/m.test(head);
    if (!isChunked) expect(Number(length ?? 0)).toBe(bytes.length - end);
  }
});
