/** Texts as an approver sees them: nothing in them acts as markup, and nothing in them is invisible or moves what stands beside it. */

import { isObject, type JsonValue } from "../json/strict-json.ts";

/** A text for HTML, in an element or between double quotes. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

/**
 * Characters that cannot be seen, that look like a space, that change the direction of others (Unicode categories C and Z, and what is
 * ignorable by default, and the few that are blank all the same), and marks that pile up over other lines. A blank is the only one of them that may stand for itself.
 */
const UNSEEN = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\p{Me}\u2800\u{16fe4}\u{1d159}]|(?<=\p{M})\p{M}/gu;

const visible = (text: string): string => text.replace(UNSEEN, (c) => (c === " " ? c : escaped(c)));

/** As JSON escapes it (RFC 8259 section 7). */
const escaped = (character: string): string =>
  Array.from({ length: character.length }, (_, i) => character.charCodeAt(i))
    .map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`)
    .join("");

/** A text that is no JSON, such as a purpose. A backslash of its own is doubled, so that it is told from ours. */
export const shownText = (text: string): string => escapeHtml(visible(text.replaceAll("\\", "\\\\")));

/**
 * All of a value as JSON, over lines, with the members in the order of RFC 8785. What cannot be seen is escaped, so that it is the same
 * value.
 */
export const shownJson = (value: JsonValue): string => escapeHtml(pretty(value, "\n"));

function pretty(value: JsonValue, newline: string): string {
  const inner = `${newline}  `;
  if (Array.isArray(value))
    return block(
      "[",
      "]",
      newline,
      (value as readonly JsonValue[]).map((item) => pretty(item, inner)),
    );
  if (isObject(value)) {
    // By UTF-16 code units, as `sort` compares.
    const names = Object.keys(value).sort();
    return block(
      "{",
      "}",
      newline,
      names.map((name) => `${visible(JSON.stringify(name))}: ${pretty(value[name] ?? null, inner)}`),
    );
  }
  return visible(JSON.stringify(value));
}

const block = (open: string, close: string, newline: string, items: readonly string[]): string =>
  items.length === 0 ? open + close : `${open}${newline}  ${items.join(`,${newline}  `)}${newline}${close}`;

/** Whether it has letters that may look like others. */
export const hasForeignLetters = (value: JsonValue): boolean => /[^\x00-\x7f]/.test(JSON.stringify(value));
