import { matches, type Piece } from "./matches.ts";

const ZERO = 0x30;
const MIN_DIGITS = 13;
const MAX_DIGITS = 19;
/** At least as many characters as the shortest number has digits. */
const RUN_OF_DIGITS = /[0-9](?:[ -]?[0-9]){12,}/g;

/**
 * The numbers of payment cards (ISO/IEC 7812-1): 13 to 19 digits with a digit of the check by Luhn at last, alone or in groups with
 * single spaces or hyphens between. A longer number holds none, whatever its digits, nor do the decimals of one.
 */
export function* cardNumbers(text: string): Generator<Piece> {
  for (const { start: index, end: runEnd } of matches(text, RUN_OF_DIGITS)) {
    const run = text.slice(index, runEnd);
    const isDecimals = text[index - 1] === "." && isDigit(text, index - 2);
    for (let at = isDecimals ? 1 : 0; at + MIN_DIGITS <= run.length; ) {
      const end = isDigit(run, at - 1) || !/[2-6]/.test(run.charAt(at)) ? null : endOfCard(run, at);
      if (end !== null) yield { start: index + at, end: index + end };
      at = end ?? at + 1;
    }
  }
}

/** Where the longest number ends that begins at `at`; null where none does. */
function endOfCard(run: string, at: number): number | null {
  let end: number | null = null;
  let digits = 0;
  // Of an odd and of an even count of digits, because which of them are doubled is known only at the end.
  const sums = [0, 0];
  for (let i = at; i < run.length && digits < MAX_DIGITS; i++) {
    if (!isDigit(run, i)) continue;
    const digit = run.charCodeAt(i) - ZERO;
    const doubled = digit > 4 ? 2 * digit - 9 : 2 * digit;
    const isEven = digits % 2;
    sums[0] = (sums[0] ?? 0) + (isEven ? doubled : digit);
    sums[1] = (sums[1] ?? 0) + (isEven ? digit : doubled);
    digits += 1;
    const isWhole = digits >= MIN_DIGITS && !isDigit(run, i + 1);
    if (isWhole && (sums[digits % 2 ? 0 : 1] ?? 1) % 10 === 0) end = i + 1;
  }
  return end;
}

const isDigit = (text: string, at: number): boolean => {
  const c = text.charCodeAt(at);
  return c >= ZERO && c <= ZERO + 9;
};
