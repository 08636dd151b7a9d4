/** The test suite of Structured Fields (RFC 9651): the parser that we pin, and our strict reader over it. */

import {
  type BareItem,
  type Dictionary,
  DisplayString,
  type InnerList,
  type Item,
  type List,
  parseDictionary,
  parseItem,
  parseList,
  serializeDictionary,
  serializeItem,
  serializeList,
  Token,
} from "structured-headers";
import { strictDictionary } from "../../src/evidence/http-signature/dictionary.ts";
import { MAX_SIGNATURE_FIELD_BYTES } from "../../src/limits.ts";
import { type Case, compared, explained, failed, namesIn, passed, readJson, type VectorSet } from "./set.ts";

/** One case, in the suite's own form. */
interface FieldCase {
  name: string;
  header_type: "item" | "list" | "dictionary";
  raw?: string[];
  expected?: Json;
  canonical?: string[];
  must_fail?: boolean;
  can_fail?: boolean;
}
type Json = null | boolean | number | string | Json[] | { __type: string; value: string | number };

export const parsing: VectorSet = {
  name: "Structured Fields, parsing",
  folder: "structured-fields",
  size: 1591,
  policies: {
    "decimal re-serialisation": "JavaScript has one number for 1 and 1.0",
    "far dates": "JavaScript has none beyond 8.64e12 seconds, and no field that we read has dates",
  },
  cases: (folder) => casesIn(folder).map((one) => ({ id: one.name, run: () => judgeParsing(one) })),
};

export const serialising: VectorSet = {
  name: "Structured Fields, serialising",
  folder: "structured-fields/serialisation-tests",
  size: 544,
  policies: {
    "decimal rounding":
      "we write decimals back as they were read, with three digits at most, and never round",
  },
  cases: (folder) => casesIn(folder).map((one) => ({ id: one.name, run: () => judgeSerialising(one) })),
};

export const strictly: VectorSet = {
  name: "Structured Fields, our strict Dictionary",
  folder: "structured-fields",
  size: 432,
  policies: {
    "repeated key": "a key or parameter that is there twice is refused: readers could keep either",
    "display string": "no field that we read has one",
    "empty field": "a field without a member says nothing",
    "too long": `a field of more than ${MAX_SIGNATURE_FIELD_BYTES} bytes is not read`,
  },
  cases: (folder) =>
    casesIn(folder)
      .filter(({ header_type }) => header_type === "dictionary")
      .map((one): Case => ({ id: one.name, run: () => judgeStrictly(one) })),
};

const casesIn = (folder: string): readonly FieldCase[] =>
  namesIn(folder)
    .filter((name) => name.endsWith(".json"))
    .flatMap((name): FieldCase[] => readJson(folder, name));

const lineOf = ({ raw = [] }: FieldCase): string => raw.join(", ");

function judgeParsing(one: FieldCase) {
  const { header_type, expected = null, must_fail, can_fail } = one;
  let value: Json;
  let again: string;
  try {
    [value, again] = parsed(header_type, lineOf(one));
  } catch (error) {
    return must_fail || can_fail ? passed : failed(`refused: ${error}`);
  }
  if (must_fail) return failed("accepted");
  if (isFarDate(expected)) return explained("far dates");
  const same = compared(value, expected);
  return same.kind === "passed" ? written(again, one.canonical ?? one.raw ?? []) : same;
}

/** An Item. */
function isFarDate(expected: Json): boolean {
  const [value] = Array.isArray(expected) ? expected : [];
  const isDate = typeof value === "object" && value !== null && "__type" in value && value.__type === "date";
  return isDate && Math.abs(Number(value.value)) > MAX_DATE_SECONDS;
}

const MAX_DATE_SECONDS = 8.64e12;

function judgeSerialising(one: FieldCase) {
  try {
    const text = serialised(one.header_type, one.expected ?? null);
    if (one.must_fail) return failed(`written as ${text}`);
    const same = compared(text, (one.canonical ?? []).join(", "));
    return same.kind === "failed" && isRounded(one.expected) ? explained("decimal rounding") : same;
  } catch (error) {
    return one.must_fail ? passed : failed(`refused: ${error}`);
  }
}

/** An Item with more digits than a decimal can have. */
const isRounded = (expected: Json | undefined): boolean =>
  Array.isArray(expected) && typeof expected[0] === "number" && /\.\d{4}/.test(String(expected[0]));

