import { describe, expect, test } from "vitest";
import { permitsCall, readConstraints } from "../../../../src/evidence/act/constraints/constraints.ts";
import type { JsonObject, JsonValue } from "../../../../src/json/strict-json.ts";
import { MAX_JSON_DEPTH, MAX_PATTERN_INPUT } from "../../../../src/limits.ts";
import { long } from "../../../support/tokens.ts";

function permits(constraints: JsonValue, args: JsonObject | null): boolean {
  const read = readConstraints(constraints);
  if (read === null || read === "unknown") throw new Error(String(read));
  return permitsCall(read, args);
}

type Case = [what: string, rule: JsonObject, allowed: JsonValue[], refused: JsonValue[]];

describe("one argument", () => {
  test.each<Case>([
    ["presence alone", {}, ["x", 0, null, false, [], {}], []],
    ["equals text", { equals: "x" }, ["x"], ["X", "x ", "", 1, null, ["x"], { x: "x" }]],
    ["equals a number", { equals: 1 }, [1], ["1", 1.5, true, [1]]],
    ["equals zero", { equals: 0 }, [0], [false, null, "", "0"]],
    ["equals null", { equals: null }, [null], [0, false, "", "null", {}, []]],
    [
      "equals a list",
      { equals: [1, { a: 2 }] },
      [[1, { a: 2 }]],
      [[1], [{ a: 2 }, 1], { 0: 1, 1: { a: 2 } }, []],
    ],
    [
      "equals an object, in any order",
      { equals: { a: 1, b: [true] } },
      [{ b: [true], a: 1 }],
      [{ a: 1 }, { a: 1, b: [true], c: null }, { a: 1, b: [false] }, [], "x"],
    ],
    ["equals an empty object", { equals: {} }, [{}], [[], null, { a: 1 }]],
    [
      "equals what is inherited by every object",
      { equals: { toString: 1 } },
      [{ toString: 1 }],
      [{}, { a: 1 }],
    ],
    ["in", { in: ["a", 2, null] }, ["a", 2, null], ["b", "2", "", ["a"], ["a", 2, null]]],
    ["minimum", { minimum: 1 }, [1, 1.5, 1e9], [0, 0.999, -1, "2", null, [2], true]],
    ["maximum", { maximum: -1 }, [-1, -1e9], [-0.5, 0, "-2", null, [-2]]],
    ["minimum and maximum", { minimum: 1, maximum: 3 }, [1, 2, 3], [0, 4]],
    ["prefix", { prefix: "a/" }, ["a/", "a/b", "a/../b"], ["a", "A/b", " a/b", "", 1, ["a/b"]]],
    [
      "pattern",
      { pattern: "[a-z]+-[0-9]{2}" },
      ["a-01", "xyz-99"],
      ["a-1", "A-01", "a-011", "xa-01 ", "", 1],
    ],
    [
      "several kinds together",
      { prefix: "a", pattern: "..", in: ["ab", "cd", "abc"] },
      ["ab"],
      ["cd", "abc", "ax"],
    ],
    ["minimum of a text", { minimum: 0, prefix: "" }, [], [0, "0"]],
  ])("%s", (_, rule, allowed, refused) => {
    const constraints = { arguments: { "/q": rule } };
    for (const q of allowed) expect([q, permits(constraints, { q })]).toEqual([q, true]);
    for (const q of refused) expect([q, permits(constraints, { q })]).toEqual([q, false]);
    expect(permits(constraints, {})).toBe(false);
    expect(permits(constraints, null)).toBe(false);
  });

  test.each<[string, boolean, boolean]>([
    ["required", true, false],
    ["optional", true, true],
    ["forbidden", false, true],
  ])("%s", (presence, there, absent) => {
    const constraints = { arguments: { "/q": { presence } } };
    expect(permits(constraints, { q: null })).toBe(there);
    expect(permits(constraints, {})).toBe(absent);
  });

  test("what is optional is held to its rule where it is there", () => {
    const constraints = { arguments: { "/q": { presence: "optional", equals: 1 } } };
    expect(permits(constraints, { q: 2 })).toBe(false);
    expect(permits(constraints, { q: null })).toBe(false);
  });
});

describe("arguments together", () => {
  test.each<[string, JsonObject, JsonObject[], JsonObject[]]>([
    ["nothing said", {}, [{}, { a: 1 }], []],
    ["no arguments", { additional: false }, [{}], [{ a: 1 }, { "": 1 }]],
    ["none named", { arguments: {} }, [{}], [{ a: 1 }]],
    ["none named, others allowed", { arguments: {}, additional: true }, [{}, { a: 1 }], []],
    [
      "another beside",
      { arguments: { "/a": {} } },
      [{ a: 1 }],
      [
        { a: 1, b: 2 },
        { a: 1, A: 2 },
        { a: 1, "a ": 1 },
      ],
    ],
    ["another beside, allowed", { arguments: { "/a": {} }, additional: true }, [{ a: 1, b: 2 }], [{ b: 2 }]],
    [
      "a name that every object has",
      { arguments: { "/toString": { presence: "optional" } } },
      [{}],
      [{ valueOf: 1 }],
    ],
    ["a required name that every object has", { arguments: { "/toString": {} } }, [{ toString: 1 }], [{}]],
    [
      "__proto__",
      { arguments: JSON.parse('{"/__proto__": {"equals": 1}}') },
      [JSON.parse('{"__proto__": 1}')],
      [{}],
    ],
  ])("%s", (_, constraints, allowed, refused) => {
    for (const args of allowed) expect([args, permits(constraints, args)]).toEqual([args, true]);
    for (const args of refused) expect([args, permits(constraints, args)]).toEqual([args, false]);
  });
});

