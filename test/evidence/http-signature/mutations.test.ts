/** Each thing that is signed, changed by itself. */

import { describe, expect, test } from "vitest";
import { AGENT_COMPONENTS, outcome, pocContext, pocSigning, request, sign, verify } from "./helpers.ts";

describe("mutations: nothing verifies", () => {
  const profiles = [
    {
      name: "agent",
      signing: {},
      context: async () => ({}),
      required: ["created", "expires", "nonce", "keyid", "wimse-aud"],
    },
    {
      name: "poc",
      signing: pocSigning(),
      context: pocContext,
      required: ["created", "keyid", "alg", "wimse-aud"],
    },
  ];

  test.each(profiles)("$name: the original does", async ({ signing, context }) => {
    const message = await request();
    expect(outcome(await verify(message, await sign(message, signing), await context()))).toBe("ok");
  });

  test.each(profiles)(
    "$name: a component dropped, before and after signing",
    async ({ signing, context }) => {
      const message = await request();
      const signed = await sign(message, signing);
      const components =
        "components" in signing && signing.components ? signing.components : AGENT_COMPONENTS;
      for (const dropped of components) {
        const fewer = components.filter((name) => name !== dropped);
        const weaker = await sign(message, { ...signing, components: fewer });
        expect(outcome(await verify(message, weaker, await context())), dropped).toBe("signature.coverage");
        const cut = { ...signed, signatureInput: weaker.signatureInput };
        expect(outcome(await verify(message, cut, await context())), dropped).not.toBe("ok");
      }
    },
  );

  test.each(profiles)("$name: a required parameter dropped", async ({ signing, context, required }) => {
    const message = await request();
    for (const name of required) {
      const before = "parameters" in signing ? signing.parameters : {};
      const signed = await sign(message, { ...signing, parameters: { ...before, [name]: undefined } });
      const expected = name === "keyid" ? "signature.key_unknown" : "signature.parameters";
      expect(outcome(await verify(message, signed, await context())), name).toBe(expected);
    }
  });

  test.each(profiles)(
    "$name: every character of every covered value flipped",
    async ({ signing, context }) => {
      const message = await request();
      const signed = await sign(message, signing);
      const changes = await context();
      const flips = (text: string) =>
        [...text].map((c, i) => text.slice(0, i) + (c === "x" ? "y" : "x") + text.slice(i + 1));
      const covered = "components" in signing && signing.components ? signing.components : AGENT_COMPONENTS;
      const mutants = [
        ...flips(message.method).map((method) => ({ ...message, method })),
        ...flips(message.targetUri).map((targetUri) => ({ ...message, targetUri })),
        ...covered.flatMap((name) =>
          flips(message.headers.get(name) ?? "").map((value) => ({
            ...message,
            headers: new Map(message.headers).set(name, value),
          })),
        ),
      ];
      expect(mutants.length).toBeGreaterThan(80);
      for (const mutant of mutants) expect(outcome(await verify(mutant, signed, changes))).not.toBe("ok");
    },
  );

  test.each(profiles)(
    "$name: every character of Signature-Input and bit of Signature flipped",
    async ({ signing, context }) => {
      const message = await request();
      const signed = await sign(message, signing);
      const changes = await context();
      const text = signed.signatureInput;
      // The label at the front is not signed.
      for (let i = "sig=".length; i < text.length; i++) {
        for (const c of ["0", "x", ";", '"']) {
          if (text[i] === c) continue;
          const signatureInput = text.slice(0, i) + c + text.slice(i + 1);
          expect(
            outcome(await verify(message, { ...signed, signatureInput }, changes)),
            signatureInput,
          ).not.toBe("ok");
        }
      }
      const bytes = Uint8Array.from(atob(signed.signature.slice(5, -1)), (c) => c.charCodeAt(0));
      for (let i = 0; i < bytes.length * 8; i += 7) {
        const flipped = bytes.map((byte, at) => (at === i >> 3 ? byte ^ (1 << (i & 7)) : byte));
        const signature = `sig=:${btoa(String.fromCharCode(...flipped))}:`;
        expect(outcome(await verify(message, { ...signed, signature }, changes))).toBe("signature.mismatch");
      }
    },
  );
});
