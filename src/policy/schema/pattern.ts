/**
 * Patterns of JSON Schema that the runtime's own matcher, which tries one way after the other, matches in one pass: what a quantifier
 * may take more or less of is never what may come next. The language is that of the constraint `pattern`, between `^` and `$`.
 */

import { type Pattern, pattern } from "../../evidence/act/constraints/pattern.ts";

/** What is wrong with a pattern, to stand after its path; null where nothing is. */
export function patternProblem(text: string): string | null {
  if (!text.startsWith("^") || !text.endsWith("$") || text.length < 2) {
    return "must begin with ^ and end with $: a pattern is for the whole text";
  }
  const read = pattern.read(text.slice(1, -1));
  if (read === null || !isRegExp(text)) {
    return "must be a pattern without parentheses, alternatives and classes such as \\d: see docs/policy.md";
  }
  return isOneWay(read.limit)
    ? null
    : "could be matched in many ways: what follows a quantifier must not be what it repeats";
}

function isRegExp(text: string): boolean {
  try {
    return new RegExp(text, "u") !== null;
  } catch {
    return false;
  }
}

type Range = Pattern["positions"][number]["ranges"][number];

/** One character or class with its quantifier. */
interface Part {
  /** Which characters, whether the class is negated or not. */
  readonly characters: readonly Range[];
  readonly isVariable: boolean;
  readonly mayMiss: boolean;
}

function isOneWay({ positions }: Pattern): boolean {
  const groups: Pattern["positions"][number][][] = [];
  for (const position of positions) {
    // What one quantifier repeats has one list of ranges.
    const last = groups.at(-1);
    if (last?.[0]?.ranges === position.ranges) last.push(position);
    else groups.push([position]);
  }
  const parts = groups.map(
    (group): Part => ({
      characters: group[0]?.negated ? complement(group[0].ranges) : (group[0]?.ranges ?? []),
      isVariable: group.some(({ mayMiss, mayRepeat }) => mayMiss || mayRepeat),
      mayMiss: group.every(({ mayMiss }) => mayMiss),
    }),
  );
  return parts.every((part, i) => !part.isVariable || !mayFollow(parts.slice(i + 1), part.characters));
}

/** Whether one of some characters may come next. */
function mayFollow(parts: readonly Part[], characters: readonly Range[]): boolean {
  for (const part of parts) {
    if (overlap(part.characters, characters)) return true;
    if (!part.mayMiss) return false;
  }
  return false;
}

const overlap = (a: readonly Range[], b: readonly Range[]): boolean =>
  a.some((one) => b.some((other) => one.from <= other.to && other.from <= one.to));

const LAST_CODE_POINT = 0x10ffff;

function complement(ranges: readonly Range[]): readonly Range[] {
  const rest: Range[] = [];
  let from = 0;
  for (const range of ranges.toSorted((a, b) => a.from - b.from)) {
    if (range.from > from) rest.push({ from, to: range.from - 1 });
    from = Math.max(from, range.to + 1);
  }
  if (from <= LAST_CODE_POINT) rest.push({ from, to: LAST_CODE_POINT });
  return rest;
}
