import {
  type Dictionary,
  type Item,
  isInnerList,
  type List,
  parseDictionary,
  parseItem,
  parseList,
} from "structured-headers";
import { MAX_SIGNATURE_FIELD_BYTES } from "../../limits.ts";

/** What is left of a structured field when the content of its Strings is taken out: only structure. */
export const structureOf = (text: string): string => text.replace(/"(?:[^"\\]|\\.)*"/g, '""');

/**
 * Parses a Dictionary (RFC 9651 section 3.2) in which every key and every parameter occurs once; null for
 * anything else, also for an empty field and for one larger than is read. A parser that follows the RFC keeps
 * the last of two equal keys, so two readers of the same signed field could see different values.
 */
export const strictDictionary = (text: string): Dictionary | null =>
  strict(text, parseDictionary, (dictionary) => [...dictionary.values()]);

/** The same for a List (section 3.1). */
export const strictList = (text: string): List | null => strict(text, parseList, (list) => list);

/** The same for an Item (section 3.3). */
export const strictItem = (text: string): Item | null => strict(text, parseItem, (item) => [item]);

function strict<T>(text: string, parse: (text: string) => T, membersOf: (parsed: T) => List): T | null {
  if (text.length > MAX_SIGNATURE_FIELD_BYTES) return null;
  let parsed: T;
  try {
    parsed = parse(text);
  } catch {
    return null;
  }
  const structure = structureOf(text);
  // A Display String has no escapes, so `structureOf` would take `%"\"` for an open String and hide what follows.
  // No field we read has one.
  if (structure.includes('%"')) return null;

  const members = membersOf(parsed);
  let parameters = 0;
  for (const member of members) {
    parameters += member[1].size;
    if (isInnerList(member)) for (const item of member[0]) parameters += item[1].size;
  }
  // Outside Strings a comma only separates members, and a semicolon only begins a parameter.
  const unique = count(structure, ",") + 1 === members.length && count(structure, ";") === parameters;
  return unique ? parsed : null;
}

function count(text: string, mark: string): number {
  let found = 0;
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + 1)) found += 1;
  return found;
}
