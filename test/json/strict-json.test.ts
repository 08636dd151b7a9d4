import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isObject, type JsonFault, type JsonValue, parseStrictJson } from "../../src/json/strict-json.ts";
import { MAX_JSON_DEPTH, MAX_JSON_VALUES } from "../../src/limits.ts";
import { REASONS, type Reason } from "../../src/reasons.ts";
import { fail, ok } from "../../src/result.ts";

const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);

const refused: Record<JsonFault, string[]> = {
  empty: [""],
  not_json: [
    // white space and what only looks like it
    " \t\r\n",
    "\ufeff{}",
    "\u00a0{}",
    "\u2028{}",
    "{}\u000b",
    "{}\f",
    "{}\u0000",
    // more or less than one value
    "{}{}",
    "{} x",
    "[1]]",
    "1 2",
    '"a" "b"',
    "{",
    "[",
    "[1",
    '{"a"',
    '{"a":',
    '{"a":1',
    '"a',
    '"a\\',
    "]",
    "}",
    ",",
    ":",
    // punctuation
    "[1,]",
    "[,1]",
    "[1,,2]",
    "[1 2]",
    "[1}",
    "[}",
    '{"a":1,}',
    '{,"a":1}',
    '{"a" 1}',
    '{"a"::1}',
    '{"a":1 "b":2}',
    '{"a":1]',
    "{]",
    '{"a"}',
    "{a:1}",
    "{'a':1}",
    "{1:1}",
    "{null:1}",
    '["a":1]',
    "// c\n1",
    "/* c */1",
    "# c\n1",
    // literals
    "True",
    "nul",
    "nulls",
    "truefalse",
    "undefined",
    "NaN",
    "Infinity",
    "-Infinity",
    "\ud800",
    // numbers
    "01",
    "-01",
    "00",
    "-",
    "+1",
    ".5",
    "-.5",
    "5.",
    "5.e1",
    "1e",
    "1e+",
    "1E-",
    "1.2.3",
    "1e1.5",
    "0x10",
    "1_000",
    "1n",
    "--1",
    "- 1",
    "٣",
    // strings
    '"\u0000"',
    '"\u001f"',
    '"a\nb"',
    '"\t"',
    '{"\n":1}',
    '"\\x41"',
    '"\\a"',
    '"\\\'"',
    '"\\U0041"',
    '"\\u"',
    '"\\u004"',
    '"\\u004g"',
    '"\\u+041"',
    '"\\u 041"',
    '"\\u00',
  ],
  duplicate_key: [
    '{"a":1,"a":2}',
    '{"a":1,"a":1}',
    '{"a":1,"b":2,"\\u0061":3}',
    '{"\\/":1,"/":2}',
    '{"\\u00e9":1,"é":2}',
    '{"\\ud83d\\ude00":1,"😀":2}',
    '{"":1,"":2}',
    '{"__proto__":1,"__proto__":2}',
    '{"__proto__":{},"\\u005f_proto__":{}}',
    '{"toString":1,"toString":2}',
    '{"1":1,"0":0,"1":1}',
    '[[{"x":[{"a":1,"a":2}]}]]',
    '{"x":{"a":1,"a":2},"y":{}}',
    // the repeated member takes others with it, or is the last of many
    '{"x":{"b":1,"c":{"d":1}},"x":{"e":1,"f":{"g":1}}}',
    '{"x":{"a":1,"a":2},"x":{}}',
    `{${Array.from({ length: 500 }, (_, i) => `"k${i}":${i}`).join(",")},"k250":0}`,
  ],
  number: [
    "-0",
    "-0.0",
    "-0e0",
    "-0E+5",
    "-0.000e-3",
    "-1e-400",
    '{"a":[-0]}',
    "1e400",
    "-1e400",
    "1E+309",
    "1.8e308",
    `1${"0".repeat(400)}.5`,
    "9007199254740992",
    "9007199254740993",
    "-9007199254740992",
    "10000000000000000",
    "12345678901234567890",
    "9".repeat(5000),
    // one number to a parser that keeps all digits, and another one here
    "9007199254740993.0",
    "9007199254740993e0",
    "900719925474099.3e1",
    "90071992547409930e-1",
    "123456789012345678901234567890.5",
    "1e-400",
    "0.1e-400",
    // takes minutes if the zeros are looked at from each of them
    `1${"0".repeat(500_000)}1e-900000`,
  ],
  lone_surrogate: [
    '"\ud800"',
    '"\udc00"',
    '"a\ud83d b"',
    '"\ude00\ud83d"',
    '"\ud83d\ud83d\ude00"',
    '"\\ud800"',
    '"\\udfff"',
    '"\\uD83D\\uD83D\\uDE00"',
    '"\\ude00\\ud83d"',
    '"\\ud83d\\n"',
    '"\\ud83d\\\\ude00"',
    '"\\ud83dx"',
    // half raw, half escaped: the raw half cannot have been UTF-8
    '"\ud83d\\ude00"',
    '"\\ud83d\ude00"',
    '{"\\ud800":1}',
    '{"\ud800":1}',
  ],
  too_deep: [
    nested(MAX_JSON_DEPTH + 1),
    '{"a":'.repeat(MAX_JSON_DEPTH + 1),
    "[".repeat(1_000_000),
    '[{"a":'.repeat(100_000),
  ],
  too_many_values: [
    `[${"0,".repeat(MAX_JSON_VALUES)}0]`,
    `[${"[],".repeat(MAX_JSON_VALUES)}`,
    `{${Array.from({ length: MAX_JSON_VALUES + 1 }, (_, i) => `"${i}":0`).join(",")}}`,
  ],
};

