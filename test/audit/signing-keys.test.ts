import { compactVerify, exportJWK, generateKeyPair, importJWK } from "jose";
import { expect, test, vi } from "vitest";
import { readSigningKeys, signStatement } from "../../src/audit/signing-keys.ts";
import { type StatementKeys, statementKeys } from "../../src/audit/statement.ts";
import type { JsonObject, JsonValue } from "../../src/json/strict-json.ts";
import { MAX_SIGNING_KEYS } from "../../src/limits.ts";

type Alg = "ES256" | "EdDSA" | "RS256" | "ES384";

async function keyPair(alg: Alg, kid: string): Promise<JsonObject> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  return { ...((await exportJWK(privateKey)) as JsonObject), kid };
}

const PRIVATE = ["d", "p", "q", "dp", "dq", "qi"];
const publicOf = (jwk: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(jwk).filter(([name]) => !PRIVATE.includes(name)));

const es256 = await keyPair("ES256", "es-1");
const other = await keyPair("ES256", "es-2");
const edDsa = await keyPair("EdDSA", "ed-1");

const setOf = (...keys: readonly JsonValue[]): string => JSON.stringify({ keys });

async function read(text: string | undefined) {
  const logged = vi.spyOn(console, "error").mockReturnValue();
  // What was read last is remembered, also from one test file to the next.
  await readSigningKeys(`not ${text}`);
  logged.mockClear();
  const keys = await readSigningKeys(text);
  // A malformed secret is the operator's to mend, and nothing of it may get into a log.
  expect(logged.mock.calls).toEqual(
    keys === null && text !== undefined ? [['{"event":"signing_keys.malformed"}']] : [],
  );
  logged.mockRestore();
  return keys;
}

test("an absent secret is none", async () => {
  expect(await read(undefined)).toBeNull();
});

const rsa = await keyPair("RS256", "rsa-1");
const p384 = await keyPair("ES384", "p384-1");
const copy = { ...other, kid: "es-1" };

test.each<[string, string]>([
  ["nothing", ""],
  ["no JSON", "keys"],
  ["an array", `[${JSON.stringify(es256)}]`],
  ["a key that is no set", JSON.stringify(es256)],
  ["keys that are an object", JSON.stringify({ keys: { 0: es256 } })],
  ["no key", setOf()],
  ["a key that is null", setOf(es256, null)],
  ["a key that is a text", setOf(JSON.stringify(es256))],
  ["two sets in one text", `{"keys":[],"keys":[${JSON.stringify(es256)}]}`],
  ["a public key first", setOf(publicOf(es256), other)],
  ["halves of two ES256 keys", setOf({ ...publicOf(es256), d: other.d ?? "" })],
  [
    "a private half that belongs to another, further back",
    setOf(es256, { ...publicOf(edDsa), d: es256.d ?? "" }),
  ],
  ["a private half that is no text", setOf({ ...publicOf(es256), d: 7 })],
  ["a private half that is null", setOf({ ...publicOf(es256), d: null })],
  ["one kid for two keys", setOf(es256, copy)],
  ["one kid, the second public", setOf(es256, publicOf(copy))],
  ["one key twice", setOf(es256, es256)],
  ["an RSA key first", setOf(rsa)],
  ["an RSA key further back", setOf(es256, publicOf(rsa))],
  ["a P-384 key", setOf(es256, p384)],
  ["a shared secret", setOf(es256, { kty: "oct", k: "A".repeat(43), kid: "hs" })],
  ["a key for another algorithm", setOf({ ...es256, alg: "HS256" })],
  ["a key for encryption", setOf({ ...es256, use: "enc" })],
  ["a kid with a space", setOf({ ...es256, kid: "a b" })],
  [
    "too many keys",
    setOf(...Array.from({ length: MAX_SIGNING_KEYS + 1 }, (_, i) => ({ ...es256, kid: `k${i}` }))),
  ],
])("malformed: %s", async (_, text) => {
  expect(await read(text)).toBeNull();
});

test("halves of two Ed25519 keys, which import together", async () => {
  const second = await keyPair("EdDSA", "ed-2");
  expect(await read(setOf({ ...publicOf(edDsa), d: second.d ?? "" }))).toBeNull();
});

test("the first key signs; the kid of one that has none is its thumbprint", async () => {
  const { kid: _, ...nameless } = edDsa;
  const keys = await read(setOf(nameless, es256));
  expect(keys?.signing.public).toMatchObject({ alg: "EdDSA" });
  expect(keys?.signing.public.kid).toBe(keys?.signing.public.thumbprint);
  expect(keys?.published.keys[0]).toMatchObject({ kid: keys?.signing.public.thumbprint });
  // Execution records know no Ed25519.
  expect(keys?.es256?.public.kid).toBe("es-1");
});

test("execution records have a key only where there is one for ES256 that can sign", async () => {
  expect((await read(setOf(edDsa)))?.es256).toBeNull();
  expect((await read(setOf(edDsa, publicOf(es256))))?.es256).toBeNull();
  expect((await read(setOf(edDsa, publicOf(es256), other)))?.es256?.public.kid).toBe("es-2");
});

test("no private member is ever published", async () => {
  const keys = await read(setOf({ ...es256, key_ops: ["sign"], ext: true }, edDsa, publicOf(other)));
  const published = JSON.stringify(keys?.published);
  for (const { d } of [es256, edDsa, other]) expect(published).not.toContain(d);
  for (const jwk of keys?.published.keys ?? [])
    for (const name of [...PRIVATE, "oth", "k", "key_ops"]) expect(Object.hasOwn(jwk, name)).toBe(false);
  expect(keys?.published.keys).toEqual([
    expect.objectContaining({ kid: "es-1", alg: "ES256", use: "sig" }),
    expect.objectContaining({ kid: "ed-1", alg: "EdDSA", use: "sig" }),
    expect.objectContaining({ kid: "es-2", alg: "ES256", use: "sig" }),
  ]);
  const verifying = await statementKeys(JSON.parse(published));
  const thumbprints = (known: StatementKeys | null | undefined) =>
    [...(known ?? [])].map(([kid, { alg, thumbprint }]) => [kid, alg, thumbprint]);
  expect(thumbprints(keys?.verifying)).toEqual(thumbprints(verifying));
  expect(keys?.verifying.size).toBe(3);
});

test("rotation: the new key signs, and what the older one signed verifies with what is published", async () => {
  const before = await read(setOf(es256));
  const after = await read(setOf(edDsa, es256));
  if (before === null || after === null) throw new Error("good keys");
  const statements = [
    [await signStatement(before.signing, "t", { n: 1 }), "es-1"],
    [await signStatement(after.signing, "t", { n: 2 }), "ed-1"],
  ] as const;
  for (const [jws, kid] of statements) {
    const jwk = after.published.keys.find((one) => one.kid === kid) ?? {};
    const { protectedHeader } = await compactVerify(jws, await importJWK(jwk));
    expect(protectedHeader).toEqual({ alg: kid === "es-1" ? "ES256" : "EdDSA", kid, typ: "t" });
  }
  // Once its private half is destroyed, the older one is still published.
  const later = await read(setOf(edDsa, publicOf(es256)));
  expect(later?.published).toEqual(after.published);
});
