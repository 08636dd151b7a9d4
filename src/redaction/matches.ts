/** A piece of a text, up to, and without, `end`. */
export interface Piece {
  readonly start: number;
  readonly end: number;
}

/**
 * Where a pattern is found, which is global and never matches nothing. Not with `matchAll`: that makes a pattern anew for each text, and a
 * result may have 100,000 short ones.
 */
export function matches(text: string, pattern: RegExp): Piece[] {
  const found: Piece[] = [];
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text))
    found.push({ start: match.index, end: pattern.lastIndex });
  return found;
}
