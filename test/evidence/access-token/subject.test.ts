/** The principal of an access token's subject: two that differ never share a name, nor one with an agent or with strangers. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { tokenPrincipal } from "../../../src/evidence/access-token/subject.ts";
import { agentPrincipal } from "../../../src/evidence/caller.ts";
import { UNVERIFIED } from "../../../src/ledger/names.ts";

const text = fc.string({ unit: fc.constantFrom(":", "%", "3", "A", "2", "5", "a", "/", "oauth", "agent") });

test("issuer and subject can be told from it", () => {
  fc.assert(
    fc.property(text, text, text, text, (iss, sub, otherIss, otherSub) => {
      const isSame = iss === otherIss && sub === otherSub;
      const [one, other] = [tokenPrincipal({ iss, sub }), tokenPrincipal({ iss: otherIss, sub: otherSub })];
      expect(one === other).toBe(isSame);
    }),
    { numRuns: 2_000 },
  );
});

test("it is neither an agent's nor that of strangers", () => {
  fc.assert(
    fc.property(text, text, text, (iss, sub, name) => {
      const principal = tokenPrincipal({ iss, sub });
      expect([agentPrincipal({ name }), UNVERIFIED]).not.toContain(principal);
    }),
  );
  expect(tokenPrincipal({ iss: "https://auth.example", sub: UNVERIFIED })).toBe(
    "oauth:https://auth.example:unverified",
  );
});
