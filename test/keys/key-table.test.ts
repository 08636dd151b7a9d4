import { calculateJwkThumbprint, exportJWK, generateKeyPair } from "jose";
import { describe, expect, test } from "vitest";
import type { JsonObject, JsonValue } from "../../src/json/strict-json.ts";
import { jwksKeys } from "../../src/keys/key-table.ts";
import { MAX_REMOTE_KEYS } from "../../src/limits.ts";

const jwk = (await exportJWK(
  (
    await generateKeyPair("ES256", { extractable: true })
  ).publicKey,
)) as JsonObject;

const kids = async (set: JsonValue): Promise<readonly string[] | string> => {
  const read = await jwksKeys(set);
  return read.ok ? [...read.value.keys()] : read.error;
};

describe("a JWK set", () => {
  test("has its keys by kid, compared exactly", async () => {
    expect(
      await kids({
        keys: [
          { ...jwk, kid: "a" },
          { ...jwk, kid: "A" },
          { ...jwk, kid: "a " },
        ],
      }),
    ).toEqual(["a", "A", "a "]);
  });

  test("a key without a kid has its thumbprint for one", async () => {
    const thumbprint = await calculateJwkThumbprint(jwk);
    expect(await kids({ keys: [jwk] })).toEqual([thumbprint]);
    // And cannot be pushed aside by another one that takes that name.
    expect(await kids({ keys: [jwk, { ...jwk, x: "A".repeat(43), kid: thumbprint }] })).toEqual([]);
  });

  test("a kid that is there twice means no key", async () => {
    expect(
      await kids({
        keys: [
          { ...jwk, kid: "a" },
          { ...jwk, kid: "b" },
          { ...jwk, kid: "a" },
          { ...jwk, kid: "a" },
        ],
      }),
    ).toEqual(["b"]);
  });

  test("what is for something else is left out, and its kid is free", async () => {
    const keys = [
      { ...jwk, kid: "a", use: "enc" },
      { kty: "AKP", kid: "a" },
      { kid: "a" },
      { kty: "EC" },
      { ...jwk, kid: 7 },
      { ...jwk, kid: "a", use: "sig" },
    ];
    expect(await kids({ keys })).toEqual(["a"]);
  });

  test("a key named like a member of all objects is an ordinary key", async () => {
    expect(
      await kids({
        keys: [
          { ...jwk, kid: "__proto__" },
          { ...jwk, kid: "toString" },
        ],
      }),
    ).toEqual(["__proto__", "toString"]);
  });

  test.each(["d", "p", "q", "dp", "dq", "qi", "oth", "k"])(
    "the private member %s spoils all",
    async (member) => {
      expect(
        await kids({
          keys: [
            { ...jwk, kid: "a" },
            { kty: "oct", kid: "b", [member]: "AA" },
          ],
        }),
      ).toBe("private_key");
      expect(await kids({ keys: [{ ...jwk, kid: "a", [member]: null }] })).toBe("private_key");
    },
  );

  test("is bounded", async () => {
    const keys = Array.from({ length: MAX_REMOTE_KEYS }, (_, i) => ({ ...jwk, kid: `k${i}` }));
    expect(await kids({ keys })).toHaveLength(MAX_REMOTE_KEYS);
    expect(await kids({ keys: [...keys, { ...jwk, kid: "one more" }] })).toBe("too_many_keys");
  });

  test("keeps of a key what counts, and nothing else", async () => {
    const full = { ...jwk, kid: "a", alg: "ES256", use: "sig", key_ops: ["verify"], nbf: 1, exp: 2 };
    const read = await jwksKeys({ keys: [{ ...full, x5c: ["A".repeat(9000)], ext: true, more: [{}, {}] }] });
    expect(read).toEqual({ ok: true, value: new Map([["a", full]]) });
  });

  test.each<[string, JsonObject]>([
    ["revoked", { revoked: { revoked_at: 1 } }],
    ["revoked: null", { revoked: null }],
    ["exp as a text", { exp: "1" }],
    ["exp null", { exp: null }],
    ["exp with a fraction", { exp: 9e9 + 0.5 }],
    ["nbf as a date", { nbf: "2020-01-01T00:00:00Z" }],
    ["x as an object", { x: {} }],
    ["alg as a list", { alg: ["ES256"] }],
    ["use null", { use: null }],
    ["key_ops as a text", { key_ops: "verify" }],
    ["key_ops of objects", { key_ops: [{}] }],
    ["key_ops without end", { key_ops: Array(9000).fill("verify") }],
  ])("leaves out a key with %s", async (_name, changes) => {
    const other = { ...jwk, kid: "b" };
    expect(await kids({ keys: [{ ...jwk, kid: "a", ...changes }, other] })).toEqual(["b"]);
  });

  test("a kid that a revoked key has too means no key", async () => {
    const revoked = { ...jwk, kid: "a", revoked: true };
    expect(await kids({ keys: [revoked, { ...jwk, kid: "a" }] })).toEqual([]);
    expect(await kids({ keys: [{ ...jwk, kid: "a" }, revoked] })).toEqual([]);
  });

  test.each<[string, JsonValue]>([
    ["a list", []],
    ["a text", "keys"],
    ["null", null],
    ["no keys", {}],
    ["keys that are no list", { keys: {} }],
    ["a key that is no object", { keys: [jwk, "k"] }],
    ["a key that is a list", { keys: [[jwk]] }],
  ])("is refused: %s", async (_name, set) => {
    expect(await kids(set)).toBe("malformed");
  });

  test("without any key is a set without any key", async () => {
    expect(await kids({ keys: [] })).toEqual([]);
  });
});
