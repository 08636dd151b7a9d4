/**
 * The constraint `pattern`: the whole text matches. The language is the part of I-Regexp (RFC 9485) that needs no
 * parentheses: characters, `.`, classes, and the quantifiers `?`, `*`, `+`, `{n}`, `{n,}` and `{n,m}`, without
 * alternatives and category escapes. Each such expression means the same to every engine of I-Regexp.
 *
 * It is matched by following all ways at once, so no input makes it try them one after the other: the work is at
 * most the size of the pattern for each character of the text.
 */

import { MAX_PATTERN_INPUT, MAX_PATTERN_SIZE } from "../../../limits.ts";
import type { ConstraintKind } from "./kind.ts";

/** Code points from `from` to `to`. */
interface Range {
  readonly from: number;
  readonly to: number;
}

/** One place in a pattern: a character of a set, where `mayMiss` perhaps none, where `mayRepeat` perhaps more. */
interface Position {
  readonly ranges: readonly Range[];
  /** Whether the set is of the characters that are in no range. */
  readonly negated: boolean;
  readonly mayMiss: boolean;
  readonly mayRepeat: boolean;
}

export interface Pattern {
  readonly text: string;
  readonly positions: readonly Position[];
  /** Ranges of all positions together. */
  readonly size: number;
}

export const pattern: ConstraintKind<Pattern> = {
  read: (value) => {
    const limit = typeof value === "string" ? readPattern(value) : null;
    return limit && { limit };
  },
  permits: (limit, value) => typeof value === "string" && match(limit, value).matches,
  // Whether one expression matches less than another is not worked out.
  narrows: (child, parent) => child.text === parent.text,
  work: ({ size }) => size,
};

/**
 * Matches a whole text. One longer than `MAX_PATTERN_INPUT` characters matches nothing.
 *
 * @returns also how many ranges the characters were compared with: at most `size` for each
 */
export function match(
  { positions }: Pattern,
  text: string,
): { readonly matches: boolean; readonly comparisons: number } {
  let comparisons = 0;
  if (text.length > 2 * MAX_PATTERN_INPUT) return { matches: false, comparisons };
  const characters = Array.from(text, codePoint);
  if (characters.length > MAX_PATTERN_INPUT) return { matches: false, comparisons };

  // The positions that the text so far can stand before, each once and in rising order.
  let here = withMissed(positions, [0]);
  for (const character of characters) {
    const next: number[] = [];
    for (const i of here) {
      const position = positions[i];
      if (position === undefined) continue;
      comparisons += position.ranges.length;
      if (!has(position, character)) continue;
      if (position.mayRepeat && next.at(-1) !== i) next.push(i);
      next.push(i + 1);
    }
    if (next.length === 0) return { matches: false, comparisons };
    here = withMissed(positions, next);
  }
  return { matches: here.at(-1) === positions.length, comparisons };
}

/** Adds the positions that are reached without a character. */
function withMissed(positions: readonly Position[], places: readonly number[]): readonly number[] {
  const all: number[] = [];
  for (const place of places) {
    if (place <= (all.at(-1) ?? -1)) continue;
    all.push(place);
    for (let i = place; positions[i]?.mayMiss; i += 1) all.push(i + 1);
  }
  return all;
}

function has({ ranges, negated }: Position, character: number): boolean {
  for (const { from, to } of ranges) if (from <= character && character <= to) return !negated;
  return negated;
}

/** A part of a pattern that was read, and where the next begins. */
interface Read<T> {
  readonly value: T;
  readonly end: number;
}

type CharacterSet = Pick<Position, "ranges" | "negated">;

