import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Constraints,
  narrows,
  permitsCall,
  readConstraints,
} from "../../../../src/evidence/act/constraints/constraints.ts";
import type { JsonObject, JsonValue } from "../../../../src/json/strict-json.ts";

function read(constraints: JsonValue): Constraints {
  const value = readConstraints(constraints);
  if (value === null || value === "unknown") throw new Error(JSON.stringify(constraints));
  return value;
}

const isNarrower = (child: JsonValue, parent: JsonValue) => narrows(read(child), read(parent));
const rule = (q: JsonObject) => ({ arguments: { "/q": q } });

describe("one argument", () => {
  test.each<[string, JsonObject, JsonObject, boolean]>([
    ["the same equals", { equals: { a: 1 } }, { equals: { a: 1 } }, true],
    ["another value", { equals: 2 }, { equals: 1 }, false],
    ["one of the values", { equals: 1 }, { in: [1, 2] }, true],
    ["another than the values", { equals: 3 }, { in: [1, 2] }, false],
    ["fewer values", { in: [2] }, { in: [1, 2] }, true],
    ["more values", { in: [1, 2, 3] }, { in: [1, 2] }, false],
    ["one value for equals", { in: [1] }, { equals: 1 }, true],
    ["two values for equals", { in: [1, 2] }, { equals: 1 }, false],
    ["the constraint left out", {}, { equals: 1 }, false],
    ["another kind in its place", { prefix: "a" }, { equals: "a" }, false],
    ["one more constraint", { equals: 1, minimum: 0 }, { equals: 1 }, true],
    ["a higher minimum", { minimum: 2 }, { minimum: 1 }, true],
    ["a lower minimum", { minimum: 0 }, { minimum: 1 }, false],
    ["a lower maximum", { maximum: 0 }, { maximum: 1 }, true],
    ["a higher maximum", { maximum: 2 }, { maximum: 1 }, false],
    ["minimum for maximum", { minimum: 0 }, { maximum: 1 }, false],
    ["one bound of two", { minimum: 5 }, { minimum: 1, maximum: 9 }, false],
    ["values within a range", { in: [1, 2] }, { minimum: 1, maximum: 2 }, true],
    ["values not all within a range", { in: [1, 3] }, { minimum: 1, maximum: 2 }, false],
    ["a number as text within a range", { equals: "1" }, { minimum: 1 }, false],
    ["a longer prefix", { prefix: "a/b" }, { prefix: "a/" }, true],
    ["a shorter prefix", { prefix: "a" }, { prefix: "a/" }, false],
    ["a prefix in another case", { prefix: "A/b" }, { prefix: "a/" }, false],
    ["values with the prefix", { in: ["a/b", "a/"] }, { prefix: "a/" }, true],
    ["values, one without the prefix", { in: ["a/b", "b"] }, { prefix: "a/" }, false],
    ["the same pattern", { pattern: "a+" }, { pattern: "a+" }, true],
    ["another pattern, though it matches less", { pattern: "a" }, { pattern: "a+" }, false],
    ["a value that matches", { equals: "aa" }, { pattern: "a+" }, true],
    ["a value that does not", { equals: "ab" }, { pattern: "a+" }, false],
    ["a pattern for a prefix", { pattern: "abc" }, { prefix: "a" }, false],
    ["the prefix kept beside a pattern", { pattern: "a.*", prefix: "a" }, { prefix: "a" }, true],
    ["required for optional", { presence: "required" }, { presence: "optional" }, true],
    ["forbidden for optional", { presence: "forbidden" }, { presence: "optional", equals: 1 }, true],
    ["optional for required", { presence: "optional" }, {}, false],
    ["forbidden for required", { presence: "forbidden" }, {}, false],
    ["required for forbidden", {}, { presence: "forbidden" }, false],
    ["optional for forbidden", { presence: "optional" }, { presence: "forbidden" }, false],
    ["forbidden for forbidden", { presence: "forbidden" }, { presence: "forbidden" }, true],
  ])("%s", (_, child, parent, expected) => {
    expect(isNarrower(rule(child), rule(parent))).toBe(expected);
  });
});

