/** What is made of figures that were taken several times. */

/** null, where it may be, stands for nothing known. */
export interface Spread {
  readonly median: number;
  /** The quartiles. */
  readonly low: number;
  readonly high: number;
}

export function spreadOf(values: readonly (number | null)[]): Spread | null {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return null;
  return { median: quantile(known, 0.5), low: quantile(known, 0.25), high: quantile(known, 0.75) };
}

/** The value below which so much of all is, between two of them where none is there; NaN of none. @param share 0 to 1 */
export function quantile(values: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(values).sort();
  const place = (sorted.length - 1) * share;
  const [low = Number.NaN, high = low] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  return low + (high - low) * (place - Math.floor(place));
}

/** The median, and behind it the quartiles. @param digits behind the point */
export function showSpread(spread: Spread | null, digits = 0): string {
  if (spread === null) return "-";
  const [median, low, high] = [spread.median, spread.low, spread.high].map((value) => value.toFixed(digits));
  return `${median} (${low}-${high})`;
}
