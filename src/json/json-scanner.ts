/** The pass over the text that makes strict JSON strict; `strict-json.ts` turns the text into a value. */

import { MAX_JSON_DEPTH, MAX_JSON_VALUES } from "../limits.ts";
import { endOfPlainNumber, isScalarCharacter, type NumberPolicy, scalarFault } from "./scalars.ts";

export type ScanFault = "not_json" | "number" | "too_deep" | "too_many_values";

const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** In place of where reading goes on. */
const FAULT = -1;

/** What can come next, in a text without white space. */
type Expected = "value" | "first-value" | "name" | "first-name" | "colon" | "comma-or-close";

/**
 * Reads a text, whole or in pieces as they come, against the grammar of RFC 8259, the number policy and `limits.ts`.
 * It holds the open brackets and what the last piece broke off, no more, and takes time in proportion to the text,
 * however it is cut and whatever it says. What stands in strings is not its business: it looks for their ends only.
 */
export class JsonScanner {
  readonly #numbers: NumberPolicy;
  /** The brackets that will close what is open, innermost last: no recursion, for the depth is the caller's choice. */
  readonly #open: number[] = [];
  #expected: Expected = "value";
  #members = 0;
  #elements = 0;

  /** A piece ended within a string, and there behind a backslash that escapes what follows. */
  #inString = false;
  #escaped = false;
  /** The number or literal so far within which a piece ended, or at its end. */
  #scalar = "";

  #text = "";
  /** What was wrong where a method returned `FAULT`. */
  #fault: ScanFault = "not_json";

  constructor(numbers: NumberPolicy) {
    this.#numbers = numbers;
  }

  /** Of all objects so far, repeated ones included. */
  get members(): number {
    return this.#members;
  }

  /** Reads on. After a fault nothing more can be asked. */
  push(text: string): ScanFault | null {
    if (text === "") return null;
    this.#text = text;
    let at = 0;
    if (this.#inString) {
      this.#inString = false;
      at = this.#endOfString(this.#escaped ? 1 : 0);
    } else if (this.#scalar !== "") {
      at = this.#endOfScalar(0);
    }

    const open = this.#open;
    let close = open.at(-1);
    let expected = this.#expected;
    while (at !== FAULT && at < text.length) {
      const c = text.charCodeAt(at);
      if (c <= SPACE) {
        if (c !== SPACE && c !== LINE_FEED && c !== CARRIAGE_RETURN && c !== TAB) return "not_json";
        at++;
        continue;
      }
      if (expected === "comma-or-close") {
        if (c === COMMA && close !== undefined) {
          if (!this.#mayEnter(close)) return "too_many_values";
          expected = close === CLOSE_OBJECT ? "name" : "value";
        } else if (c === close) {
          open.pop();
          close = open.at(-1);
        } else {
          return "not_json";
        }
        at++;
        continue;
      }
      if (expected === "colon") {
        if (c !== COLON) return "not_json";
        expected = "value";
        at++;
        continue;
      }
      if (expected === "first-name" || expected === "first-value") {
        if (c === close) {
          open.pop();
          close = open.at(-1);
          expected = "comma-or-close";
          at++;
          continue;
        }
        if (close !== undefined && !this.#mayEnter(close)) return "too_many_values";
      }
      if (expected === "name" || expected === "first-name") {
        if (c !== QUOTE) return "not_json";
        expected = "colon";
        at = this.#endOfString(at + 1);
        continue;
      }
      if (c === OPEN_OBJECT || c === OPEN_ARRAY) {
        if (open.length === MAX_JSON_DEPTH) return "too_deep";
        close = c === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_ARRAY;
        open.push(close);
        expected = c === OPEN_OBJECT ? "first-name" : "first-value";
        at++;
        continue;
      }
      expected = "comma-or-close";
      if (c === QUOTE) at = this.#endOfString(at + 1);
      else at = endOfPlainNumber(text, at, c, this.#numbers) || this.#endOfScalar(at);
    }
    this.#expected = expected;
    return at === FAULT ? this.#fault : null;
  }

  /** Says that the text ends here. */
  end(): ScanFault | null {
    if (this.#inString || this.#expected !== "comma-or-close" || this.#open.length > 0) return "not_json";
    return this.#scalar === "" ? null : scalarFault(this.#scalar, this.#numbers);
  }

  /** Counts what begins behind a comma or the opening bracket of a container. */
  #mayEnter(close: number): boolean {
    if (close === CLOSE_OBJECT) this.#members++;
    else this.#elements++;
    return this.#members + this.#elements <= MAX_JSON_VALUES;
  }

  /** From within a string to behind it, or to the end of the piece. */
  #endOfString(from: number): number {
    const text = this.#text;
    for (let at = from; ; ) {
      const quote = text.indexOf('"', at);
      const end = quote < 0 ? text.length : quote;
      let run = end;
      while (run > from && text.charCodeAt(run - 1) === BACKSLASH) run--;
      const isEscaped = (end - run) % 2 === 1;
      if (quote < 0) {
        this.#inString = true;
        this.#escaped = isEscaped;
        return end;
      }
      at = quote + 1;
      if (!isEscaped) return at;
    }
  }

  /** From a number or literal, or from within, to behind it or to the end of the piece. */
  #endOfScalar(from: number): number {
    const text = this.#text;
    let end = from;
    while (isScalarCharacter(text.charCodeAt(end))) end++;
    const token = this.#scalar + text.slice(from, end);
    this.#scalar = end === text.length ? token : "";
    if (end === text.length) return end;
    const fault = scalarFault(token, this.#numbers);
    return fault === null ? end : this.#fail(fault);
  }

  #fail(fault: ScanFault): typeof FAULT {
    this.#fault = fault;
    return FAULT;
  }
}
