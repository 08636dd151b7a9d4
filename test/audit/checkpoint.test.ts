import { exportJWK, generateKeyPair } from "jose";
import { describe, expect, test } from "vitest";
import {
  byChain,
  CHECKPOINT_TYPE,
  type CheckpointClaims,
  type Head,
  leafOf,
  linkTo,
  readCheckpoint,
  rootOf,
  verifyCheckpoint,
} from "../../src/audit/checkpoint.ts";
import { merklePath, rootFromPath } from "../../src/audit/merkle.ts";
import { GENESIS } from "../../src/audit/record.ts";
import { readSigningKeys, type SigningKeys, signStatement } from "../../src/audit/signing-keys.ts";
import { type StatementKeys, statementKeys } from "../../src/audit/statement.ts";
import { sha256, toBase64url, utf8 } from "../../src/encoding.ts";
import type { JsonValue } from "../../src/json/strict-json.ts";
import { MAX_CHAINS, MAX_CHECKPOINT_BYTES } from "../../src/limits.ts";

const HASH = toBase64url(new Uint8Array(32).fill(7));

const CLAIMS: CheckpointClaims = {
  iss: "https://gateway.example/acme/mcp",
  tenant: "acme",
  number: 2,
  time: 2_000_000_000_000,
  root: HASH,
  size: 3,
  prev: HASH,
  faults: [
    { chain: "a", fault: "lost" },
    { chain: "b", fault: "unreachable" },
    { chain: "c", fault: "forked" },
  ],
  retained: 1,
};

async function keysOf(...algorithms: readonly ("ES256" | "EdDSA")[]): Promise<SigningKeys> {
  const keys = await Promise.all(
    algorithms.map(async (alg, i) => {
      const { privateKey } = await generateKeyPair(alg, { extractable: true });
      return { ...(await exportJWK(privateKey)), kid: `key-${i}` };
    }),
  );
  const read = await readSigningKeys(JSON.stringify({ keys }));
  if (read === null) throw new Error("no keys");
  return read;
}

async function published(keys: SigningKeys): Promise<StatementKeys> {
  const read = await statementKeys(keys.published as unknown as JsonValue);
  if (read === null) throw new Error("not fit to be published");
  return read;
}

const keys = await keysOf("ES256", "EdDSA");
const known = await published(keys);
const sign = (claims: object, by = keys, typ = CHECKPOINT_TYPE) => signStatement(by.signing, typ, claims);
const faultOf = async (jws: string, by = known) => {
  const verified = await verifyCheckpoint(jws, by);
  return verified.ok ? null : verified.error;
};

describe("a checkpoint", () => {
  test.each(["ES256", "EdDSA"] as const)("of %s is read as it was signed", async (alg) => {
    const own = await keysOf(alg);
    const jws = await sign(CLAIMS, own);
    expect(await verifyCheckpoint(jws, await published(own))).toEqual({ ok: true, value: CLAIMS });
    expect(readCheckpoint(jws)).toEqual({ ok: true, value: CLAIMS });
  });

  test("of an earlier key is still one of ours", async () => {
    const first = await keysOf("ES256");
    const set = {
      keys: [...keys.published.keys, ...first.published.keys.map((jwk) => ({ ...jwk, kid: "old" }))],
    };
    const jws = await signStatement(
      { ...first.signing, public: { ...first.signing.public, kid: "old" } },
      CHECKPOINT_TYPE,
      CLAIMS,
    );
    const both = (await statementKeys(set as unknown as JsonValue)) as StatementKeys;
    expect(await faultOf(jws, both)).toBeNull();
    expect(await faultOf(jws)).toBe("key_unknown");
  });

  test("with every chain of a tenant at fault can be read", async () => {
    const faults = Array.from({ length: MAX_CHAINS }, (_, i) => ({
      chain: i.toString().padStart(22, "A"),
      fault: "unreachable" as const,
    }));
    const jws = await sign({ ...CLAIMS, faults });
    expect(jws.length).toBeLessThan(MAX_CHECKPOINT_BYTES);
    // With its heads it is one row of D1.
    const heads = faults.map(({ chain }) => ({
      chain,
      seq: 2 ** 40,
      hash: HASH,
      start: 2 ** 40,
      start_prev: HASH,
    }));
    expect(jws.length + JSON.stringify(heads).length).toBeLessThan(2_000_000);
    expect(await faultOf(jws)).toBeNull();
  });
});

