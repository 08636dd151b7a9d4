/** Faults of a tenant document: found in any order, reported in the order of the document. */

import type { BaseIssue } from "valibot";
import { isObject, type JsonValue } from "../json/strict-json.ts";
import type { Result } from "../result.ts";

export interface Fault {
  /** Such as `agents[0].keys[1].jwk`; empty for the document as a whole. */
  readonly path: string;
  /** What is wrong, as a predicate or a sentence that can stand after the path. Never holds a secret. */
  readonly problem: string;
}

export type Path = readonly (string | number)[];

/** A fault with its place in a form that can be sorted. */
export interface Found {
  readonly at: Path;
  readonly problem: string;
}

/** `["agents", 0, "jwk"]` as `agents[0].jwk`; a name that is not a plain word is quoted in brackets. */
export const formatPath = (path: Path): string =>
  path
    .map((step) => {
      if (typeof step === "number") return `[${step}]`;
      return /^[$\w]+$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
    })
    .join("")
    .replace(/^\./, "");

/** What the schema found. Says which type was wanted, not what was given: that could be a secret. */
export function fromIssue(issue: BaseIssue<unknown>): Found {
  const at = (issue.path ?? []).map(({ key }) => (typeof key === "number" ? key : String(key)));
  if (issue.kind !== "schema") return { at, problem: issue.message };
  if (issue.expected === "never") return { at, problem: "is not a known field" };
  if (issue.input === undefined) return { at, problem: "is missing" };
  return { at, problem: `must be ${wanted(issue.expected ?? "something else")}` };
}

const WORDS: Readonly<Record<string, string>> = {
  string: "a string",
  number: "a number",
  Object: "an object",
  Array: "a list",
};

const wanted = (expected: string): string =>
  WORDS[expected] ?? expected.replace(/^\((.*)\)$/, "$1").replaceAll(" | ", " or ");

/** Sorts by place in the document: a container before its members, what is missing after what is there. */
export function inDocumentOrder(document: JsonValue, found: readonly Found[]): readonly Fault[] {
  return found
    .map((fault) => ({ ...fault, place: placeOf(document, fault.at) }))
    .sort((a, b) => comparePlaces(a.place, b.place))
    .map(({ at, problem }) => ({ path: formatPath(at), problem }));
}

function placeOf(document: JsonValue, path: Path): readonly number[] {
  let here: JsonValue | undefined = document;
  return path.map((step) => {
    const names: readonly (string | number)[] = isObject(here) ? Object.keys(here) : [];
    const place = typeof step === "number" ? step : names.indexOf(step);
    here = isObject(here) && place >= 0 ? here[step] : Array.isArray(here) ? here[place] : undefined;
    return place >= 0 ? place : Number.MAX_SAFE_INTEGER;
  });
}

function comparePlaces(a: readonly number[], b: readonly number[]): number {
  for (const [i, step] of a.entries()) {
    const other = b[i];
    if (other === undefined) return 1;
    if (step !== other) return step - other;
  }
  return a.length - b.length;
}

/** Who claims a name first keeps it; a second claim is a fault that names both places. */
export function claims(what: string, found: Found[]): (name: string, at: Path) => boolean {
  const owners = new Map<string, Path>();
  return (name, at) => {
    const owner = owners.get(name);
    if (owner === undefined) owners.set(name, at);
    else found.push({ at, problem: `is the same ${what} as ${formatPath(owner)}` });
    return owner === undefined;
  };
}

/** The value of an import; its error becomes a fault. */
export function imported<T>(result: Result<T, string>, at: Path, found: Found[]): T | null {
  if (result.ok) return result.value;
  found.push({ at, problem: result.error });
  return null;
}
