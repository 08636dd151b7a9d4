/**
 * What `double()` and `int()` take of a text. The library takes `nan`, which compares with nothing, so that no limit would hold; the
 * empty text, as 0; and numbers to other bases. Here all of them are errors.
 */

import type { PolicyLibrary } from "../../libraries/load.ts";
import { isNode, type Node } from "./cost.ts";

type Environment = InstanceType<PolicyLibrary["Environment"]>;

/** By the name in a rule: the function that is called in its place. No rule can name it, having no cost. */
const STRICT: Readonly<Record<string, string>> = { double: "strict_double", int: "strict_int" };

const DECIMAL = /^-?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,3})?$/;
const WHOLE = /^-?[0-9]{1,18}$/;

export function registerConversions(language: Environment): void {
  const { double, int } = STRICT;
  const own = { async: false };
  language.registerFunction(`${double}(double): double`, (value: number) => value, own);
  language.registerFunction(`${double}(int): double`, (value: bigint) => Number(value), own);
  language.registerFunction(
    `${double}(string): double`,
    (text: string) => finite(Number(matching(text, DECIMAL))),
    own,
  );
  language.registerFunction(`${int}(int): int`, (value: bigint) => value, own);
  language.registerFunction(`${int}(double): int`, (value: number) => BigInt(Math.trunc(finite(value))), own);
  language.registerFunction(`${int}(string): int`, (text: string) => BigInt(matching(text, WHOLE)), own);
}

/** Has a tree that is not checked yet call them. */
export function callConversions({ op, args }: Node): void {
  if (!Array.isArray(args)) {
    if (isNode(args)) callConversions(args);
    return;
  }
  const strict =
    op === "call" && Object.hasOwn(STRICT, String(args[0])) ? STRICT[String(args[0])] : undefined;
  if (strict !== undefined) args[0] = strict;
  for (const part of args.flat()) if (isNode(part)) callConversions(part);
}

// The library's own errors are caught in the same place.
function matching(text: string, form: RegExp): string {
  if (!form.test(text)) throw new Error("is no decimal number");
  return text;
}

function finite(value: number): number {
  if (!Number.isFinite(value)) throw new Error("is no finite number");
  return value;
}
