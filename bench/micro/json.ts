/** Strict JSON against JSON.parse, over bodies like those that MCP clients send; and itself over what attackers send. */

import { type JsonValue, parseStrictJson, StrictJsonReader } from "../../src/json/strict-json.ts";
import { sync, type Work } from "./measure.ts";

/** Bytes, about. */
export const BODY_SIZES = [300, 1_000, 8_000, 80_000, 800_000];

const times = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: Math.max(1, Math.round(count)) }, (_, i) => make(i));

/** The same numbers in every run. */
function randomNumbers(): (below: number) => number {
  let state = 1;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const PROSE = "The quick brown fox jumps over the lazy dog, and nobody asks why. ";
const CODE = 'if (name === "a\\b") {\n\treturn "c";\n}\n';
const UNICODE = "Übergröße 東京タワー 😀 ";

/** As Python's json module writes what is not ASCII. */
const ESCAPED = "not ASCII, escaped";

/** The arguments of a call, of about so many bytes of JSON, by what they are full of. */
const ARGUMENTS: Readonly<Record<string, (bytes: number) => JsonValue>> = {
  "long strings": (bytes) => times(bytes / 400, (i) => ({ title: `Page ${i}`, text: PROSE.repeat(5) })),
  "short members": (bytes) =>
    times(bytes / 80, (i) => ({
      id: i,
      ok: true,
      kind: "file",
      name: `f${i}`,
      size: 7919 * i,
      tag: null,
      owner: "ann",
    })),
  "many names": (bytes) =>
    Object.fromEntries(times(bytes / 20, (i) => [`key_${(7919 * i).toString(36)}_${i}`, i])),
  numbers: (bytes) => {
    const random = randomNumbers();
    return times(bytes / 65, () => [
      1_790_000_000_000 + random(1_000_000_000),
      random(180_000_000) / 1_000_000,
      -random(180_000_000) / 1_000_000,
      random(100_000) / 100,
      random(1_000_000),
      random(10),
    ]);
  },
  escapes: (bytes) => CODE.repeat(bytes / 48),
  "not ASCII": (bytes) => UNICODE.repeat(bytes / 44),
  [ESCAPED]: (bytes) => UNICODE.repeat(bytes / 70),
};

export const BODY_KINDS = Object.keys(ARGUMENTS);

export function bodyContest(kind: string, bytes: number): Record<"parse" | "strict", Work> {
  const written = JSON.stringify({
    jsonrpc: "2.0",
    id: 7,
    method: "tools/call",
    params: { name: "summarize", arguments: { input: ARGUMENTS[kind]?.(bytes - 100) ?? null } },
  });
  const text = kind === ESCAPED ? inAscii(written) : written;
  if (!parseStrictJson(text).ok) throw new Error(`${kind} must be strict JSON`);
  return { parse: sync(() => JSON.parse(text)), strict: sync(() => parseStrictJson(text)) };
}

const inAscii = (text: string): string =>
  text.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** Texts that would take a careless reader quadratic time, of about so many characters. Some are refused in the end. */
const HOSTILE: Readonly<Record<string, (length: number) => readonly string[]>> = {
  "escaped quotes": (length) => [`"${'\\"'.repeat(length / 2)}"`],
  "escapes far from a quote": (length) => [`"${"\\n     ".repeat(length / 7)}"`],
  "backslash far from quotes": (length) => [
    `[${'"",'.repeat(length / 12)}"${"x".repeat(length * 0.75)}\\n"]`,
  ],
  backslashes: (length) => [`"${"\\\\".repeat(length / 2)}"`],
  "surrogate pairs": (length) => [`"${"\\ud83d\\ude00".repeat(length / 12)}"`],
  "one long number": (length) => [`0.${"1".repeat(length)}`],
  "zeros of a number that is refused": (length) => [`1${"0".repeat(length)}1e-${2 * length}`],
  "names, all different": (length) => [`{${times(length / 12, (i) => `"n${1e6 + i}":0`).join(",")}}`],
  "a name twice": (length) => [`{${times(length / 12, () => '"name":0').join(",")}}`],
  "empty containers": (length) => [`[${"[],".repeat(length / 12)}[]]`],
  "deep nesting": (length) => [`[${times(length / 1000, () => "[".repeat(60) + "]".repeat(60)).join(",")}]`],
  "white space": (length) => [" ".repeat(length), "0"],
  "a string in pieces of 10": (length) => ['"', ...times(length / 10, () => "x".repeat(10)), '"'],
  "an escape cut in each piece": (length) => [
    '"',
    ...times(length / 12, () => "\\u00").flatMap((cut) => [cut, "41xxxxxx"]),
    '"',
  ],
  "a number in pieces of 10": (length) => ["0.", ...times(length / 10, () => "1".repeat(10))],
};

export const HOSTILE_KINDS = Object.keys(HOSTILE);

/** How many times longer the longer text is. Only times as long where no limit cuts it short: the values stay below it. */
export const HOSTILE_STEP = 8;
const HOSTILE_LENGTH = 100_000;

export function hostileContest(kind: string): Record<"short" | "long", Work> {
  const read = (length: number): Work => {
    const pieces = HOSTILE[kind]?.(length) ?? [];
    return sync(() => {
      const reader = new StrictJsonReader();
      for (const piece of pieces) if (reader.push(piece) !== null) return null;
      return reader.end();
    });
  };
  return { short: read(HOSTILE_LENGTH), long: read(HOSTILE_STEP * HOSTILE_LENGTH) };
}
