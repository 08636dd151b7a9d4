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

/** @param value JSON, nested no deeper than strict JSON is */
export function sizeOf(value: unknown): Size & { /** Texts count for one. */ readonly values: number } {
  if (typeof value === "string") return { ...sizeOfText(value.length), values: 1 };
  if (typeof value !== "object" || value === null) return { ...SMALL, values: 1 };
  let [weight, items, chars, values] = [1, 0, 0, 1];
  const add = (size: ReturnType<typeof sizeOf>): void => {
    values += size.values;
    weight += size.weight;
    items = Math.max(items, size.items);
    chars = Math.max(chars, size.chars);
  };
  let count = 0;
  for (const [name, member] of Object.entries(value)) {
    if (!Array.isArray(value)) add(sizeOf(name));
    add(sizeOf(member));
    count += 1;
  }
  return { weight, items: Math.max(items, count), chars, values };
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
