/** From the text of a rule's condition (CEL) to what can be asked of a call. */

import type { PolicyLibrary } from "../../libraries/load.ts";
import { MAX_RULE_DEPTH, MAX_RULE_NODES } from "../../limits.ts";
import { fail, ok, type Result } from "../../result.ts";
import { callConversions, registerConversions } from "./conversions.ts";
import { costOf, type Node } from "./cost.ts";
import type { Expression } from "./expression.ts";
import { VARIABLES } from "./facts.ts";
import { type KnownNames, unknownName } from "./names.ts";

type Environment = InstanceType<PolicyLibrary["Environment"]>;

/** The language of the rules of one document. */
export function ruleLanguage({ Environment }: PolicyLibrary): Environment {
  const language = new Environment({
    limits: {
      maxAstNodes: MAX_RULE_NODES,
      maxDepth: MAX_RULE_DEPTH,
      maxListElements: MAX_RULE_NODES,
      maxMapEntries: 0,
      maxCallArguments: 4,
    },
  });
  for (const variable of VARIABLES) language.registerVariable(structuredClone(variable) as never);
  registerConversions(language);
  return language;
}

/** @returns or what is wrong with the text, to stand after its path */
export function compileExpression(
  text: string,
  language: Environment,
  known: KnownNames,
): Result<Expression, string> {
  const parsed = parse(text, language);
  if (!parsed.ok) return parsed;
  const evaluate = parsed.value;
  const tree = evaluate.ast as unknown as Node;
  const cost = costOf(tree);
  if (!cost.ok) return cost;
  callConversions(tree);
  const checked = evaluate.check();
  if (!checked.valid) return fail(`is not a rule: ${firstLine(checked.error?.message)}`);
  if (checked.type !== "bool") return fail(`must be true or false, and is of type ${checked.type}`);
  const name = unknownName(tree, known);
  if (name !== null) return fail(name);
  const reads = mentions(tree, "arguments");
  return ok({
    cost: ({ sizes, isTooDeep }) => {
      if (reads && isTooDeep) return Number.POSITIVE_INFINITY;
      return cost.value(sizes).cost + (reads ? (sizes.get("arguments")?.weight ?? 0) : 0);
    },
    holds: ({ values }) => {
      try {
        const value: unknown = evaluate({ ...values() });
        return typeof value === "boolean" ? ok(value) : fail("policy.rule_failed");
      } catch {
        // With errors of its own the library says that a member is missing, or of another type.
        return fail("policy.rule_failed");
      }
    },
  });
}

function parse(text: string, language: Environment): Result<ReturnType<Environment["parse"]>, string> {
  try {
    return ok(language.parse(text));
  } catch (error) {
    return fail(`is not a rule: ${firstLine(error instanceof Error ? error.message : undefined)}`);
  }
}

/** The library's messages go on with the text and where in it the fault is. */
const firstLine = (message = "it cannot be read"): string => message.split("\n")[0] ?? "";

/** Whether a name stands anywhere in a tree. */
function mentions(value: unknown, name: string): boolean {
  if (Array.isArray(value)) return value.some((one) => mentions(one, name));
  if (typeof value !== "object" || value === null || !("op" in value) || !("args" in value)) return false;
  return (value.op === "id" && value.args === name) || mentions(value.args, name);
}
