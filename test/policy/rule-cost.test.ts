/** That no rule takes more steps than were estimated before: counted for rules and arguments that nobody thought of. */

import fc from "fast-check";
import { expect, test } from "vitest";
import type { JsonObject } from "../../src/json/strict-json.ts";
import * as library from "../../src/libraries/policy.ts";
import { MAX_RULE_STEPS } from "../../src/limits.ts";
import { compileExpression, ruleLanguage } from "../../src/policy/rules/compile.ts";
import { costOf, type Node } from "../../src/policy/rules/cost.ts";
import { factsOf } from "../../src/policy/rules/facts.ts";
import { sizeOf } from "../../src/policy/rules/size.ts";
import { NOW, tenant } from "../support/acme.ts";
import { noNames } from "./helpers.ts";

const { list, bool } = fc.letrec<{ any: string; list: string; bool: string }>((tie) => {
  const [any, list, bool] = [tie("any"), tie("list"), tie("bool")];
  const variable = fc.constantFrom("x", "y", "z");
  return {
    any: fc.oneof(
      { maxDepth: 5, depthIdentifier: "rule" },
      fc.constantFrom("arguments.s", "arguments.n", "x", "y", "1", '"a"'),
      list,
      bool,
      fc.tuple(any, any).map(([a, b]) => `(${a} + ${b})`),
    ),
    list: fc.oneof(
      { maxDepth: 5, depthIdentifier: "rule" },
      fc.constantFrom("arguments.l", "arguments.m", "arguments.o"),
      fc.tuple(any, any).map(([a, b]) => `[dyn(${a}), dyn(${b})]`),
      fc.tuple(list, list).map(([a, b]) => `(${a} + ${b})`),
      fc.tuple(list, variable, any).map(([range, v, body]) => `${range}.map(${v}, ${body})`),
      fc.tuple(list, variable, bool).map(([range, v, body]) => `${range}.filter(${v}, ${body})`),
    ),
    bool: fc.oneof(
      { maxDepth: 5, depthIdentifier: "rule" },
      fc.constantFrom("true", "false"),
      fc.tuple(any, any).map(([a, b]) => `(dyn(${a}) == dyn(${b}))`),
      fc.tuple(any, list).map(([a, b]) => `(dyn(${a}) in ${b})`),
      fc.tuple(bool, bool).map(([a, b]) => `(${a} && ${b})`),
      fc.tuple(bool, bool).map(([a, b]) => `(${a} || ${b})`),
      fc.tuple(list, variable, bool).map(([range, v, body]) => `${range}.all(${v}, ${body})`),
      fc.tuple(list, variable, bool).map(([range, v, body]) => `${range}.exists(${v}, ${body})`),
      list.map((range) => `(size(${range}) > 2)`),
    ),
  };
});

// With x and y in scope from the outermost.
const rule = fc.tuple(list, list, bool).map(([a, b, body]) => `${a}.exists(x, ${b}.all(y, ${body}))`);

const listOfLists = fc.tuple(list, list, list).map(([a, b, body]) => `${a}.map(x, ${b}.map(y, ${body}))`);

const scalar = fc.oneof(fc.integer(), fc.string({ maxLength: 20 }), fc.boolean(), fc.constant(null));
const args: fc.Arbitrary<JsonObject> = fc.record({
  l: fc.array(scalar, { maxLength: 8 }),
  m: fc.array(fc.array(scalar, { maxLength: 4 }), { maxLength: 4 }),
  o: fc.dictionary(fc.string({ maxLength: 5 }), scalar, { maxKeys: 6 }),
  s: fc.string({ maxLength: 40 }),
  n: fc.integer(),
});

/** Has every node of a tree counted when it is evaluated. */
function counted(tree: unknown, count: () => void): void {
  if (Array.isArray(tree)) {
    for (const one of tree) counted(one, count);
    return;
  }
  if (typeof tree !== "object" || tree === null || !("op" in tree && "args" in tree && "evaluate" in tree))
    return;
  let evaluate = tree.evaluate as (...values: unknown[]) => unknown;
  // The library puts another function there when a node is first evaluated.
  Object.defineProperty(tree, "evaluate", {
    get: () =>
      function (this: unknown, ...values: unknown[]) {
        count();
        return evaluate.apply(this, values);
      },
    set: (other: typeof evaluate) => {
      evaluate = other;
    },
  });
  counted(tree.args, count);
}

test("steps that are taken are at most those that were estimated", () => {
  const language = ruleLanguage(library);
  let judged = 0;
  fc.assert(
    fc.property(rule, args, (text, values) => {
      const compiled = compileExpression(text, language, noNames);
      if (!compiled.ok) return;
      const facts = factsOf(tenant.policy, null, { name: "search", arguments: values }, NOW);
      if (!(compiled.value.cost(facts) <= MAX_RULE_STEPS)) return;
      const parsed = language.parse(text);
      const cost = costOf(parsed.ast as unknown as Node);
      if (!cost.ok) throw new Error(cost.error);
      let steps = 0;
      counted(parsed.ast, () => {
        steps += 1;
      });
      try {
        parsed({ ...facts.values() });
      } catch {
        // What cannot be evaluated takes steps as well.
      }
      judged += 1;
      expect(steps).toBeLessThanOrEqual(cost.value(facts.sizes).cost);
    }),
    { numRuns: 2_000 },
  );
  expect(judged).toBeGreaterThan(200);
});

test("what comes out is at most as large as was estimated", () => {
  const language = ruleLanguage(library);
  let judged = 0;
  fc.assert(
    fc.property(listOfLists, args, (text, values) => {
      const facts = factsOf(tenant.policy, null, { name: "search", arguments: values }, NOW);
      const value = evaluated(language, text, facts.values());
      if (value === null) return;
      judged += 1;
      const cost = costOf(value.tree);
      if (!cost.ok) throw new Error(cost.error);
      const estimated = cost.value(facts.sizes).size;
      const { weight, items, chars } = sizeOf(value.value);
      expect(weight).toBeLessThanOrEqual(estimated.weight);
      expect(items).toBeLessThanOrEqual(estimated.items);
      expect(chars).toBeLessThanOrEqual(estimated.chars);
    }),
    { numRuns: 2_000 },
  );
  expect(judged).toBeGreaterThan(200);
});

/** Null for what is no expression, or cannot be evaluated. */
function evaluated(language: ReturnType<typeof ruleLanguage>, text: string, values: object) {
  try {
    const parsed = language.parse(text);
    return { tree: parsed.ast as unknown as Node, value: parsed({ ...values }) as unknown };
  } catch {
    return null;
  }
}
