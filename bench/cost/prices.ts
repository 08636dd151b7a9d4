/** List prices beyond the included amounts, in US dollars for a million of each [workers, durable-objects, d1 and kv, platform/pricing]. */

export const PRICES = {
  workerRequest: 0.3,
  /** Milliseconds. */
  cpu: 0.02,
  /** An alarm is one too. */
  objectRequest: 0.15,
  objectRow: 1,
  /** Memory of an object, for a gigabyte and second. */
  objectMemory: 12.5,
  databaseRow: 1,
  kvRead: 0.5,
};

/** How many of each; of what is not named, none. */
export type Use = Readonly<Partial<Record<keyof typeof PRICES, number>>>;

/** Of a million times this use. */
export const dollars = (use: Use): number =>
  (Object.keys(PRICES) as (keyof Use)[]).reduce((sum, what) => sum + PRICES[what] * (use[what] ?? 0), 0);
