/** Escapes in JSON strings (RFC 8259 section 7). */

const ZERO = 0x30;
const NINE = 0x39;
const LETTER_A = 0x61;
const LETTER_F = 0x66;
const LETTER_U = 0x75;

/** By character code: 1 for what may follow a backslash alone. */
const SHORT_ESCAPES = new Uint8Array(128);
for (const c of '"\\/bfnrt') SHORT_ESCAPES[c.charCodeAt(0)] = 1;

/**
 * How many characters the escape takes whose backslash is at `at`: 2, 6, or 12 where two stand for one character
 * beyond U+FFFF. 0 where the text ends within it.
 */
export function escapeLength(text: string, at: number): number | "not_json" | "lone_surrogate" {
  const left = text.length - at;
  if (left < 2) return 0;
  const kind = text.charCodeAt(at + 1);
  if (kind !== LETTER_U) return SHORT_ESCAPES[kind] === 1 ? 2 : "not_json";
  if (left < 6) return 0;
  const unit = hex4(text, at + 2);
  if (unit < 0) return "not_json";
  if (unit < 0xd800 || unit > 0xdfff) return 6;
  // Half of a pair: the other half must follow, escaped as well. Raw halves cannot come from UTF-8.
  const second = text.slice(at + 6, at + 8);
  if (unit > 0xdbff || !"\\u".startsWith(second)) return "lone_surrogate";
  if (left < 12) return 0;
  const low = hex4(text, at + 8);
  return low >= 0xdc00 && low <= 0xdfff ? 12 : "lone_surrogate";
}

/** The value of the four hex digits at `at`; -1 where there are not four. */
function hex4(text: string, at: number): number {
  let unit = 0;
  for (let i = at; i < at + 4; i++) {
    const c = text.charCodeAt(i);
    const letter = c | 0x20;
    if (c >= ZERO && c <= NINE) unit = unit * 16 + c - ZERO;
    else if (letter >= LETTER_A && letter <= LETTER_F) unit = unit * 16 + letter - LETTER_A + 10;
    else return -1;
  }
  return unit;
}
