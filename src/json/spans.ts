/**
 * Where the parts of a JSON text stand, for who must cut out or quote what its sender wrote. Nothing here checks the
 * grammar: give it only a text that a parser has taken. Nothing recurses, so nesting can be of any depth.
 */

/** A value, from its first character up to, and without, `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A value with its name, escapes decoded. */
export interface Member extends Span {
  readonly name: string;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** The members of the object that begins at `at`, repeated names included; none where another value begins there. */
export function* membersOf(text: string, at: number): Generator<Member> {
  if (text.charCodeAt(at) !== OPEN_OBJECT) return;
  let next = skipSpace(text, at + 1);
  while (text.charCodeAt(next) === QUOTE) {
    const nameEnd = endOfString(text, next);
    const name: string = JSON.parse(text.slice(next, nameEnd));
    const start = skipSpace(text, skipSpace(text, nameEnd) + 1);
    const end = endOfValue(text, start);
    yield { name, start, end };
    next = skipSpace(text, skipSpace(text, end) + 1);
  }
}

/** The elements of the array that begins at `at`; none where another value begins there. */
export function* elementsOf(text: string, at: number): Generator<Span> {
  if (text.charCodeAt(at) !== OPEN_ARRAY) return;
  let start = skipSpace(text, at + 1);
  if (text.charCodeAt(start) === CLOSE_ARRAY) return;
  for (;;) {
    const end = endOfValue(text, start);
    yield { start, end };
    const comma = skipSpace(text, end);
    if (text.charCodeAt(comma) !== COMMA) return;
    start = skipSpace(text, comma + 1);
  }
}

/** Whether a text has at most this many values, counted by what stands before each: a bracket, a brace or a comma. */
export function hasAtMost(text: string, values: number): boolean {
  let left = values;
  for (let at = 0; at < text.length; ) {
    const c = text.charCodeAt(at);
    if (c === COMMA || c === OPEN_ARRAY || c === OPEN_OBJECT) left -= 1;
    if (left < 0) return false;
    at = c === QUOTE ? endOfString(text, at) : at + 1;
  }
  return true;
}

/** Behind the value that begins at `at`. */
export function endOfValue(text: string, at: number): number {
  const first = text.charCodeAt(at);
  if (first === QUOTE) return endOfString(text, at);
  return first === OPEN_OBJECT || first === OPEN_ARRAY ? endOfContainer(text, at) : endOfScalar(text, at);
}

function endOfContainer(text: string, at: number): number {
  let depth = 0;
  let next = at;
  do {
    const c = text.charCodeAt(next);
    if (c === OPEN_OBJECT || c === OPEN_ARRAY) depth++;
    if (c === CLOSE_OBJECT || c === CLOSE_ARRAY) depth--;
    next = c === QUOTE ? endOfString(text, next) : next + 1;
  } while (depth > 0 && next < text.length);
  return next;
}

function endOfString(text: string, at: number): number {
  let next = at + 1;
  while (next < text.length) {
    const c = text.charCodeAt(next);
    if (c === QUOTE) break;
    next += c === BACKSLASH ? 2 : 1;
  }
  return next + 1;
}

function endOfScalar(text: string, at: number): number {
  let next = at;
  while (next < text.length) {
    const c = text.charCodeAt(next);
    if (c === COMMA || c === CLOSE_ARRAY || c === CLOSE_OBJECT || isSpace(c)) break;
    next++;
  }
  return next;
}

/** The first place, from `at` on, where no white space stands. */
export function skipSpace(text: string, at: number): number {
  let next = at;
  while (isSpace(text.charCodeAt(next))) next++;
  return next;
}

const isSpace = (c: number): boolean => c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09;