function judgeStrictly(one: FieldCase) {
  const line = lineOf(one);
  const dictionary = strictDictionary(line);
  if (dictionary !== null) {
    return one.must_fail ? failed("accepted") : compared(toJson(dictionary), one.expected);
  }
  if (one.must_fail || one.can_fail) return passed;
  const policy = whyStrict(line);
  return policy === null ? failed("refused") : explained(policy);
}

/** Told from the text alone, another way than the reader does. */
function whyStrict(line: string): string | null {
  if (line.trim() === "") return "empty field";
  if (line.length > MAX_SIGNATURE_FIELD_BYTES) return "too long";
  if (line.includes('%"')) return "display string";
  const names = (separator: string) => line.split(separator).map((part) => part.trim().split(/[=;]/)[0]);
  const parameters = line.split(",").map((member) => member.split(";").slice(1));
  const isRepeated = (list: readonly unknown[]) => new Set(list).size < list.length;
  const repeats =
    isRepeated(names(",")) ||
    parameters.some((list) => isRepeated(list.map((part) => part.trim().split("=")[0])));
  return repeats ? "repeated key" : null;
}

/** A number that was written as a decimal comes back as an integer, and nothing else differs. */
function written(text: string, canonical: readonly string[]) {
  const wanted = canonical.join(", ");
  const same = compared(text, wanted);
  const withoutZero = wanted.replace(/(?<=\d)\.0(?!\d)/g, "");
  return same.kind === "failed" && text === withoutZero ? explained("decimal re-serialisation") : same;
}

function parsed(type: FieldCase["header_type"], line: string): [value: Json, again: string] {
  switch (type) {
    case "item": {
      const item = parseItem(line);
      return [itemJson(item), serializeItem(item)];
    }
    case "list": {
      const list = parseList(line);
      return [list.map(memberJson), serializeList(list)];
    }
    case "dictionary": {
      const dictionary = parseDictionary(line);
      return [toJson(dictionary), serializeDictionary(dictionary)];
    }
  }
}

function serialised(type: FieldCase["header_type"], expected: Json): string {
  switch (type) {
    case "item":
      return serializeItem(itemOf(expected));
    case "list":
      return serializeList((expected as Json[]).map(memberOf));
    case "dictionary":
      return serializeDictionary(
        new Map((expected as [string, Json][]).map(([key, member]) => [key, memberOf(member)])),
      );
  }
}

// -- the suite's form of values ---------------------------------------------------------------------------

const toJson = (dictionary: Dictionary): Json =>
  [...dictionary].map(([key, member]) => [key, memberJson(member)]);

const memberJson = (member: List[number]): Json =>
  Array.isArray(member[0])
    ? [(member as InnerList)[0].map(itemJson), parametersJson(member[1])]
    : itemJson(member as Item);

const itemJson = ([value, parameters]: Item): Json => [bareJson(value), parametersJson(parameters)];

const parametersJson = (parameters: Item[1]): Json =>
  [...parameters].map(([name, value]) => [name, bareJson(value)]);

function bareJson(value: BareItem): Json {
  if (value instanceof Token) return { __type: "token", value: value.toString() };
  if (value instanceof DisplayString) return { __type: "displaystring", value: value.toString() };
  if (value instanceof Date) return { __type: "date", value: value.getTime() / 1000 };
  if (value instanceof ArrayBuffer) return { __type: "binary", value: base32(new Uint8Array(value)) };
  return value as string | number | boolean;
}

const isInnerList = (member: Json): member is [Json[], Json] =>
  Array.isArray(member) && Array.isArray(member[0]);

const memberOf = (member: Json): Item | InnerList =>
  isInnerList(member) ? [member[0].map(itemOf), parametersOf(member[1])] : itemOf(member);

function itemOf(item: Json): Item {
  const [value = null, parameters = []] = item as Json[];
  return [bareOf(value), parametersOf(parameters)];
}

const parametersOf = (parameters: Json): Item[1] =>
  new Map((parameters as [string, Json][]).map(([name, value]) => [name, bareOf(value)]));

/** The cases that are serialised have no other kinds. */
function bareOf(value: Json): BareItem {
  if (typeof value === "object" && value !== null && "__type" in value && value.__type === "token") {
    return new Token(String(value.value));
  }
  if (typeof value === "object") throw new Error(`unknown: ${JSON.stringify(value)}`);
  return value;
}

const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** RFC 4648 section 6, padded. */
function base32(bytes: Uint8Array): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
  const digits = (bits.match(/.{1,5}/g) ?? []).map((five) => BASE32[Number.parseInt(five.padEnd(5, "0"), 2)]);
  return digits.join("").padEnd(Math.ceil(digits.length / 8) * 8, "=");
}