describe("the whole", () => {
  test.each<[string, JsonObject, JsonObject, boolean]>([
    ["nothing for nothing", {}, {}, true],
    ["something for nothing", rule({}), {}, true],
    ["nothing for something", {}, rule({}), false],
    ["nothing for no arguments", {}, { additional: false }, false],
    ["additional for none", { ...rule({}), additional: true }, rule({}), false],
    ["none for additional", rule({}), { ...rule({}), additional: true }, true],
    ["additional for additional", { ...rule({}), additional: true }, { ...rule({}), additional: true }, true],
    ["another rule in the place of one", { arguments: { "/p": {} } }, rule({}), false],
    ["another rule beside, where none may be", { arguments: { "/q": {}, "/p": {} } }, rule({}), false],
    [
      "an optional one beside, where none may be",
      { arguments: { "/q": {}, "/p": { presence: "optional" } } },
      rule({}),
      false,
    ],
    [
      "another rule beside, where there may be others",
      { arguments: { "/q": {}, "/p": {} } },
      { ...rule({}), additional: true },
      true,
    ],
    ["a rule left out that was optional", { arguments: {} }, rule({ presence: "optional" }), false],
    ["deeper", { arguments: { "/q/a": {} } }, { ...rule({}), additional: true }, false],
    ["deeper, with the rule kept", { arguments: { "/q": {}, "/q/a": {} } }, rule({}), true],
    ["the rule below left out", rule({}), { arguments: { "/q/a": {} } }, false],
    ["another name below", { arguments: { "/q/a": {}, "/q/b": {} } }, { arguments: { "/q/a": {} } }, false],
    ["a rule above added", { arguments: { "/q": {}, "/q/a": {} } }, { arguments: { "/q/a": {} } }, true],
    [
      "a value above in the place of one below",
      { arguments: { "/q": { equals: { a: 1 } } } },
      { arguments: { "/q/a": { equals: 1 } } },
      false,
    ],
    ["a number of calls added", { max_calls: 1 }, {}, true],
    ["a number of calls handed on", { max_calls: 1 }, { max_calls: 1 }, false],
    ["a smaller number of calls", { max_calls: 1 }, { max_calls: 9 }, false],
    ["a number of calls dropped", {}, { max_calls: 9 }, false],
  ])("%s", (_, child, parent, expected) => {
    expect(isNarrower(child, parent)).toBe(expected);
  });
});

describe("what is narrower permits nothing more", () => {
  const value = fc.constantFrom<JsonValue>(
    0,
    1,
    2,
    "a",
    "ab",
    "b",
    null,
    { b: 1 },
    { b: 1, c: 2 },
    { b: "ab" },
    [1],
    {},
  );
  const text = fc.constantFrom("", "a", "ab", "b");
  const constraint = fc.oneof(
    fc.record({ equals: value }),
    fc.record({ in: fc.array(value, { minLength: 1, maxLength: 3 }) }),
    fc.record({ minimum: fc.integer({ min: 0, max: 2 }) }),
    fc.record({ maximum: fc.integer({ min: 0, max: 2 }) }),
    fc.record({ prefix: text }),
    fc.record({ pattern: fc.constantFrom("a*", "ab?", ".", "[ab]+") }),
    fc.constant({}),
  );
  const presence = fc.constantFrom("required", "optional");
  const ruled = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.tuple(constraint, constraint, presence).map(([a, b, p]) => ({ ...a, ...b, presence: p })),
    },
    { weight: 1, arbitrary: fc.constant({ presence: "forbidden" }) },
  );
  const paths = fc.dictionary(fc.constantFrom("/a", "/a/b", "/a/c", "/d"), ruled, { maxKeys: 3 });
  const constraints = fc.record({ arguments: paths, additional: fc.boolean() });
  const args = fc.dictionary(fc.constantFrom("a", "d", "e"), value, { maxKeys: 3 });
  /** Mostly the parent with some change: two that are made apart are hardly ever narrower. */
  const pair = fc
    .tuple(constraints, paths, fc.boolean(), fc.boolean())
    .map(([parent, others, adds, closes]) => ({
      parent,
      child: {
        arguments: adds ? { ...others, ...parent.arguments } : { ...parent.arguments, ...others },
        additional: parent.additional && !closes,
      },
    }));

  test("for any two, and any arguments", () => {
    let narrower = 0;
    fc.assert(
      fc.property(pair, fc.array(args, { minLength: 8, maxLength: 8 }), ({ parent, child }, calls) => {
        if (!isNarrower(child as JsonObject, parent as JsonObject)) return;
        narrower += 1;
        for (const call of calls as JsonObject[]) {
          if (permitsCall(read(child as JsonObject), call)) {
            expect([call, permitsCall(read(parent as JsonObject), call)]).toEqual([call, true]);
          }
        }
      }),
      { numRuns: 5000 },
    );
    expect(narrower).toBeGreaterThan(500);
  });

  test("everything is as narrow as itself", () => {
    fc.assert(
      fc.property(constraints, (one) => {
        expect(isNarrower(one as JsonObject, one as JsonObject)).toBe(true);
      }),
    );
  });
});
