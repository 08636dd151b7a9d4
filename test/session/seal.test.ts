import { describe, expect, test } from "vitest";
import { toBase64url } from "../../src/encoding.ts";
import { MAX_SEALED_SESSION_LENGTH, MAX_SESSION_ID_LENGTH } from "../../src/limits.ts";
import { readSessionKeys, type SessionKeys } from "../../src/session/keys.ts";
import { openSession, type SessionOwner, sealSession } from "../../src/session/seal.ts";

const NOW = 1_772_064_000;
const OWNER: SessionOwner = { tenant: "acme", principal: "agent:ada", issuer: "https://issuer.example" };
const DAY = 24 * 3600;

async function keysOf(text: string): Promise<SessionKeys> {
  const keys = await readSessionKeys(text);
  if (keys === null) throw new Error("no session keys");
  return keys;
}
const secret = (byte: number): string => toBase64url(new Uint8Array(32).fill(byte));
const KEYS = await keysOf(`k1:${secret(1)}`);

async function sealed(id = "s-1", owner = OWNER, keys = KEYS): Promise<string> {
  const text = await sealSession(id, owner, keys, NOW);
  if (text === null) throw new Error("not sealed");
  return text;
}

async function open(text: string, { owner = OWNER, keys = KEYS, now = NOW, maxAge = DAY } = {}) {
  const opened = await openSession(text, owner, keys, maxAge, now);
  return opened.ok ? opened.value.id : opened.error;
}

describe("a sealed session id", () => {
  test.each(["s-1", "!~", '"\\"', "x".repeat(MAX_SESSION_ID_LENGTH), '"'.repeat(MAX_SESSION_ID_LENGTH)])(
    "opens for its owner: %#",
    async (id) => {
      const text = await sealed(id);
      expect(text).toMatch(/^[\x21-\x7e]+$/);
      expect(text.length).toBeLessThanOrEqual(MAX_SEALED_SESSION_LENGTH);
      expect(await open(text)).toBe(id);
    },
  );

  test("the longest there is, under the longest name of a key", async () => {
    const keys = await keysOf(`${"k".repeat(16)}:${secret(1)}`);
    const longest = '"'.repeat(MAX_SESSION_ID_LENGTH);
    expect(await open(await sealed(longest, OWNER, keys), { keys })).toBe(longest);
  });

  test("does not show the origin's id, and is another one each time", async () => {
    const [one, other] = [await sealed("session-of-ada"), await sealed("session-of-ada")];
    expect(one).not.toBe(other);
    expect(atob(one.slice(3).replaceAll("-", "+").replaceAll("_", "/"))).not.toContain("session-of-ada");
  });

  test.each<[string, Partial<SessionOwner>]>([
    ["another tenant", { tenant: "acme2" }],
    ["another principal", { principal: "agent:bob" }],
    ["another issuer", { issuer: "https://other.example" }],
    ["names that only join alike", { tenant: 'acme","agent:ada', principal: "" }],
  ])("is of no use to %s", async (_, changes) => {
    expect(await open(await sealed(), { owner: { ...OWNER, ...changes } })).toBe("session.unknown");
  });

  test("no character of it can be changed", async () => {
    const text = await sealed();
    for (let at = 0; at < text.length; at += 1) {
      const changed = text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
      expect(await open(changed)).toMatch(/^session\.(unknown|malformed)$/);
    }
  });

  test.each([
    "",
    "k1",
    "k1.",
    ".AAAA",
    "k1.AAAA",
    "k1.A===",
    "k1.AAAA.AAAA",
    " k1.AAAA",
    "k1.\u00e9",
    "0123456789abcdefg.AAAAAAAAAAAAAAAAAAAAAAAA",
    "x".repeat(10_240),
    `k1.${"A".repeat(10_240)}`,
  ])("what was never given out is malformed: %#", async (text) => {
    expect(await open(text)).toBe("session.malformed");
  });

  test("lives as long as the tenant lets it", async () => {
    const text = await sealed();
    expect(await open(text, { now: NOW + 60, maxAge: 60 })).toBe("s-1");
    expect(await open(text, { now: NOW + 61, maxAge: 60 })).toBe("session.expired");
    expect(await open(text, { now: NOW - 30 })).toBe("s-1");
    expect(await open(text, { now: NOW - 31 })).toBe("session.expired");
  });

  test("is opened by the key that sealed it, as long as that is among the keys", async () => {
    const text = await sealed();
    const during = await keysOf(`k2:${secret(2)},k1:${secret(1)}`);
    expect(await open(text, { keys: during })).toBe("s-1");
    const renewed = await sealed("s-2", OWNER, during);
    expect(renewed.startsWith("k2.")).toBe(true);
    const after = await keysOf(`k2:${secret(2)}`);
    expect(await open(renewed, { keys: after })).toBe("s-2");
    expect(await open(text, { keys: after })).toBe("session.unknown");
    // A retired name is no way to another key.
    expect(await open(text, { keys: await keysOf(`k1:${secret(3)}`) })).toBe("session.unknown");
  });

  test.each(["", " ", "a b", "caf\u00e9", "a\n", "x".repeat(MAX_SESSION_ID_LENGTH + 1)])(
    "nothing else is sealed than what a session id may be: %#",
    async (id) => {
      expect(await sealSession(id, OWNER, KEYS, NOW)).toBeNull();
    },
  );
});

describe("the secret SESSION_KEYS", () => {
  test.each<[string, string | undefined]>([
    ["absent", undefined],
    ["empty", ""],
    ["no id", secret(1)],
    ["a short key", `k1:${toBase64url(new Uint8Array(16))}`],
    ["a long key", `k1:${toBase64url(new Uint8Array(33))}`],
    ["padding", `k1:${secret(1)}=`],
    ["an id twice", `k1:${secret(1)},k1:${secret(2)}`],
    ["an id with other characters", `k.1:${secret(1)}`],
    ["one good and one bad", `k1:${secret(1)},k2:x`],
    ["an empty entry", `k1:${secret(1)},`],
  ])("%s: no keys at all", async (_, text) => {
    expect(await readSessionKeys(text)).toBeNull();
  });

  test("several, the first of which seals", async () => {
    const keys = await keysOf(`new:${secret(2)}, old:${secret(1)}`);
    expect(keys.sealing.id).toBe("new");
    expect([...keys.byId.keys()]).toEqual(["new", "old"]);
  });
});
