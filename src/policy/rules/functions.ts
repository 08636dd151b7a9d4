/** The functions and macros that rules have, with what they cost at the most. */

import { fail, ok, type Result } from "../../result.ts";
import type { Estimate, Node } from "./cost.ts";
import { either, type Size, SMALL, sizeOfText, textSteps } from "./size.ts";

/** Of the call itself; its arguments are counted by themselves. */
export type FunctionCost = (parts: readonly Estimate[]) => Estimate;

const charsOf = (part: Estimate | undefined): number => part?.size.chars ?? 0;

const small = (cost: number): Estimate => ({ cost, size: SMALL });

/** Reads a text once, character by character. */
const reading: FunctionCost = ([text]) => small(1 + charsOf(text));

/** Compares the beginnings or ends of two texts. */
const comparing: FunctionCost = ([text, part]) =>
  small(1 + textSteps(Math.min(charsOf(text), charsOf(part))));

const constantTime: FunctionCost = () => small(2);

/** A text of 30 characters at the most, in any form that the runtime reads. */
const ofDate: FunctionCost = () => small(12);

/** A new formatter is made for each. */
const inTimeZone: FunctionCost = () => small(2_000);

/** Longest text of a number: an integer that a double of 10^308 was made to. */
const NUMBER_LENGTH = 320;

const GLOBAL: Readonly<Record<string, FunctionCost>> = {
  has: constantTime,
  size: reading,
  int: reading,
  double: reading,
  bool: reading,
  dyn: ([value]) => ({ cost: 1, size: value?.size ?? SMALL }),
  string: ([value]) => ({
    cost: 1 + textSteps(charsOf(value)),
    size: either(sizeOfText(NUMBER_LENGTH), value?.size ?? SMALL),
  }),
  timestamp: ofDate,
  duration: constantTime,
};

const CLOCK = ["getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear"];
const TIME_OF_DAY = ["getHours", "getMinutes", "getSeconds", "getMilliseconds"];

const MEMBERS: ReadonlyMap<string, FunctionCost> = new Map<string, FunctionCost>([
  ["size 0", reading],
  ["startsWith 1", comparing],
  ["endsWith 1", comparing],
  // The worst search compares the part anew at every character.
  ["contains 1", ([text, part]) => small(1 + textSteps(charsOf(text) * (1 + charsOf(part))))],
  ...[...CLOCK, ...TIME_OF_DAY].map((name) => [`${name} 0`, constantTime] as const),
  ...[...CLOCK, ...TIME_OF_DAY].map((name) => [`${name} 1`, inTimeZone] as const),
]);

/** What reads a text in a way that only a text of the document's is short enough for. */
const LITERALS: ReadonlySet<string> = new Set(["duration", ...CLOCK, ...TIME_OF_DAY]);

/** @param parts the receiver of a member first */
export function functionCost(
  name: string,
  isMember: boolean,
  parts: readonly Node[],
): Result<FunctionCost, string> {
  const known = isMember
    ? MEMBERS.get(`${name} ${parts.length - 1}`)
    : Object.hasOwn(GLOBAL, name)
      ? GLOBAL[name]
      : undefined;
  if (known === undefined) return fail(`has ${isMember ? "." : ""}${name}(), which rules do not have`);
  const [literal] = isMember ? parts.slice(1) : parts;
  if (LITERALS.has(name) && literal !== undefined && literal.op !== "value") {
    return fail(`has ${name}() of something that is not written out`);
  }
  if (isMember && LITERALS.has(name) && literal !== undefined && !isTimeZone(literal.args)) {
    return fail(`has ${name}() with a time zone that does not exist`);
  }
  return ok(known);
}

function isTimeZone(name: unknown): boolean {
  try {
    return typeof name === "string" && new Intl.DateTimeFormat("en-US", { timeZone: name }) !== null;
  } catch {
    return false;
  }
}

/** What goes through the elements of a range. */
export interface Macro {
  /** Of what it makes of a range. */
  readonly sizeOf: (range: Size, body: Size) => Size;
  /** Whether an element that cannot be judged is forgotten where another one decides. */
  readonly takesErrorsBack: boolean;
}

const quantifier: Macro = { sizeOf: () => SMALL, takesErrorsBack: true };

const map: Macro = {
  sizeOf: (range, body) => ({
    ...body,
    weight: 1 + range.items * body.weight,
    items: Math.max(range.items, body.items),
  }),
  takesErrorsBack: false,
};

/** By name and number of arguments. */
const MACROS: ReadonlyMap<string, Macro> = new Map([
  ["all 2", quantifier],
  ["exists 2", quantifier],
  ["exists_one 2", { ...quantifier, takesErrorsBack: false }],
  ["filter 2", { sizeOf: (range: Size) => range, takesErrorsBack: false }],
  ["map 2", map],
  ["map 3", map],
]);

export const macroOf = (name: string, size: number): Macro | null => MACROS.get(`${name} ${size}`) ?? null;