const show = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);

for (const [fault, texts] of Object.entries(refused)) {
  describe(`refused as ${fault}`, () => {
    test.each(texts.map((text) => [show(text), text]))("%s", (_, text) => {
      expect(parseStrictJson(text)).toEqual(fail(fault));
    });
  });
}

test("every fault is a reason code", () => {
  const reasonOf = (fault: JsonFault | "not_utf8"): Reason => `message.${fault}`;
  for (const fault of Object.keys(refused) as JsonFault[]) expect(REASONS).toHaveProperty([reasonOf(fault)]);
});

describe("accepted", () => {
  test.each([
    "0",
    "-1",
    "9007199254740991",
    "-9007199254740991",
    "0.0",
    "1e308",
    "1e20",
    "1.5E-7",
    "5e-324",
    "0e999",
    "true",
    "null",
    '""',
    " \t\r\n[ 1 ,\n2 ] ",
    '{ "a" : { } , "b" : [ ] }',
    '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00E9"',
    '"\\ud83d\\ude00 😀 \\uD83D\\uDE00"',
    '"\u007f\u2028\ufffe\ufeff"',
    '{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}',
    '{"a":1,"A":2,"é":3,"e\u0301":4}',
    '{"constructor":{"prototype":1},"toJSON":2,"toString":3,"hasOwnProperty":4,"length":5}',
    nested(MAX_JSON_DEPTH),
    `[${nested(2)},${nested(2)}]`,
    `[${"0,".repeat(MAX_JSON_VALUES - 1)}0]`,
  ])("%s", (text) => {
    expect(parseStrictJson(text)).toEqual(ok(JSON.parse(text)));
  });

  test("__proto__ is a member like any other", () => {
    const result = parseStrictJson('{"__proto__":{"admin":true},"a":1}');
    const value = result.ok && isObject(result.value) ? result.value : {};
    expect(Object.keys(value)).toEqual(["__proto__", "a"]);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(value.admin).toBeUndefined();
  });
});

describe("number policy", () => {
  test.each([
    "1.0",
    "1.5",
    "3e2",
    "1E0",
    "0.0",
    "0e5",
    "5e-324",
    "1e300",
    "1E+21",
    "-1.5e20",
    "9007199254740992.0",
    "1.7976931348623157e308",
    "0.10000000000000001",
  ])("integer refuses %s, any takes it", (token) => {
    expect(parseStrictJson(`{"a":[${token}]}`, "integer")).toEqual(fail("number"));
    expect(parseStrictJson(`{"a":[${token}]}`, "any")).toEqual(ok({ a: [Number(token)] }));
  });

  test.each(["-0", "9007199254740992"])("integer refuses %s as well", (token) => {
    expect(parseStrictJson(token, "integer")).toEqual(fail("number"));
  });

  test.each(["0", "-7", "1.5", "-0.25", "1e+21", "1e-7", "5e-324", "1.7976931348623157e+308", "0.000001"])(
    "canonical takes %s",
    (token) => {
      expect(parseStrictJson(`[${token}]`, "canonical")).toEqual(ok([Number(token)]));
    },
  );

  test.each([
    "1.0",
    "1.50",
    "1e0",
    "15e-1",
    "1E+21",
    "1e21",
    "0.0000001",
    "1e-07",
    "9007199254740992.0",
    "0.10000000000000001",
    "-0",
    "-0.0",
    "1e400",
    "1e-400",
    "9007199254740992",
  ])("canonical refuses %s", (token) => {
    expect(parseStrictJson(`[${token}]`, "canonical")).toEqual(fail("number"));
  });

  test("integer takes integers, and anything in a string", () => {
    expect(parseStrictJson('[0,-7,9007199254740991,"1.5"]', "integer")).toEqual(
      ok([0, -7, 9007199254740991, "1.5"]),
    );
  });
});

