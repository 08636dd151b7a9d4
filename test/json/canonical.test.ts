import canonicalize from "canonicalize";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonical } from "../../src/json/canonical.ts";
import { type JsonValue, parseStrictJson } from "../../src/json/strict-json.ts";

const canonicalText = (text: string): string => {
  const parsed = parseStrictJson(text);
  if (!parsed.ok) throw new Error(parsed.error);
  return canonical(parsed.value);
};

describe("RFC 8785", () => {
  test.each([
    ["no white space", ' { "a" : [ 1 , { } ] } ', '{"a":[1,{}]}'],
    ["names by UTF-16 code units", '{"\ufb33":3,"😀":2,"€":1,"z":0}', '{"z":0,"€":1,"😀":2,"\ufb33":3}'],
    ["names are not numbers", '{"10":1,"9":2,"a":3,"":4}', '{"":4,"10":1,"9":2,"a":3}'],
    ["names at every depth", '[{"b":{"d":1,"c":2},"a":3}]', '[{"a":3,"b":{"c":2,"d":1}}]'],
    ["elements keep their order", "[3,1,2]", "[3,1,2]"],
    [
      "numbers",
      "[1.0,4.50,2e3,1e20,1e21,0.000001,1e-7,5e-324]",
      "[1,4.5,2000,100000000000000000000,1e+21,0.000001,1e-7,5e-324]",
    ],
    ["escapes only where needed", '"\\u0041\\/\\u20ac\\u000a\\u000B\\u007f\\""', '"A/€\\n\\u000b\u007f\\""'],
    ["no normalisation", '["\u00e9","e\u0301"]', '["\u00e9","e\u0301"]'],
    [
      "data named like methods",
      '{"toJSON":{"b":1,"a":2},"constructor":0}',
      '{"constructor":0,"toJSON":{"a":2,"b":1}}',
    ],
    ["__proto__ is data", '{"a":1,"__proto__":{"b":1}}', '{"__proto__":{"b":1},"a":1}'],
    ["scalars", "null", "null"],
  ])("%s", (_, text, expected) => {
    expect(canonicalText(text)).toBe(expected);
  });

  test("depends on the value alone, and reads back as it", () => {
    const shuffled = (value: JsonValue): JsonValue =>
      typeof value !== "object" || value === null
        ? value
        : Array.isArray(value)
          ? value.map(shuffled)
          : Object.fromEntries(
              Object.entries(value)
                .reverse()
                .map(([name, child]) => [name, shuffled(child)]),
            );
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "binary" }), (generated) => {
        const value: JsonValue = JSON.parse(JSON.stringify(generated));
        expect(canonical(shuffled(value))).toBe(canonical(value));
        expect(JSON.parse(canonical(value))).toEqual(value);
      }),
    );
  });
});

describe("where the names stand in order already", () => {
  test("the text is that of the library", () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "binary" }), (generated) => {
        const text = canonicalize(generated);
        expect(canonical(JSON.parse(text ?? ""))).toBe(text);
      }),
    );
  });

  test.each([
    ["a text that means an escape", "\\ud800"],
    ["a pair of surrogates", "\ud83d\ude00"],
  ])("%s is one like others", (_, text) => {
    expect(canonical({ a: text, b: 1 })).toBe(`{"a":${JSON.stringify(text)},"b":1}`);
  });
});

describe("what is not JSON is a bug", () => {
  test.each([
    ["undefined", undefined],
    ["a function", () => 1],
    ["NaN", Number.NaN],
    ["Infinity", [Number.POSITIVE_INFINITY]],
    ["a lone surrogate", "\ud800"],
    ["a name with a lone surrogate", { "\udc00": 1 }],
    ["a lone surrogate behind a text that means one", ["\\ud800", "\ud800"]],
  ])("%s throws", (_, value) => {
    expect(() => canonical(value as JsonValue)).toThrow();
  });
});
