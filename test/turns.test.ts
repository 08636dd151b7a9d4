import { expect, test } from "vitest";
import { shared, turns } from "../src/turns.ts";

const later = () => new Promise<void>((resolve) => setTimeout(resolve, 1));

test("one after the other, in order, and one that fails does not keep the next from its turn", async () => {
  const inTurn = turns();
  const seen: string[] = [];
  const work = (name: string, fails = false) =>
    inTurn(async () => {
      seen.push(`${name} begins`);
      await later();
      seen.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    });
  const results = await Promise.allSettled([work("a"), work("b", true), work("c")]);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(seen).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
});

test("shared work is done once more for all that come while it is done, and begins after they have come", async () => {
  let [under, most, count] = [0, 0, 0];
  const work = shared(async () => {
    under += 1;
    most = Math.max(most, under);
    await later();
    under -= 1;
    count += 1;
    return count;
  });
  const first = work();
  await Promise.resolve();
  const rest = [work(), work(), work()];
  expect([await first, ...(await Promise.all(rest))]).toEqual([1, 2, 2, 2]);
  expect(await work()).toBe(3);
  expect(most).toBe(1);
});

test("shared work that fails fails for those who waited for it, not for the next", async () => {
  let count = 0;
  const work = shared(async () => {
    count += 1;
    await later();
    if (count === 2) throw new Error("second");
    return count;
  });
  const first = work();
  await Promise.resolve();
  const results = await Promise.allSettled([first, work(), work()]);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
  expect(await work()).toBe(3);
});
