import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type JsonFault,
  type JsonValue,
  parseStrictJson,
  StrictJsonReader,
} from "../../src/json/strict-json.ts";
import { fail, ok, type Result } from "../../src/result.ts";
import { jsonTexts, naiveFaults } from "../support/json-texts.ts";

function inPieces(pieces: readonly string[]): Result<JsonValue, JsonFault> {
  const reader = new StrictJsonReader();
  for (const piece of pieces) {
    const fault = reader.push(piece);
    if (fault !== null) return fail(fault);
  }
  return reader.end();
}

/** Where to cut a text: between any two units, also within a name, a number, an escape or a surrogate pair. */
const cuts = fc.array(fc.nat(), { maxLength: 8 });
const cutAt = (text: string, places: readonly number[]): string[] => {
  const sorted = places.map((place) => place % (text.length + 1)).sort((a, b) => a - b);
  return [...sorted, text.length].map((end, i) => text.slice(i === 0 ? 0 : sorted[i - 1], end));
};

test("whatever the text and wherever it is cut, the verdict is that on the whole", () => {
  fc.assert(
    fc.property(jsonTexts, cuts, (text, places) => {
      const whole = parseStrictJson(text);
      expect(inPieces(cutAt(text, places))).toEqual(whole);
      expect(inPieces(text.split(""))).toEqual(whole);
    }),
    { numRuns: 3000 },
  );
});

test("the verdict is that of a naive reader, with one of the faults it sees", () => {
  const reached = new Set<string>();
  fc.assert(
    fc.property(jsonTexts, (text) => {
      const faults = naiveFaults(text);
      const strict = parseStrictJson(text);
      reached.add(strict.ok ? "ok" : strict.error);
      if (faults.size === 0) expect(strict).toEqual(ok(JSON.parse(text)));
      else if (!faults.has("not_json")) expect(faults).toContain(strict.ok ? "ok" : strict.error);
      else expect(strict.ok).toBe(false);
    }),
    { numRuns: 5000 },
  );
  expect([...reached]).toEqual(
    expect.arrayContaining(["ok", "not_json", "number", "duplicate_key", "lone_surrogate"]),
  );
});

describe("a fault shows in the piece that has it", () => {
  test.each<[string[], JsonFault]>([
    [["[1,", "]"], "not_json"],
    [["{", "1"], "not_json"],
    [['{"a"', ","], "not_json"],
    [["tr", "ux,"], "not_json"],
    [["[1", ".", ",", "2"], "not_json"],
    [["{}", "{"], "not_json"],
    [['"\\', '" "', "x"], "not_json"],
    [['"\\\\', '"', "x"], "not_json"],
    [['"a', "\\", "\\", '"', "x"], "not_json"],
    [["[-", "0,"], "number"],
    [["[90071992547", "40992", "]"], "number"],
    [["[".repeat(64), "["], "too_deep"],
  ])("%j", (pieces, fault) => {
    const reader = new StrictJsonReader();
    const found = pieces.map((piece) => reader.push(piece)).find((result) => result !== null);
    expect(found).toBe(fault);
  });
});

test("a long token in many pieces is put together once", () => {
  const digits = Array<string>(200_000).fill("1");
  expect(inPieces(["0.", ...digits])).toEqual(ok(Number(`0.${digits.join("")}`)));
  expect(inPieces(['"', ...digits, '"'])).toEqual(ok(digits.join("")));
  expect(inPieces(['"', ...Array<string>(200_000).fill("\\n"), '"'])).toEqual(ok("\n".repeat(200_000)));
});
