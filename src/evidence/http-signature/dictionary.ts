import { type Dictionary, isInnerList, parseDictionary } from "structured-headers";
import { MAX_SIGNATURE_FIELD_BYTES } from "../../limits.ts";

/** What is left of a structured field when the content of its Strings is taken out: only structure. */
export const structureOf = (text: string): string => text.replace(/"(?:[^"\\]|\\.)*"/g, '""');

const count = (text: string, mark: string): number => text.split(mark).length - 1;

/**
 * Parses a Dictionary (RFC 9651 section 3.2) in which every key and every parameter occurs once; null for
 * anything else, also for an empty field and for one larger than is read. A parser that follows the RFC keeps
 * the last of two equal keys, so two readers of the same signed field could see different values.
 */
export function strictDictionary(text: string): Dictionary | null {
  if (text.length > MAX_SIGNATURE_FIELD_BYTES) return null;
  let dictionary: Dictionary;
  try {
    dictionary = parseDictionary(text);
  } catch {
    return null;
  }
  const structure = structureOf(text);
  // A Display String has no escapes, so `structureOf` would take `%"\"` for an open String and hide what follows.
  // No field we read has one.
  if (structure.includes('%"')) return null;

  let parameters = 0;
  for (const member of dictionary.values()) {
    parameters += member[1].size;
    if (isInnerList(member)) for (const item of member[0]) parameters += item[1].size;
  }
  // Outside Strings a comma only separates members, and a semicolon only begins a parameter.
  const unique = count(structure, ",") + 1 === dictionary.size && count(structure, ";") === parameters;
  return unique ? dictionary : null;
}
