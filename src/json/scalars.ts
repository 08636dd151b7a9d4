/** What stands in a JSON text without brackets or quotes: numbers and the three literals. */

/**
 * `integer` refuses every number written with a fraction or an exponent; even 1.0, which after parsing is 1. `canonical`
 * refuses every number that is not written as RFC 8785 writes it.
 */
export type NumberPolicy = "any" | "canonical" | "integer";

const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const CLOSE_ARRAY = 0x5d;
const LETTER_A = 0x61;
const LETTER_Z = 0x7a;
const CLOSE_OBJECT = 0x7d;
const SPACE = 0x20;

/** An integer of fewer characters is safe whatever its digits: 2^53 - 1 has 16. */
const LEAST_UNSAFE_LENGTH = 16;

/** A number of at most so many characters, without an exponent, is nowhere near underflow. */
const MAX_PLAIN_LENGTH = 40;

/** RFC 8259 section 6; the groups are fraction and exponent. Linear: no two repetitions can take the same digit. */
const NUMBER = /^-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/;

const LITERALS: readonly string[] = ["true", "false", "null"];

/** Whether a character can be part of a number or literal. What is not ends it. */
export const isScalarCharacter = (c: number): boolean =>
  isDigit(c) || ((c | 0x20) >= LETTER_A && (c | 0x20) <= LETTER_Z) || c === DOT || c === MINUS || c === PLUS;

/** What is wrong with a whole number or literal. */
export function scalarFault(token: string, numbers: NumberPolicy): "not_json" | "number" | null {
  if (LITERALS.includes(token)) return null;
  const match = NUMBER.exec(token);
  if (match === null) return "not_json";
  const [, fraction, exponent] = match;
  const value = Number(token);
  if (Object.is(value, -0)) return "number";
  if (fraction === undefined && exponent === undefined) return Number.isSafeInteger(value) ? null : "number";
  return isAllowed(token, value, numbers) ? null : "number";
}

/** Whether a policy takes a number that has a fraction or an exponent. */
function isAllowed(token: string, value: number, numbers: NumberPolicy): boolean {
  switch (numbers) {
    case "any":
      return isReadAlike(token, value);
    case "canonical":
      return token === String(value);
    case "integer":
      return false;
  }
}

/**
 * A short way for most numbers, without cutting them out: where the number that begins at `at` ends, if it is short, has
 * no exponent, is no negative zero, and its end is in sight. 0 for all else, right or wrong: `scalarFault` will tell.
 *
 * @param first the character at `at`
 */
export function endOfPlainNumber(text: string, at: number, first: number, numbers: NumberPolicy): number {
  let end = at;
  let c = first;
  if (c === MINUS) {
    c = text.charCodeAt(++end);
    if (c === ZERO) return 0;
  }
  const digits = end;
  if (c === ZERO) c = text.charCodeAt(++end);
  else while (isDigit(c)) c = text.charCodeAt(++end);
  if (end === digits || end - at >= LEAST_UNSAFE_LENGTH) return 0;
  if (c === DOT) {
    if (numbers !== "any") return 0;
    const fraction = end + 1;
    do c = text.charCodeAt(++end);
    while (isDigit(c));
    if (end === fraction || end - at > MAX_PLAIN_LENGTH) return 0;
  }
  return c === COMMA || c === CLOSE_ARRAY || c === CLOSE_OBJECT || c <= SPACE ? end : 0;
}

/**
 * Whether a token with a fraction or an exponent means the same to a parser that keeps all its digits. Of what lies
 * between the safe integers and zero everybody knows that it is rounded; but 9007199254740993.0 is an integer to some
 * and another one to us, and 1e-400 is nothing to us alone.
 */
function isReadAlike(token: string, value: number): boolean {
  if (!Number.isFinite(value)) return false;
  if (value !== 0 && Math.abs(value) <= Number.MAX_SAFE_INTEGER) return true;
  return decimal(token) === decimal(String(value));
}

/** A decimal number in a form of which there is one for each value: digits without outer zeros, and an exponent. */
function decimal(token: string): string {
  const [mantissa = "", exponent = "0"] = token.toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.replace("-", "").split(".");
  const digits = (whole + fraction).replace(/^0+/, "");
  if (digits === "") return "0";
  // A loop, because a pattern that ends in $ would be tried from every zero: quadratic in a text of anybody's making.
  let end = digits.length;
  while (digits[end - 1] === "0") end -= 1;
  return `${digits.slice(0, end)}e${Number(exponent) - fraction.length + digits.length - end}`;
}

const isDigit = (c: number): boolean => c >= ZERO && c <= NINE;
