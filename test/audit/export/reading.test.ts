import { describe, expect, test } from "vitest";
import { readQuery } from "../../../src/audit/export/query.ts";
import { pagesOf, spansBehind } from "../../../src/audit/export/spans.ts";
import { splitLines } from "../../../src/audit/export/split-lines.ts";
import { utf8 } from "../../../src/encoding.ts";
import { MAX_EXPORT_LINE_BYTES } from "../../../src/limits.ts";
import { each } from "./log.ts";

async function split(...chunks: readonly (string | Uint8Array)[]): Promise<string[]> {
  const lines: string[] = [];
  const bytes = chunks.map((chunk) => (typeof chunk === "string" ? utf8(chunk) : chunk));
  for await (const line of splitLines(each(bytes))) lines.push(line.ok ? line.value : `! ${line.error}`);
  return lines;
}

describe("lines", () => {
  test("are cut at line feeds alone, wherever the bytes are cut", async () => {
    const text = "one\ntwo\u2028\u0085\r\n\näö€\n";
    const lines = ["one", "two\u2028\u0085\r", "", "äö€"];
    expect(await split(text)).toEqual(lines);
    expect(await split(...Array.from(utf8(text), (byte) => new Uint8Array([byte])))).toEqual(lines);
    expect(await split()).toEqual([]);
  });

  test("end with the first one that is wrong", async () => {
    expect(await split("one\ntw")).toEqual(["one", "! it breaks off"]);
    expect(await split("one\n", new Uint8Array([0xc3, 0x0a]), "three\n")).toEqual([
      "one",
      "! it is not UTF-8",
    ]);
    const long = "x".repeat(MAX_EXPORT_LINE_BYTES);
    expect(await split(`${long}\n`)).toEqual([long]);
    expect(await split(long, "x\n", "three\n")).toEqual(["! it is longer than any line of an export"]);
  });
});

describe("query", () => {
  const none = { from: null, to: null, resume: null };
  const chain = "FxmOjR5PvM7LQd9Y_v-4Pg";
  test.each<[string | null, object]>([
    [null, none],
    ["?from=0", { ...none, from: 0 }],
    ["?to=20&from=10", { from: 10, to: 20, resume: null }],
    ["?after=7&checkpoint=9", { ...none, resume: { after: 7, checkpoint: 9 } }],
    [
      `?from=1&after=${chain}.12&checkpoint=9`,
      { from: 1, to: null, resume: { after: { chain, seq: 12 }, checkpoint: 9 } },
    ],
  ])("%s", (query, read) => expect(readQuery(query)).toEqual(read));

  test.each([
    "?",
    "?from",
    "?from=",
    "?from=1&from=2",
    "?from=1&",
    "?&from=1",
    "?From=1",
    "?from=1=2",
    "?until=1",
    "?from=01",
    "?from=-1",
    "?from=1.5",
    "?from=1e3",
    "?from=%31",
    "?from=9007199254740992",
    "?from=5&to=5",
    "?from=6&to=5",
    "?after=1",
    "?checkpoint=1",
    `?after=${chain}&checkpoint=1`,
    `?after=${chain}.0&checkpoint=1`,
    `?after=${chain}.1.2&checkpoint=1`,
    "?after=.1&checkpoint=1",
    `?after=${"x".repeat(129)}.1&checkpoint=1`,
    "?__proto__=1",
  ])("%s is refused", (query) => expect(readQuery(query)).toBeNull());
});

test("spans are cut into pages, and behind a place", () => {
  const span = (chain: string, from: number, to: number) => ({ chain, from, to, prevHash: "", hash: "" });
  const spans = [span("a", 3, 9), span("b", 1, 1), span("c", 1, 5)];
  const pages = [...pagesOf(spans, 4)].map((page) =>
    page.map(({ chain, from, to }) => `${chain}${from}-${to}`).join(" "),
  );
  expect(pages).toEqual(["a3-6", "a7-9 b1-1", "c1-4", "c5-5"]);
  const behind = (chain: string, seq: number) =>
    spansBehind(spans, { chain, seq }).map(({ chain, from }) => chain + from);
  expect(behind("a", 3)).toEqual(["a4", "b1", "c1"]);
  expect(behind("a", 9)).toEqual(["b1", "c1"]);
  expect(behind("aa", 1)).toEqual(["b1", "c1"]);
  expect(behind("c", 5)).toEqual([]);
});
