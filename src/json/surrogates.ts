const BACKSLASH = 0x5c;

/** Whole pairs of escaped surrogates, some at a time, or the beginning of a half. */
const PAIRS_OR_HALF =
  /(?:\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}){1,1000}|\\u[dD][89a-fA-F]/g;

/** Of what it finds: the length of a half. */
const HALF = "\\ud8".length;

/**
 * Whether a string or name in a JSON text has half a surrogate pair, raw or escaped. A pair that is half raw and half
 * escaped counts as two halves: the raw one cannot have come from UTF-8.
 *
 * @param text must be JSON (RFC 8259)
 */
export const hasLoneSurrogate = (text: string): boolean =>
  !text.isWellFormed() || (text.includes("\\") && hasLoneEscape(text));

function hasLoneEscape(text: string): boolean {
  const surrogates = new RegExp(PAIRS_OR_HALF);
  for (let match = surrogates.exec(text); match !== null; match = surrogates.exec(text)) {
    if (!isEscape(text, match.index)) surrogates.lastIndex = match.index + 1;
    else if (match[0].length === HALF) return true;
  }
  return false;
}

/** Whether a backslash begins an escape: behind an odd number of backslashes it is what they escape. */
function isEscape(text: string, at: number): boolean {
  let run = at;
  while (text.charCodeAt(run - 1) === BACKSLASH) run--;
  return (at - run) % 2 === 0;
}
