/** How large a value of a rule can be: what bounds the work that is done with it. */

export interface Size {
  /** Values in it, itself included, with a text counted as `textSteps` more. */
  readonly weight: number;
  /** Elements of the largest list or map in it. */
  readonly items: number;
  /** Characters of the longest text in it. */
  readonly chars: number;
}

/** Of a number, a time and the like. */
export const SMALL: Size = { weight: 1, items: 0, chars: 0 };

/** Engines compare and copy texts many characters in the time of one step. */
const CHARACTERS_PER_STEP = 16;

export const textSteps = (chars: number): number => Math.ceil(chars / CHARACTERS_PER_STEP);

export const sizeOfText = (chars: number): Size => ({ weight: 1 + textSteps(chars), items: 0, chars });

/** What is in a value all together, counted once for all that asks. */
export interface Measured extends Size {
  /** Values in it, itself and names included; texts count for one. */
  readonly values: number;
  /** `textSteps` of all names in it. */
  readonly names: number;
}

/** @param value JSON, nested no deeper than strict JSON is */
export function sizeOf(value: unknown): Measured {
  const measured = { weight: 0, items: 0, chars: 0, values: 0, names: 0 };
  measure(value, measured);
  return measured;
}

/** Every call with a rule or schema goes through here before anything is bounded: nothing is made on the way. */
function measure(value: unknown, to: { -readonly [K in keyof Measured]: Measured[K] }): void {
  to.weight += 1;
  to.values += 1;
  if (typeof value === "string") {
    to.weight += textSteps(value.length);
    to.chars = Math.max(to.chars, value.length);
    return;
  }
  if (typeof value !== "object" || value === null) return;
  let count = 0;
  if (Array.isArray(value)) {
    count = value.length;
    for (const item of value) measure(item, to);
  } else {
    for (const name in value) {
      count += 1;
      measure(name, to);
      to.names += textSteps(name.length);
      measure((value as Readonly<Record<string, unknown>>)[name], to);
    }
  }
  to.items = Math.max(to.items, count);
}

/** Large enough for either of two values. */
export const either = (a: Size, b: Size): Size => ({
  weight: Math.max(a.weight, b.weight),
  items: Math.max(a.items, b.items),
  chars: Math.max(a.chars, b.chars),
});

/** Large enough for two values that are put together. */
export const joined = (a: Size, b: Size): Size => ({
  weight: a.weight + b.weight,
  items: a.items + b.items,
  chars: a.chars + b.chars,
});
