import { expect, test } from "vitest";
import { mapAtMost } from "../src/parallel.ts";

test.each([
  [0, 3, 0],
  [2, 3, 2],
  [10, 3, 3],
])("%i items, at most %i at once", async (count, limit, most) => {
  let [running, peak] = [0, 0];
  const items = Array.from({ length: count }, (_, i) => i);
  const results = await mapAtMost(items, limit, async (item) => {
    running += 1;
    peak = Math.max(peak, running);
    // The first ones take longest.
    for (let turn = item; turn < count; turn += 1) await null;
    running -= 1;
    return item * 2;
  });
  expect(results).toEqual(items.map((item) => item * 2));
  expect([running, peak]).toEqual([0, most]);
});