test.each<[JsonValue | undefined, boolean]>([
  [{}, true],
  [[], false],
  [null, false],
  ["", false],
  [undefined, false],
])("isObject(%j) is %s", (value, expected) => {
  expect(isObject(value)).toBe(expected);
});

describe("against JSON.parse", () => {
  const isExact = (value: unknown): boolean =>
    typeof value === "number"
      ? !Number.isInteger(value) || Number.isSafeInteger(value) || Math.abs(value) >= 1e21
      : typeof value !== "object" || value === null || Object.values(value).every(isExact);
  const values = fc.jsonValue({ stringUnit: "binary", maxDepth: 6 }).filter(isExact);
  const indents = fc.constantFrom("", " ", "\t", "\n", " \r\n");

  test("what JSON.stringify writes is read as JSON.parse reads it", () => {
    fc.assert(
      fc.property(values, indents, (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(parseStrictJson(text)).toEqual(ok(JSON.parse(text)));
      }),
      { numRuns: 500 },
    );
  });

  const pieces = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"',
    "\\",
    "\\u",
    "\\u00",
    "d83d",
    '"a"',
    '"a":1,',
    "0",
    "-",
    ".",
    "e",
  ];
  const more = [
    " ",
    "\n",
    "\u0000",
    "\u00a0",
    "\ufeff",
    "\ud83d",
    "\ude00",
    "true",
    "null",
    "1",
    "9007199254740993",
  ];
  const edits = fc.array(
    fc.record({ at: fc.nat(), cut: fc.nat(3), put: fc.constantFrom("", ...pieces, ...more) }),
    { minLength: 1, maxLength: 4 },
  );
  const edited = fc.tuple(values, edits).map(([value, list]) =>
    list.reduce((text, { at, cut, put }) => {
      const start = at % (text.length + 1);
      return text.slice(0, start) + put + text.slice(start + cut);
    }, JSON.stringify(value)),
  );

  test("after random edits the two agree on what is JSON", () => {
    fc.assert(
      fc.property(edited, (text) => {
        const strict = parseStrictJson(text);
        const parsed = attempt(() => JSON.parse(text));
        if (strict.ok) expect(parsed).toEqual(strict);
        else if (strict.error === "not_json" || strict.error === "empty") expect(parsed.ok).toBe(false);
      }),
      { numRuns: 3000 },
    );
  });

  test("a repeated name is found wherever it is and however it is written", () => {
    const escaped = (name: string): string =>
      `"${[...name].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`).join("")}"`;
    const name = fc.constantFrom("a", "b", "ab", "__proto__", "0", "é", "");
    const members = fc.array(fc.record({ name, escape: fc.boolean(), deeper: fc.boolean() }), {
      maxLength: 5,
    });
    fc.assert(
      fc.property(members, members, (outer, inner) => {
        const text = (list: typeof outer, child: string): string =>
          `{${list.map((m) => `${m.escape ? escaped(m.name) : JSON.stringify(m.name)}:${m.deeper ? child : 1}`).join()}}`;
        const repeats = (list: typeof outer): boolean => new Set(list.map((m) => m.name)).size < list.length;
        const repeated = repeats(outer) || (outer.some((m) => m.deeper) && repeats(inner));
        const result = parseStrictJson(text(outer, text(inner, "[]")));
        expect(result.ok ? "ok" : result.error).toBe(repeated ? "duplicate_key" : "ok");
      }),
      { numRuns: 500 },
    );
  });
});

function attempt(parse: () => JsonValue): { ok: true; value: JsonValue } | { ok: false } {
  try {
    return ok(parse());
  } catch {
    return { ok: false };
  }
}
