import { expect, test } from "vitest";
import { once } from "../src/once.ts";

test("what is made is made when it is first wanted, and kept", () => {
  let made = 0;
  const get = once(() => {
    made += 1;
    return { made };
  });
  expect(made).toBe(0);
  expect(get()).toBe(get());
  expect(made).toBe(1);
});

test("where it cannot be made, that is tried again", () => {
  const thing = {};
  let tries = 0;
  const get = once(() => {
    tries += 1;
    if (tries === 1) throw new Error("not yet");
    return thing;
  });
  expect(get).toThrow("not yet");
  expect(get()).toBe(thing);
});
