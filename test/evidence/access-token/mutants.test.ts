/** A token and its proof, of which one character is changed, missing or more: no such pair is taken, whatever the place. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { accessToken, judge, outcome, proof } from "./helpers.ts";

const token = await accessToken();
const headers = { authorization: `DPoP ${token}`, dpop: await proof(token) };

const PRINTABLE = fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code));
const change = fc.record({
  header: fc.constantFrom("authorization" as const, "dpop" as const),
  at: fc.nat({ max: 2_000 }),
  character: fc.oneof(PRINTABLE, fc.constantFrom("", ".", "=", ",", "\u00e9")),
  replaces: fc.boolean(),
});

test("is taken as it is", async () => {
  expect(outcome(await judge(headers))).toBe("ok");
});

test("is not taken when it is changed", async () => {
  await fc.assert(
    fc.asyncProperty(change, async ({ header, at, character, replaces }) => {
      const text = headers[header];
      const place = at % (text.length + 1);
      const changed = text.slice(0, place) + character + text.slice(place + (replaces ? 1 : 0));
      // The scheme has no case, and may have more than one space behind it.
      const isSame = changed.replace(/^dpop +/i, "DPoP ") === text;
      const judged = outcome(await judge({ ...headers, [header]: changed }));
      expect(judged === "ok").toBe(isSame);
    }),
    { numRuns: 1_500 },
  );
});