describe("is not taken:", () => {
  const header = (jws: string, changes: object) => {
    const [own = "", ...rest] = jws.split(".");
    const changed = { ...JSON.parse(atob(own.replaceAll("-", "+").replaceAll("_", "/"))), ...changes };
    return [toBase64url(utf8(JSON.stringify(changed))), ...rest].join(".");
  };

  test.each<[string, object, string]>([
    ["another algorithm than the key's", { alg: "EdDSA" }, "alg"],
    ["no signature at all", { alg: "none" }, "alg"],
    ["no kid", { kid: undefined }, "key_unknown"],
    ["the kid of another key", { kid: "key-1" }, "alg"],
    ["a changed header", { more: 1 }, "signature"],
    ["an extension", { crit: ["b64"], b64: false }, "signature"],
  ])("%s", async (_, changes, fault) => {
    expect(await faultOf(header(await sign(CLAIMS), changes))).toBe(fault);
  });

  test.each(["countersign-receipt+jwt", "JWT", "", "Countersign-Checkpoint+JWT"])(
    "another type: %j",
    async (typ) => {
      expect(await faultOf(await sign(CLAIMS, keys, typ))).toBe("type");
    },
  );

  test("a changed payload, a cut signature, somebody else's under our kid", async () => {
    const jws = await sign(CLAIMS);
    const [head, , signature] = jws.split(".");
    const other = toBase64url(utf8(JSON.stringify({ ...CLAIMS, size: 2 })));
    expect(await faultOf(`${head}.${other}.${signature}`)).toBe("signature");
    expect(await faultOf(jws.slice(0, -2))).toBe("signature");
    expect(await faultOf(await sign(CLAIMS, await keysOf("ES256")))).toBe("signature");
  });

  test.each<[string, object]>([
    ["no number", { number: undefined }],
    ["number 0", { number: 0, prev: null }],
    ["a fraction", { size: 1.5 }],
    ["a text for a number", { time: "2000" }],
    ["a root that is no hash", { root: "x" }],
    ["a root with padding", { root: `${HASH.slice(0, -1)}=` }],
    ["a second without a link", { prev: null }],
    ["no word about the one before", { prev: undefined }],
    ["a first with a link", { number: 1 }],
    ["a fault without a name", { faults: [{ chain: "a", fault: "tired" }] }],
    ["a fault of no chain", { faults: [{ fault: "lost" }] }],
    ["faults that are no list", { faults: {} }],
    ["heads that are kept from a later one on", { retained: 3 }],
    ["no word about what is kept", { retained: undefined }],
    ["no issuer", { iss: undefined }],
    ["no tenant", { tenant: null }],
  ])("a claim that no checkpoint has: %s", async (_, changes) => {
    const jws = await sign({ ...CLAIMS, ...changes });
    expect([await faultOf(jws), readCheckpoint(jws).ok]).toEqual(["malformed", false]);
  });

  test.each(["", ".", "..", "a.b.c", "e30.e30.", "x".repeat(MAX_CHECKPOINT_BYTES + 1)])("no JWS", (text) => {
    expect(readCheckpoint(text).ok).toBe(false);
  });
});

describe("published keys are not taken", () => {
  const [jwk] = keys.published.keys as [JsonValue & object];
  test.each<[string, JsonValue | undefined]>([
    ["nothing", undefined],
    ["a list", [jwk]],
    ["an object that is no set", { jwk }],
    ["two of one kid", { keys: [jwk, jwk] }],
    ["a private one", { keys: [{ ...jwk, d: HASH }] }],
    ["a key for something else", { keys: [{ ...jwk, use: "enc" }] }],
    ["no key among them", { keys: [null] }],
    ["too many", { keys: Array.from({ length: 65 }, (_, i) => ({ ...jwk, kid: `${i}` })) }],
  ])("%s", async (_, set) => {
    expect(await statementKeys(set)).toBeNull();
  });
});

describe("heads", () => {
  const head = (chain: string, seq: number): Head => ({
    chain,
    seq,
    hash: HASH,
    start: 1,
    start_prev: GENESIS,
  });
  const heads = [head("b", 3), head("a", 9), head("_", 1), head("Z", 4), head("-", 0)].sort(byChain);

  test("are sorted by code units, whatever the language", () => {
    expect(heads.map(({ chain }) => chain)).toEqual(["-", "Z", "_", "a", "b"]);
  });

  test("are leaves whose order of members does not matter, and every member does", async () => {
    const of = (one: Head) => toBase64url(leafOf(one));
    const { chain, ...rest } = head("a", 9);
    expect(of({ ...rest, chain })).toBe(of(head("a", 9)));
    const changes: Partial<Head>[] = [
      { chain: "b" },
      { seq: 8 },
      { hash: GENESIS },
      { start: 2 },
      { start_prev: HASH },
    ];
    for (const change of changes) expect(of({ ...head("a", 9), ...change })).not.toBe(of(head("a", 9)));
    expect(new TextDecoder().decode(leafOf(head("a", 9)))).toBe(
      `countersign-head-v1\n{"chain":"a","hash":"${HASH}","seq":9,"start":1,"start_prev":"${GENESIS}"}`,
    );
  });

  test("are proven in the root that a checkpoint signs", async () => {
    const leaves = heads.map(leafOf);
    for (const [index, leaf] of leaves.entries()) {
      const root = await rootFromPath(leaf, index, heads.length, await merklePath(leaves, index));
      expect(root && toBase64url(root)).toBe(await rootOf(heads));
    }
  });

  test("that there are none of have a root", async () => {
    expect(await rootOf([])).toBe(toBase64url(await sha256(new Uint8Array())));
  });
});

test("a link is over the JWS as it is published", async () => {
  expect(await linkTo("a.b.c")).toBe(toBase64url(await sha256(utf8("a.b.c"))));
});
