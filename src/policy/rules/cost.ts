/**
 * The most that an expression can cost, told from the sizes of what it looks at, before it is evaluated. In a Worker no clock advances
 * while code runs, so the work itself is bounded. What has no bound here is not part of the language: every operator and
 * function that is not named below is a fault of the document.
 */

import { fail, ok, type Result } from "../../result.ts";
import { VARIABLES } from "./facts.ts";
import { type FunctionCost, functionCost, type Macro, macroOf } from "./functions.ts";
import { either, joined, type Size, SMALL, sizeOfText, textSteps } from "./size.ts";

/** A node of the syntax tree, as the library gives it. */
export interface Node {
  readonly op: string;
  readonly args: unknown;
}

/** Steps at the most, and how large the value is at the most. */
export interface Estimate {
  readonly cost: number;
  readonly size: Size;
}

/** An error that is taken back, because another operand or element decides: it has a message with a part of the text, and a stack. */
const ERROR_STEPS = 250;

/** By the names of variables. */
export type Scope = ReadonlyMap<string, Size>;

export type Cost = (scope: Scope) => Estimate;

/** Of a tree, or what in it is not part of the language. */
export function costOf(node: Node): Result<Cost, string> {
  const { op } = node;
  switch (op) {
    case "value":
      return ok(constant(node.args));
    case "id": {
      const name = String(node.args);
      return ok((scope) => ({ cost: 1, size: scope.get(name) ?? SMALL }));
    }
    case ".":
      return of([childrenOf(node)[0]], ([from]) => ({ cost: 1, size: from.size }));
    case "[]":
      return of(childrenOf(node), ([from, index]) => ({
        cost: 1 + textSteps(index.size.chars),
        size: from.size,
      }));
    case "list":
      return of(childrenOf(node), (elements) => ({
        cost: elements.length,
        size: elements.reduce<Size>(
          (sum, { size }) => ({ ...either(sum, size), weight: sum.weight + size.weight }),
          { ...SMALL, items: elements.length },
        ),
      }));
    case "?:":
      return of(childrenOf(node), ([, yes, no]) => ({ cost: 1, size: either(yes.size, no.size) }));
    case "&&":
    case "||":
      return of(childrenOf(node), () => ({ cost: 1 + ERROR_STEPS, size: SMALL }));
    case "!_":
    case "-_":
    case "-":
    case "*":
    case "/":
    case "%":
      return of(childrenOf(node), () => ({ cost: 1, size: SMALL }));
    case "==":
    case "!=":
      return of(childrenOf(node), ([a, b]) => ({
        cost: 1 + Math.min(a.size.weight, b.size.weight),
        size: SMALL,
      }));
    case "<":
    case "<=":
    case ">":
    case ">=":
      return of(childrenOf(node), ([a, b]) => ({
        cost: 1 + textSteps(Math.min(a.size.chars, b.size.chars)),
        size: SMALL,
      }));
    case "in":
      return of(childrenOf(node), ([a, all]) => ({
        cost: 1 + Math.min(all.size.items * (1 + a.size.weight), all.size.items + all.size.weight),
        size: SMALL,
      }));
    case "+":
      return of(childrenOf(node), ([a, b]) => {
        const size = joined(a.size, b.size);
        return { cost: 1 + textSteps(size.chars) + size.items, size };
      });
    case "call":
    case "rcall":
      return call(node);
    default:
      return fail(`has ${op}, which rules do not have`);
  }
}

const constant = (value: unknown): Cost => {
  const size = typeof value === "string" ? sizeOfText(value.length) : SMALL;
  return () => ({ cost: 1, size });
};

/** Nodes that stand in `args`, which is one itself, or a list of them and of names. */
const childrenOf = ({ args }: Node): readonly Node[] => [args].flat().filter(isNode);

export const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && "op" in value && "args" in value;

type Estimates = readonly [Estimate, Estimate, Estimate];

/** Of a node whose parts are all evaluated once. */
function of(
  parts: readonly (Node | undefined)[],
  own: (parts: Estimates & readonly Estimate[]) => Estimate,
): Result<Cost, string> {
  const costs: Cost[] = [];
  for (const part of parts) {
    const read = part === undefined ? fail("has an operator without operand") : costOf(part);
    if (!read.ok) return read;
    costs.push(read.value);
  }
  return ok((scope) => {
    const estimates = costs.map((cost) => cost(scope));
    // The operators above look at no more parts than they have.
    const { cost, size } = own(estimates as unknown as Estimates);
    return { cost: estimates.reduce((sum, part) => sum + part.cost, cost), size };
  });
}

/** A call: of a function with its arguments, or of a function of a receiver, which then comes first. */
function call({ op, args }: Node): Result<Cost, string> {
  const [name, ...rest] = args as readonly unknown[];
  const parts = rest.flat().filter(isNode);
  const isMember = op === "rcall";
  const macro = isMember ? macroOf(String(name), parts.length - 1) : null;
  if (macro !== null) return overElements(macro, parts);
  const known = functionCost(String(name), isMember, parts);
  return known.ok ? of(parts, ((estimates) => known.value(estimates)) satisfies FunctionCost) : known;
}

/** A macro that goes through a list, or through the keys of a map: `range.all(x, body)`. */
function overElements(macro: Macro, [range, variable, ...bodies]: readonly Node[]): Result<Cost, string> {
  if (range === undefined || variable?.op !== "id") return fail("has a macro without a plain variable");
  const name = String(variable.args);
  if (VARIABLES.some((known) => known.name === name)) return fail(`has a macro whose variable hides ${name}`);
  const [over, ...inside] = [range, ...bodies].map(costOf);
  const faulty = [over, ...inside].find((one) => one?.ok === false);
  if (faulty?.ok === false) return faulty;
  const bodyCosts = inside.flatMap((one) => (one?.ok ? [one.value] : []));
  return ok((scope) => {
    const { cost, size } = over?.ok ? over.value(scope) : { cost: 0, size: SMALL };
    const inner = new Map(scope).set(name, size);
    const estimates = bodyCosts.map((body) => body(inner));
    const own = 1 + (macro.takesErrorsBack ? ERROR_STEPS : 0);
    const each = estimates.reduce((sum, body) => sum + 1 + body.cost, own);
    return {
      cost: 1 + cost + size.items * each,
      size: macro.sizeOf(size, estimates.at(-1)?.size ?? SMALL),
    };
  });
}
