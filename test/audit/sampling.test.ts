import { expect, test } from "vitest";
import { sampleUnverified } from "../../src/audit/sampling.ts";
import { MAX_UNVERIFIED_PER_WINDOW, UNVERIFIED_WINDOW_MS } from "../../src/limits.ts";

const START = 2_000_000_000_000;

const flood = (tenant: string, count: number, now: number): number =>
  Array.from({ length: count }, () => sampleUnverified(tenant, now)).filter((sample) => sample !== null)
    .length;

test("so many denials of strangers are written per tenant and window", () => {
  expect(flood("a", 3 * MAX_UNVERIFIED_PER_WINDOW, START)).toBe(MAX_UNVERIFIED_PER_WINDOW);
  expect(flood("a", 10, START + UNVERIFIED_WINDOW_MS - 1)).toBe(0);
  expect(flood("a", 10, START + UNVERIFIED_WINDOW_MS)).toBe(10);
});

test("a flood at one tenant costs no other its records", () => {
  flood("b", 3 * MAX_UNVERIFIED_PER_WINDOW, START);
  expect(flood("c", MAX_UNVERIFIED_PER_WINDOW, START)).toBe(MAX_UNVERIFIED_PER_WINDOW);
});

test("what is left out is counted by the next one that is written", () => {
  flood("d", MAX_UNVERIFIED_PER_WINDOW + 7, START);
  expect(sampleUnverified("d", START + UNVERIFIED_WINDOW_MS)).toEqual({ count: 7 });
  expect(sampleUnverified("d", START + UNVERIFIED_WINDOW_MS)).toEqual({ count: null });
});
