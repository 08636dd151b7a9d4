/** What is cut out of one text. */

import { foldCase } from "../json/fold-case.ts";
import type { Redaction } from "../tenant/schema/redaction.ts";
import type { Piece } from "./matches.ts";
import { SECRET_FORMS, type SecretForm } from "./secrets.ts";

/** What stands in the place of what was cut out: of which form it was, or why it went. */
export const marker = (what: SecretForm | "field" | "unreadable" | "image" | "audio" | "blob"): string =>
  `[redacted: ${what}]`;

/** Stands behind what is left of a text, or in a list in the place of the elements that are not. */
export const TRUNCATED = "[truncated]";

/** The shortest that any form finds something in: `pwd=x`. */
const MIN_SECRET_LENGTH = 5;

/**
 * A text without its secrets; the very same where it has none.
 *
 * @param name of the member whose value it is: some forms are told by it
 */
export function withoutSecrets(
  text: string,
  { secrets }: Pick<Redaction, "secrets">,
  name: string | null = null,
): string {
  const found: (Piece & { form: SecretForm })[] = [];
  for (const form of secrets) {
    const { find, named } = SECRET_FORMS[form];
    if (text.length >= MIN_SECRET_LENGTH) for (const piece of find(text)) found.push({ ...piece, form });
    if (name === null || !named?.test(name)) continue;
    const label = `${name}: `;
    for (const { start, end } of find(label + text)) {
      if (end > label.length)
        found.push({ start: Math.max(start - label.length, 0), end: end - label.length, form });
    }
  }
  if (found.length === 0) return text;
  const parts: string[] = [];
  let at = 0;
  for (const { start, end, form } of found.sort((a, b) => a.start - b.start || b.end - a.end)) {
    // Of pieces that overlap all goes, under the name of the first.
    if (start >= at) parts.push(text.slice(at, start), marker(form));
    at = Math.max(at, end);
  }
  return parts.join("") + text.slice(at);
}

/** What may stand between a name and what makes it one: quotes, escaped ones too, and spaces. */
const BETWEEN: ReadonlySet<string> = new Set("\"'`\\* \u00a0\u00ab\u00bb\u2018\u2019\u201c\u201d\u201e");
const MAX_BETWEEN = 8;
const MAX_NAME_LENGTH = 128;

/**
 * Whether a text that is no JSON names one of the fields: before a value, as in `password: …`, `"password":…`, `password=…`, `password -> …`,
 * or at the head of a column, as in `id,password`, `| password |`, `<td>password</td>`. Where the value ends nobody can tell. In a
 * sentence a name is none. Only names of letters, digits, `_`, `-` and `$` are found.
 */
export function namesField(text: string, fields: ReadonlySet<string>): boolean {
  if (fields.size === 0) return false;
  for (let at = 0; at < text.length; ) {
    if (!isOfName(text.charCodeAt(at))) {
      at += 1;
      continue;
    }
    const start = at;
    while (at < text.length && isOfName(text.charCodeAt(at))) at += 1;
    if (
      at - start <= MAX_NAME_LENGTH &&
      isLabel(text, start, at) &&
      fields.has(foldCase(text.slice(start, at)))
    )
      return true;
  }
  return false;
}

/** Whether a word is one that values follow, to judge by what stands around it. */
function isLabel(text: string, start: number, end: number): boolean {
  let next = end;
  while (next < end + MAX_BETWEEN && BETWEEN.has(text.charAt(next))) next += 1;
  const after = text.charAt(next);
  if (BEFORE_VALUES.test(after)) return true;
  const isAfterSpace = text.charAt(next - 1) === " ";
  if (isAfterSpace && (text.charAt(next - 2) === " " || /[-\u2013\u2014\u2190-\u21ff]/.test(after)))
    return true;
  if (after !== "\n" && after !== "\r") return false;
  let last = start;
  while (last > start - MAX_BETWEEN && BETWEEN.has(text.charAt(last - 1))) last -= 1;
  const before = text.charAt(last - 1);
  return last === 0 || /[\n\r\t,;|]/.test(before) || text.slice(last, last + 2) === "  ";
}

const BEFORE_VALUES = /[:=<>|,;&\t\uff1a\uff1d\uff5c\uff0c\uff1b\u3001]/;

const isOfName = (c: number): boolean =>
  (c >= 0x30 && c <= 0x39) ||
  (c >= 0x41 && c <= 0x5a) ||
  (c >= 0x61 && c <= 0x7a) ||
  c === 0x5f ||
  c === 0x2d ||
  c === 0x24 ||
  (c >= 0x80 && BEYOND_ASCII.test(String.fromCharCode(c)));

/** Letters, marks, digits and joiners; halves of characters, which are mostly letters. */
const BEYOND_ASCII = /[\p{L}\p{M}\p{N}\p{Cs}\u200c\u200d]/u;

/** Cut off behind so many characters, and never within a surrogate pair. */
export function truncated(text: string, max: number): string {
  const isDone = text.length <= max + TRUNCATED.length && text.endsWith(TRUNCATED);
  if (text.length <= max || isDone) return text;
  const last = text.charCodeAt(max - 1);
  const isHigh = last >= 0xd800 && last <= 0xdbff;
  return text.slice(0, isHigh ? max - 1 : max) + TRUNCATED;
}
