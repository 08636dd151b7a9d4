/** Keys of an authorization server that come and go: its JWK set, behind a binding. */

import { describe, expect, test, vi } from "vitest";
import { keyFinder } from "../../../src/keys/find.ts";
import { KEYS_COOL_DOWN_MS, KEYS_FRESH_MS, KEYS_STALE_MS } from "../../../src/limits.ts";
import { NOW } from "../../support/acme.ts";
import { signer } from "../../support/tokens.ts";
import { AS, accessToken, judgeBound, server, tenantTaking } from "./helpers.ts";

const next = await signer("ES256", "as-next");
let documents = 0;

/** A tenant whose issuer publishes keys, and the page that they are on. */
async function publishing() {
  const url = `https://auth.example/jwks-${++documents}`;
  const by = await tenantTaking({
    issuers: [{ iss: AS, keySources: [{ type: "jwks", url, binding: "KEYS" }] }],
  });
  const page = { keys: [server.jwk], isDown: false, asked: 0 };
  const fetch = async () => {
    page.asked++;
    if (page.isDown) throw new Error("down");
    return Response.json({ keys: page.keys });
  };
  const time = { now: NOW * 1000 };
  const keys = keyFinder({ KEYS: { fetch } } as unknown as Env, () => time.now);
  return { page, time, judged: async (token: string) => judgeBound(token, { by, keys }) };
}

describe("rotation", () => {
  test("a new key is looked for, at most once in a cool-down; an old one goes", async () => {
    const { page, time, judged } = await publishing();
    const [old, fresh] = [await accessToken(), await accessToken({}, next)];
    expect(await judged(old)).toBe("ok");
    page.keys = [server.jwk, next.jwk];
    for (let i = 0; i < 5; i++) expect(await judged(fresh)).toBe("token.key_unknown");
    expect(page.asked).toBe(1);
    time.now += KEYS_COOL_DOWN_MS;
    expect(await judged(fresh)).toBe("ok");
    expect(await judged(old)).toBe("ok");
    page.keys = [next.jwk];
    time.now += KEYS_FRESH_MS;
    expect(await judged(fresh)).toBe("ok");
    expect(await judged(old)).toBe("token.key_unknown");
  });

  test("known keys serve through an outage, for a time; unknown ones are not invented", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const { page, time, judged } = await publishing();
    const old = await accessToken();
    expect(await judged(old)).toBe("ok");
    page.isDown = true;
    time.now += KEYS_STALE_MS - 1;
    expect(await judged(old)).toBe("ok");
    time.now += 1;
    expect(await judged(old)).toBe("keys.unavailable");
    vi.restoreAllMocks();
  });

  test.each<[string, Record<string, unknown>]>([
    ["an agent's key", {}],
    ["a private key beside it", { d: "AAAA" }],
    ["a key for encryption", { use: "enc" }],
    ["a key for another algorithm", { alg: "ES384" }],
  ])("is no way in for %s", async (what, more) => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const { page, judged } = await publishing();
    const { ada } = await import("../../support/acme.ts");
    const by = what === "an agent's key" ? ada : next;
    page.keys = [{ ...by.jwk, ...more }];
    const wanted = "d" in more ? "keys.unavailable" : "token.key_unknown";
    expect(await judged(await accessToken({}, by))).toBe(wanted);
    vi.restoreAllMocks();
  });
});
