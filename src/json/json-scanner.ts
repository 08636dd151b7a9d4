/** The pass over the text that makes strict JSON strict; `strict-json.ts` turns the text into a value. */

import { MAX_JSON_DEPTH, MAX_JSON_VALUES } from "../limits.ts";
import { fail, ok, type Result } from "../result.ts";

export type ScanFault = "not_json" | "number" | "lone_surrogate" | "too_deep" | "too_many_values";

/** `integer` refuses every number written with a fraction or an exponent; even 1.0, which after parsing is 1. */
export type NumberPolicy = "any" | "integer";

/**
 * Reads a text once, without recursion, against the grammar of RFC 8259, the number policy and `limits.ts`. Returns
 * how many members all its objects have together, or the first fault. Repeated names are not its business.
 */
export function scanJson(text: string, numbers: NumberPolicy): Result<{ members: number }, ScanFault> {
  const scanner = new Scanner(text, numbers);
  const fault = scanner.document();
  return fault === null ? ok({ members: scanner.members }) : fail(fault);
}

const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const LETTER_A = 0x61;
const LETTER_E = 0x65;
const LETTER_F = 0x66;
const LETTER_U = 0x75;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

const SHORT_ESCAPES = [...'"\\/bfnrt'].map((c) => c.charCodeAt(0));
const LITERALS = ["true", "false", "null"];

/** An integer of fewer characters is safe whatever its digits: 2^53 - 1 has 16. */
const LEAST_UNSAFE_LENGTH = 16;

/** A method starts at `at`, leaves it behind what it read, and returns the fault it met. */
class Scanner {
  readonly text: string;
  readonly numbers: NumberPolicy;
  at = 0;
  /** Of all objects and of all arrays so far. */
  members = 0;
  elements = 0;

  constructor(text: string, numbers: NumberPolicy) {
    this.text = text;
    this.numbers = numbers;
  }

  document(): ScanFault | null {
    /** The brackets that will close what is open: an explicit stack, for the depth is the caller's choice. */
    const open: number[] = [];
    for (;;) {
      const first = this.next();
      if (first === OPEN_OBJECT || first === OPEN_ARRAY) {
        if (open.length === MAX_JSON_DEPTH) return "too_deep";
        const close = first === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_ARRAY;
        open.push(close);
        this.at++;
        if (this.next() !== close) {
          const fault = this.entry(close);
          if (fault !== null) return fault;
          continue;
        }
      } else {
        const fault = this.scalar(first);
        if (fault !== null) return fault;
      }

      // A scalar has ended, or an empty container is about to: close what ends here, up to the next entry.
      for (;;) {
        const next = this.next();
        const close = open.at(-1);
        if (close === undefined) return this.at === this.text.length ? null : "not_json";
        this.at++;
        if (next === close) {
          open.pop();
          continue;
        }
        if (next !== COMMA) return "not_json";
        const fault = this.entry(close);
        if (fault !== null) return fault;
        break;
      }
    }
  }

  /** Skips white space; the character after it, NaN at the end of the text. */
  private next(): number {
    for (;;) {
      const c = this.text.charCodeAt(this.at);
      if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return c;
      this.at++;
    }
  }

  /** What an entry of a container has before its value: name and colon in an object, nothing in an array. */
  private entry(close: number): ScanFault | null {
    if (this.members + this.elements === MAX_JSON_VALUES) return "too_many_values";
    if (close === CLOSE_ARRAY) {
      this.elements++;
      return null;
    }
    this.members++;
    if (this.next() !== QUOTE) return "not_json";
    const fault = this.string();
    if (fault !== null) return fault;
    if (this.next() !== COLON) return "not_json";
    this.at++;
    return null;
  }

  private scalar(first: number): ScanFault | null {
    if (first === QUOTE) return this.string();
    if (first === MINUS || isDigit(first)) return this.number();
    const literal = LITERALS.find((word) => this.text.startsWith(word, this.at));
    if (literal === undefined) return "not_json";
    this.at += literal.length;
    return null;
  }

  private string(): ScanFault | null {
    const { text } = this;
    for (let at = this.at + 1; at < text.length; at++) {
      const c = text.charCodeAt(at);
      if (c === QUOTE) {
        this.at = at + 1;
        return null;
      }
      if (c < 0x20) return "not_json";
      if (c === BACKSLASH) {
        at++;
        const escaped = text.charCodeAt(at);
        if (escaped !== LETTER_U) {
          if (!SHORT_ESCAPES.includes(escaped)) return "not_json";
          continue;
        }
        const unit = hex4(text, at + 1);
        if (unit < 0) return "not_json";
        at += 4;
        if (isSurrogate(unit)) {
          if (!text.startsWith("\\u", at + 1) || !isPair(unit, hex4(text, at + 3))) return "lone_surrogate";
          at += 6;
        }
      } else if (isSurrogate(c)) {
        at++;
        if (!isPair(c, text.charCodeAt(at))) return "lone_surrogate";
      }
    }
    return "not_json";
  }

  private number(): ScanFault | null {
    const { text, at: start } = this;
    const negative = text.charCodeAt(start) === MINUS;
    const digits = negative ? start + 1 : start;
    const integerEnd = skipDigits(text, digits);
    if (integerEnd === digits) return "not_json";
    if (integerEnd > digits + 1 && text.charCodeAt(digits) === ZERO) return "not_json";
    let at = integerEnd;
    if (text.charCodeAt(at) === DOT) {
      const fraction = at + 1;
      at = skipDigits(text, fraction);
      if (at === fraction) return "not_json";
    }
    if ((text.charCodeAt(at) | 0x20) === LETTER_E) {
      const sign = text.charCodeAt(at + 1);
      const exponent = sign === PLUS || sign === MINUS ? at + 2 : at + 1;
      at = skipDigits(text, exponent);
      if (at === exponent) return "not_json";
    }
    this.at = at;
    const isInteger = at === integerEnd;
    if (isInteger && !negative && at - start < LEAST_UNSAFE_LENGTH) return null;
    const token = text.slice(start, at);
    const value = Number(token);
    const allowed = isInteger
      ? Number.isSafeInteger(value)
      : this.numbers === "any" && isReadAlike(token, value);
    return allowed && !Object.is(value, -0) ? null : "number";
  }
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

const isSurrogate = (unit: number): boolean => (unit & 0xf800) === 0xd800;

const isPair = (high: number, low: number): boolean =>
  (high & 0xfc00) === 0xd800 && (low & 0xfc00) === 0xdc00;

function skipDigits(text: string, from: number): number {
  let at = from;
  while (isDigit(text.charCodeAt(at))) at++;
  return at;
}

/** The value of the four hex digits at `at`; -1 where there are not four. */
function hex4(text: string, at: number): number {
  let unit = 0;
  for (let i = at; i < at + 4; i++) {
    const c = text.charCodeAt(i);
    const letter = c | 0x20;
    if (isDigit(c)) unit = unit * 16 + c - ZERO;
    else if (letter >= LETTER_A && letter <= LETTER_F) unit = unit * 16 + letter - LETTER_A + 10;
    else return -1;
  }
  return unit;
}