describe("paths", () => {
  test.each<[string, string, JsonObject[], JsonObject[]]>([
    ["into an object", "/a/b", [{ a: { b: 1 } }], [{ a: { b: 2 } }, { "a/b": 1 }, { a: 1 }, { a: {} }, {}]],
    ["a name with a slash", "/a~1b", [{ "a/b": 1 }], [{ a: { b: 1 } }, { "a~1b": 1 }]],
    ["a name with a tilde", "/a~0b", [{ "a~b": 1 }], [{ "a~0b": 1 }]],
    ["~01 is ~1, no slash", "/a~01b", [{ "a~1b": 1 }], [{ "a/b": 1 }]],
    ["a name with a dot", "/a.b", [{ "a.b": 1 }], [{ a: { b: 1 } }]],
    ["an empty name", "/", [{ "": 1 }], [{}, { "/": 1 }]],
    ["an empty name in another", "/a/", [{ a: { "": 1 } }], [{ a: 1 }]],
    ["digits are a name, not a place in a list", "/a/0", [{ a: { 0: 1 } }], [{ a: [1] }]],
    ["an object in the place of one", "/a/b/c", [{ a: { b: { c: 1 } } }], [{ a: [{ b: { c: 1 } }] }]],
    ["names are code points, not what looks alike", "/\u00e9", [{ "\u00e9": 1 }], [{ "e\u0301": 1 }]],
  ])("%s", (_, path, allowed, refused) => {
    const constraints = { arguments: { [path]: { equals: 1 } } };
    for (const args of allowed) expect([args, permits(constraints, args)]).toEqual([args, true]);
    for (const args of refused) expect([args, permits(constraints, args)]).toEqual([args, false]);
  });

  test("an object that a path goes through has no other members either, unless they are allowed", () => {
    const constraints = { arguments: { "/a/b": { equals: 1 } } };
    expect(permits(constraints, { a: { b: 1, c: 2 } })).toBe(false);
    expect(permits({ ...constraints, additional: true }, { a: { b: 1, c: 2 }, d: 3 })).toBe(true);
  });

  test("what is optional below: nothing, an object, but nothing else in its place", () => {
    const constraints = { arguments: { "/a/b": { presence: "optional", equals: 1 } }, additional: true };
    expect(permits(constraints, {})).toBe(true);
    expect(permits(constraints, { a: {} })).toBe(true);
    for (const a of ["x", 1, null, [], [{ b: 2 }]]) expect(permits(constraints, { a })).toBe(false);
  });

  test("what is required below is so where the object above is optional", () => {
    const constraints = { arguments: { "/a": { presence: "optional" }, "/a/b": {} } };
    expect(permits(constraints, {})).toBe(false);
    expect(permits(constraints, { a: { b: 1 } })).toBe(true);
  });

  test("an object held to a value and below", () => {
    const constraints = { arguments: { "/a": { in: [{ b: 1 }, { b: 2 }] }, "/a/b": { minimum: 2 } } };
    expect(permits(constraints, { a: { b: 1 } })).toBe(false);
    expect(permits(constraints, { a: { b: 2 } })).toBe(true);
  });
});

test("text beyond what is matched fits no pattern", () => {
  const constraints = { arguments: { "/q": { pattern: ".*" } } };
  expect(permits(constraints, { q: long(MAX_PATTERN_INPUT) })).toBe(true);
  expect(permits(constraints, { q: long(MAX_PATTERN_INPUT + 1) })).toBe(false);
  // Characters are counted, not their UTF-16 units.
  expect(permits(constraints, { q: "\u{1F30A}".repeat(MAX_PATTERN_INPUT) })).toBe(true);
  expect(permits(constraints, { q: "\u{1F30A}".repeat(MAX_PATTERN_INPUT + 1) })).toBe(false);
});

/** The value, and how often its members were listed. */
function watched(value: JsonObject): { readonly value: JsonObject; readonly listed: () => number } {
  let count = 0;
  const ownKeys = (target: JsonObject) => {
    count += 1;
    return Reflect.ownKeys(target);
  };
  return { value: new Proxy(value, { ownKeys }), listed: () => count };
}

test("the members of an argument are counted once, however many values it is held against", () => {
  const { value, listed } = watched({ a: 1, b: 2 });
  const several = { in: Array.from({ length: 100 }, () => ({})), equals: {} };
  expect(permits({ arguments: { "/q": { in: several.in } } }, { q: value })).toBe(false);
  for (let entry = 0; entry < 20; entry += 1)
    expect(permits({ arguments: { "/q": several, "/p": {} } }, { q: value, p: 1 })).toBe(false);
  expect(listed()).toBe(1);
});

test("the arguments are counted once, however many entries allow fewer", () => {
  const { value, listed } = watched({ a: 1, b: 2 });
  for (let entry = 0; entry < 20; entry += 1) {
    expect(permits({ arguments: { "/a": {} } }, value)).toBe(false);
    expect(permits({ arguments: { "/q/a": {} } }, { q: value })).toBe(false);
  }
  expect(listed()).toBe(1);
});

test("a path has no more steps than JSON may nest", () => {
  const path = (steps: number): JsonObject => ({ arguments: { ["/a".repeat(steps)]: {} } });
  expect(readConstraints(path(MAX_JSON_DEPTH))).not.toBeNull();
  expect(readConstraints(path(MAX_JSON_DEPTH + 1))).toBeNull();
  expect(readConstraints(path(5000))).toBeNull();
});