/** Null for what is not in the language, or is larger than `MAX_PATTERN_SIZE`. */
function readPattern(text: string): Pattern | null {
  const characters = Array.from(text);
  const positions: Position[] = [];
  let size = 0;
  for (let at = 0; at < characters.length; ) {
    const set = readSet(characters, at);
    const times = set && readQuantifier(characters, set.end);
    if (set === null || times === null) return null;
    const { min, max } = times.value;
    size += set.value.ranges.length * (max ?? min + 1);
    if (size > MAX_PATTERN_SIZE) return null;
    const repeated = (count: number, mayMiss: boolean, mayRepeat: boolean) =>
      Array<Position>(count).fill({ ...set.value, mayMiss, mayRepeat });
    positions.push(
      ...repeated(min, false, false),
      ...repeated(max === null ? 1 : max - min, true, max === null),
    );
    at = times.end;
  }
  return { text, positions, size };
}

/** Reads `.`, a class, or one character. A bare `^` or `$` is refused: it would stand for itself, and is mostly meant as an anchor. */
function readSet(characters: readonly string[], at: number): Read<CharacterSet> | null {
  if (characters[at] === ".")
    return { value: { ranges: [only("\n"), only("\r")], negated: true }, end: at + 1 };
  if (characters[at] === "[") return readClass(characters, at + 1);
  const character = readCharacter(characters, at, "()*+.?[\\]{|}^$");
  return character && { value: { ranges: [only(character.value)], negated: false }, end: character.end };
}

/** Reads a class behind its `[`. A `-` stands for itself only at its beginning and end. */
function readClass(characters: readonly string[], start: number): Read<CharacterSet> | null {
  const negated = characters[start] === "^";
  const ranges: Range[] = [];
  const first = negated ? start + 1 : start;
  let at = first;
  while (characters[at] !== "]") {
    if (characters[at] === "-" && (at === first || characters[at + 1] === "]")) {
      ranges.push(only("-"));
      at += 1;
      continue;
    }
    const from = readCharacter(characters, at, "-[\\]");
    const isRange = from !== null && characters[from.end] === "-" && characters[from.end + 1] !== "]";
    const to = isRange ? readCharacter(characters, from.end + 1, "-[\\]") : from;
    if (from === null || to === null) return null;
    const range = { from: codePoint(from.value), to: codePoint(to.value) };
    if (range.from > range.to) return null;
    ranges.push(range);
    at = to.end;
  }
  return ranges.length === 0 ? null : { value: { ranges, negated }, end: at + 1 };
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

/** Reads a character that stands for itself, or an escaped one (RFC 9485 section 5, SingleCharEsc). */
function readCharacter(characters: readonly string[], at: number, special: string): Read<string> | null {
  const [character, escaped] = characters.slice(at, at + 2);
  if (character === undefined) return null;
  if (character !== "\\") return special.includes(character) ? null : { value: character, end: at + 1 };
  if (escaped === undefined || !"()*+-.?[\\]^nrt{|}".includes(escaped)) return null;
  return { value: ESCAPES[escaped] ?? escaped, end: at + 2 };
}

interface Times {
  readonly min: number;
  /** Null for any number. */
  readonly max: number | null;
}

const SHORT_QUANTIFIERS: Readonly<Record<string, Times>> = {
  "?": { min: 0, max: 1 },
  "*": { min: 0, max: null },
  "+": { min: 1, max: null },
};

/** Reads a quantifier; once where there is none. */
function readQuantifier(characters: readonly string[], at: number): Read<Times> | null {
  const character = characters[at] ?? "";
  const short = SHORT_QUANTIFIERS[character];
  if (short !== undefined) return { value: short, end: at + 1 };
  if (character !== "{") return { value: { min: 1, max: 1 }, end: at };
  const end = characters.indexOf("}", at);
  const [, least, comma, most] =
    /^(\d{1,4})(?:(,)(\d{1,4})?)?$/.exec(characters.slice(at + 1, end).join("")) ?? [];
  if (end < 0 || least === undefined) return null;
  const min = Number(least);
  const max = comma === undefined ? min : most === undefined ? null : Number(most);
  return max !== null && max < min ? null : { value: { min, max }, end: end + 1 };
}

const codePoint = (character: string): number => character.codePointAt(0) ?? 0;

const only = (character: string): Range => ({ from: codePoint(character), to: codePoint(character) });
