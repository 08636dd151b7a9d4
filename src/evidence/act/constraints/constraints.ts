/**
 * The member `constraints` of an entry of `cap`. The vocabulary is Countersign's own, because the draft names none; it is
 * described in `docs/act.md`.
 */

import { isObject, type JsonObject, type JsonValue } from "../../../json/strict-json.ts";
import { type ArgumentRules, narrowsArguments, permitsArguments, readArgumentRules } from "./arguments.ts";

export interface Constraints {
  /** Null where any arguments will do. */
  readonly arguments: ArgumentRules | null;
  /** How many calls may be made under the entry; null for any number. */
  readonly maxCalls: number | null;
}

export const UNCONSTRAINED: Constraints = { arguments: null, maxCalls: null };

/** @returns `unknown` where there is something that cannot be evaluated here; null where something is malformed */
export function readConstraints(value: JsonValue): Constraints | "unknown" | null {
  if (!isObject(value)) return null;
  const { arguments: rules, additional, max_calls, ...unknown } = value;
  const maxCalls = max_calls === undefined ? null : readCount(max_calls);
  if (max_calls !== undefined && maxCalls === null) return null;
  const isLimited = rules !== undefined || additional !== undefined;
  const read = isLimited ? readArgumentRules(rules, additional) : null;
  if (isLimited && read === null) return null;
  if (read === "unknown" || Object.keys(unknown).length > 0) return "unknown";
  return { arguments: read, maxCalls };
}

const readCount = (value: JsonValue): number | null =>
  typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : null;

/** @param args of a `tools/call`; null for any other method, which has no arguments that could be held against a rule */
export const permitsCall = ({ arguments: rules }: Constraints, args: JsonObject | null): boolean =>
  rules === null || (args !== null && permitsArguments(rules, args));

/** Whether the child permits nothing that the parent does not. A number of calls would multiply, so it is never handed on. */
export function narrows(child: Constraints, parent: Constraints): boolean {
  if (parent.maxCalls !== null) return false;
  if (parent.arguments === null) return true;
  return child.arguments !== null && narrowsArguments(child.arguments, parent.arguments);
}
