/** Chance that is the same for the same seed. */

/** A number from 0 up to, and without, 1. */
export type Random = () => number;

/** Mulberry32. */
export function randomOf(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Chance of its own for each name: what one does changes nothing for another. FNV-1a. */
export function randomFor(name: string, seed: number): Random {
  let hash = 0x811c9dc5 ^ seed;
  for (let i = 0; i < name.length; i += 1) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return randomOf(hash);
}

/** Time to the next arrival where nobody knows of the others (a Poisson process). In the unit of `mean`. */
export const exponential = (random: Random, mean: number): number => -Math.log(1 - random()) * mean;

/** Shares of so many, the n-th of which has `1 / n ** exponent` of what the first has. They add up to 1. */
export function zipf(count: number, exponent: number): number[] {
  const weights = Array.from({ length: count }, (_, i) => 1 / (i + 1) ** exponent);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
