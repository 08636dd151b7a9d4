import { calculateJwkThumbprint, exportJWK } from "jose";
import { describe, expect, test, vi } from "vitest";
import type { KeyAlgorithm } from "../../src/keys/key.ts";
import { readAnchor } from "../../src/keys/x509/anchor.ts";
import { certifiedKey } from "../../src/keys/x509/find.ts";
import { x5cOf } from "../../src/keys/x509/header.ts";
import type { SubjectName } from "../../src/keys/x509/source.ts";
import { MAX_CHAIN_LENGTH } from "../../src/limits.ts";
import {
  FROM,
  hostName,
  type Issued,
  issue,
  keyPair,
  TO,
  uriName,
  type Wanted,
  x509,
} from "../support/certificates.ts";

const URI = "https://issuer.example/act";
const NOW = FROM.getTime() + 1000;

const root = await issue({ name: "root" });
const intermediate = await issue({ name: "intermediate", by: root });
const signer = (changes: Partial<Wanted> = {}): Promise<Issued> =>
  issue({ name: "signer", by: intermediate, usage: "signer", extensions: [uriName(URI)], ...changes });
const leaf = await signer();

interface Question {
  readonly anchor?: Issued;
  readonly san?: SubjectName;
  readonly now?: number;
  readonly algorithms?: readonly KeyAlgorithm[];
}

/** What becomes of an `x5c`, given as certificates or as texts. */
async function verdict(x5c: readonly (Issued | string)[], question: Question = {}): Promise<string> {
  const { anchor = root, san = { uri: URI }, now = NOW, algorithms = ["ES256", "EdDSA"] } = question;
  const read = await readAnchor(anchor.base64);
  if (!read.ok) throw new Error(read.error);
  const texts = x5c.map((one) => (typeof one === "string" ? one : one.base64));
  const found = await certifiedKey(
    { type: "x509", anchors: [read.value], san },
    { kid: "any", algorithms, x5c: texts },
    now,
  );
  return found.ok ? "trusted" : found.error;
}

describe("a chain that leads to an anchor", () => {
  test("gives the key of its first certificate, under its thumbprint", async () => {
    const anchor = await readAnchor(root.base64);
    if (!anchor.ok) throw new Error(anchor.error);
    const found = await certifiedKey(
      { type: "x509", anchors: [anchor.value], san: { uri: URI } },
      { kid: "any", algorithms: ["ES256"], x5c: [leaf.base64, intermediate.base64] },
      NOW,
    );
    const thumbprint = await calculateJwkThumbprint(await exportJWK(leaf.keys.publicKey));
    expect(found).toMatchObject({ ok: true, value: { kid: thumbprint, thumbprint, alg: "ES256" } });
  });

  test("with the root sent along, or with the intermediate for an anchor", async () => {
    expect(await verdict([leaf, intermediate, root])).toBe("trusted");
    expect(await verdict([leaf], { anchor: intermediate })).toBe("trusted");
    expect(await verdict([leaf, intermediate], { anchor: intermediate })).toBe("trusted");
  });

  test("by a host name", async () => {
    const host = await signer({ extensions: [hostName("Issuer.example")] });
    expect(await verdict([host, intermediate], { san: { dns: "issuer.example" } })).toBe("trusted");
  });

  test("while all of it is valid, to the second", async () => {
    const times: readonly [number, string][] = [
      [FROM.getTime() - 1, "untrusted"],
      [FROM.getTime(), "trusted"],
      [TO.getTime(), "trusted"],
      [TO.getTime() + 1, "untrusted"],
    ];
    for (const [now, expected] of times) expect(await verdict([leaf, intermediate], { now })).toBe(expected);
  });

  test.each<[string, object, { name: string; hash?: string }]>([
    ["P-384", { name: "ECDSA", namedCurve: "P-384" }, { name: "ECDSA", hash: "SHA-384" }],
    ["Ed25519", { name: "Ed25519" }, { name: "Ed25519" }],
    ...["SHA-256", "SHA-384", "SHA-512"].map((hash): [string, object, { name: string; hash: string }] => [
      `RSA with ${hash}`,
      { name: "RSASSA-PKCS1-v1_5", hash, modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) },
      { name: "RSASSA-PKCS1-v1_5", hash },
    ]),
  ])("signed by an authority with %s", async (_name, algorithm, signingAlgorithm) => {
    const anchor = await issue({ name: "other", keys: await keyPair(algorithm), signingAlgorithm });
    expect(await verdict([await signer({ by: anchor, signingAlgorithm })], { anchor })).toBe("trusted");
  });

  test("of which the signer may use its key for clients, documents or anything", async () => {
    for (const purpose of ["1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.36", "2.5.29.37.0"]) {
      const extensions = [uriName(URI), new x509.ExtendedKeyUsageExtension([purpose])];
      expect(await verdict([await signer({ extensions }), intermediate])).toBe("trusted");
    }
  });

  test("again and again: what was found good is asked for its time alone", async () => {
    const anchor = await readAnchor(root.base64);
    if (!anchor.ok) throw new Error(anchor.error);
    const source = { type: "x509" as const, anchors: [anchor.value], san: { uri: URI } };
    const wanted = { kid: "any", algorithms: ["ES256" as const], x5c: [leaf.base64, intermediate.base64] };
    const first = await certifiedKey(source, wanted, NOW);
    const second = await certifiedKey(source, wanted, NOW);
    expect(first.ok && second.ok && first.value === second.value).toBe(true);
    expect((await certifiedKey(source, wanted, TO.getTime() + 1)).ok).toBe(false);
    expect((await certifiedKey({ ...source, san: { uri: `${URI}/2` } }, wanted, NOW)).ok).toBe(false);
  });
});

describe("several anchors", () => {
  const sourceOf = async (...issued: readonly Issued[]) => {
    const anchors = await Promise.all(
      issued.map(async ({ base64 }) => {
        const read = await readAnchor(base64);
        if (!read.ok) throw new Error(read.error);
        return read.value;
      }),
    );
    return { type: "x509" as const, anchors, san: { uri: URI } };
  };
  const wanted = (...x5c: readonly Issued[]) => ({
    kid: "any",
    algorithms: ["ES256" as const],
    x5c: x5c.map(({ base64 }) => base64),
  });
  const expired = { notBefore: new Date(NOW - 900_000), notAfter: new Date(NOW - 1000) };

  test("one that has expired does not stand in the way of its successor, in whatever order", async () => {
    const old = await issue({ name: "root", keys: root.keys, ...expired });
    for (const anchors of [
      [old, root],
      [root, old],
    ]) {
      const source = await sourceOf(...anchors);
      for (let i = 0; i < 2; i++) {
        expect((await certifiedKey(source, wanted(leaf, intermediate), NOW)).ok).toBe(true);
        expect((await certifiedKey(source, wanted(leaf, intermediate), NOW - 2000)).ok).toBe(false);
      }
    }
    expect((await certifiedKey(await sourceOf(old), wanted(leaf, intermediate), NOW)).ok).toBe(false);
  });

  test("nor does a nearer one that has expired", async () => {
    const old = await issue({ name: "intermediate", by: root, keys: intermediate.keys, ...expired });
    const source = await sourceOf(old, root);
    expect((await certifiedKey(source, wanted(leaf), NOW)).ok).toBe(false);
    for (let i = 0; i < 2; i++)
      expect((await certifiedKey(source, wanted(leaf, intermediate), NOW)).ok).toBe(true);
  });

  test("what stands behind a path is certificates, and makes no work", async () => {
    const source = await sourceOf(intermediate);
    const strangers = [await issue({ name: "a" }), await issue({ name: "b" })];
    expect((await certifiedKey(source, wanted(leaf), NOW)).ok).toBe(true);
    const verify = vi.spyOn(crypto.subtle, "verify");
    try {
      for (const stranger of strangers)
        expect((await certifiedKey(source, wanted(leaf, stranger), NOW)).ok).toBe(true);
      expect(verify).not.toHaveBeenCalled();
    } finally {
      verify.mockRestore();
    }
    const { x5c, ...rest } = wanted(leaf);
    expect(await certifiedKey(source, { ...rest, x5c: [...x5c, "AAAA"] }, NOW)).toMatchObject({ ok: false });
    const anew = await sourceOf(intermediate);
    expect(await certifiedKey(anew, { ...rest, x5c: [...x5c, "AAAA"] }, NOW)).toMatchObject({ ok: false });
  });
});

describe("what the library overlooks is refused", () => {
  const latin = (text: string): number[] => [...text].map((character) => character.charCodeAt(0));
  const names = (uri: string): number[] => [0x30, uri.length + 2, 0x86, uri.length, ...latin(uri)];
  const withExtension = (id: string, value: readonly number[]): Promise<Issued> =>
    signer({
      extensions: [],
      onlyExtensions: [
        ...(id === SAN ? [] : [uriName(URI)]),
        new x509.Extension(id, false, Uint8Array.from(value)),
      ],
    });
  const SAN = "2.5.29.17";

  test.each<[string, string, readonly number[], string]>([
    ["a name (for comparison)", SAN, names(URI), "trusted"],
    ["names behind the names", SAN, [...names("https://other.example/"), ...names(URI)], "untrusted"],
    ["nothing behind the names", SAN, [...names(URI), 5, 0], "untrusted"],
    ["no constraints (for comparison)", "2.5.29.19", [0x30, 0], "trusted"],
    ["an authority behind no constraints", "2.5.29.19", [0x30, 0, 0x30, 3, 1, 1, 0xff], "untrusted"],
    ["constraints with a third element", "2.5.29.19", [0x30, 6, 1, 1, 0, 2, 1, 0], "untrusted"],
    ["cA that is FALSE in so many words", "2.5.29.19", [0x30, 3, 1, 1, 0], "untrusted"],
    ["a usage (for comparison)", "2.5.29.15", [3, 2, 7, 0x80], "trusted"],
    ["a usage of nine bits", "2.5.29.15", [3, 3, 7, 0x80, 0x80], "trusted"],
    ["a usage with something behind it", "2.5.29.15", [3, 2, 7, 0x80, 5, 0], "untrusted"],
  ])("%s", async (_name, id, value, expected) => {
    expect(await verdict([await withExtension(id, value), intermediate])).toBe(expected);
  });

  test("names of all kinds are read", async () => {
    const all = new x509.SubjectAlternativeNameExtension([
      { type: "url", value: URI },
      { type: "dns", value: "a.example" },
      { type: "email", value: "a@a.example" },
      { type: "ip", value: "192.0.2.1" },
      { type: "ip", value: "2001:db8::1" },
      { type: "dn", value: "CN=a" },
      { type: "id", value: "1.2.3.4" },
    ]);
    expect(await verdict([await signer({ extensions: [all] }), intermediate])).toBe("trusted");
  });

  /** The signer's certificate with another end, signed by the intermediate. */
  async function ending(notAfter: string): Promise<string> {
    const der = new Uint8Array(leaf.certificate.rawData).slice();
    const at = String.fromCharCode(...der).indexOf("270101000000Z");
    der.set(latin(notAfter), at);
    // Behind the head of the certificate. What is signed has less than 256 octets, so that its own head has 3.
    const signed = der.subarray(4, 7 + (der[6] ?? 0));
    expect([...der.subarray(4, 6)]).toEqual([0x30, 0x81]);
    const algorithm = { name: "ECDSA", hash: "SHA-256" };
    const raw = new Uint8Array(await crypto.subtle.sign(algorithm, intermediate.keys.privateKey, signed));
    const [r, s] = [integer(raw.subarray(0, 32)), integer(raw.subarray(32))];
    const body = [
      ...signed,
      ...ECDSA_SHA256,
      3,
      r.length + s.length + 3,
      0,
      0x30,
      r.length + s.length,
      ...r,
      ...s,
    ];
    return sequence(body);
  }
  const ECDSA_SHA256 = [0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
  function integer(octets: Uint8Array): number[] {
    const start = octets.findIndex((octet) => octet !== 0);
    const value = [...octets.subarray(start)];
    const padded = (value[0] ?? 0) >= 0x80 ? [0, ...value] : value;
    return [2, padded.length, ...padded];
  }

  const sequence = (body: readonly number[]): string =>
    btoa(String.fromCharCode(0x30, 0x82, body.length >> 8, body.length & 255, ...body));

  test("a fourth part of the certificate", async () => {
    const der = [...new Uint8Array(leaf.certificate.rawData)];
    expect(await verdict([sequence(der.slice(4)), intermediate])).toBe("trusted");
    expect(await verdict([sequence([...der.slice(4), 5, 0]), intermediate])).toBe("untrusted");
  });

  test.each([
    ["270101000000Z", "trusted"],
    ["491231235959Z", "trusted"],
    ["500101000000Z", "untrusted"],
    ["270231000000Z", "untrusted"],
    ["271301000000Z", "untrusted"],
    ["270101240000Z", "untrusted"],
    ["27010100000xZ", "untrusted"],
    ["2701010000000", "untrusted"],
    ["2701010000+01", "untrusted"],
  ])("a validity until %s: %s", async (notAfter, expected) => {
    expect(await verdict([await ending(notAfter), intermediate])).toBe(expected);
  });
});

describe("forged", () => {
  test("another authority, also one of the same name", async () => {
    const impostor = await issue({ name: "root" });
    expect(await verdict([await signer({ by: impostor })])).toBe("untrusted");
    expect(await verdict([await signer({ by: impostor }), impostor])).toBe("untrusted");
    const between = await issue({ name: "intermediate", by: impostor });
    expect(await verdict([await signer({ by: between }), between])).toBe("untrusted");
    expect(await verdict([leaf, between])).toBe("untrusted");
  });

  test("a certificate of one's own that says the anchor issued it", async () => {
    expect(
      await verdict([
        await issue({ name: "x", usage: "signer", issuer: "CN=root", extensions: [uriName(URI)] }),
      ]),
    ).toBe("untrusted");
  });

  test("any octet changed", async () => {
    const der = new Uint8Array(leaf.certificate.rawData);
    for (let at = 0; at < der.length; at += 7) {
      const changed = der.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(await verdict([btoa(String.fromCharCode(...changed)), intermediate])).toBe("untrusted");
    }
  });

  test("signed by a signer, or by an authority that may not", async () => {
    const below = await signer({ by: leaf });
    expect(await verdict([below, leaf, intermediate])).toBe("untrusted");
    const unable: Partial<Wanted>[] = [
      { onlyExtensions: [] },
      { onlyExtensions: [new x509.BasicConstraintsExtension(false, undefined, true)] },
      {
        onlyExtensions: [
          new x509.BasicConstraintsExtension(true, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        ],
      },
      { extensions: [new x509.ExtendedKeyUsageExtension(["1.3.6.1.5.5.7.3.1"])] },
    ];
    for (const changes of unable) {
      const by = await issue({ name: "unable", by: root, ...changes });
      expect(await verdict([await signer({ by }), by])).toBe("untrusted");
    }
  });

  test("more authorities below than one allows", async () => {
    const limited = (pathLength: number) => [
      new x509.BasicConstraintsExtension(true, pathLength, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ];
    const zero = await issue({ name: "zero", by: root, onlyExtensions: limited(0) });
    expect(await verdict([await signer({ by: zero }), zero])).toBe("trusted");
    const below = await issue({ name: "below", by: zero });
    expect(await verdict([await signer({ by: below }), below, zero])).toBe("untrusted");
    const anchor = await issue({ name: "anchor", onlyExtensions: limited(0) });
    const under = await issue({ name: "under", by: anchor });
    expect(await verdict([await signer({ by: anchor })], { anchor })).toBe("trusted");
    expect(await verdict([await signer({ by: under }), under], { anchor })).toBe("untrusted");
  });
});

describe("the signer's certificate", () => {
  test("must have the name, in full and of its kind", async () => {
    for (const uri of [`${URI}/more`, URI.slice(0, -1), URI.toUpperCase(), "https://*.example/act"]) {
      expect(await verdict([await signer({ extensions: [uriName(uri)] }), intermediate])).toBe("untrusted");
    }
    const wildcard = await signer({ extensions: [hostName("*.example")] });
    expect(await verdict([wildcard, intermediate], { san: { dns: "issuer.example" } })).toBe("untrusted");
    const asUri = await signer({ extensions: [uriName("issuer.example")] });
    expect(await verdict([asUri, intermediate], { san: { dns: "issuer.example" } })).toBe("untrusted");
    expect(await verdict([await signer({ name: URI, extensions: [] }), intermediate])).toBe("untrusted");
  });

  test("must be no authority's, and for signatures", async () => {
    expect(await verdict([await signer({ usage: "authority" }), intermediate])).toBe("untrusted");
    const only = (...onlyExtensions: x509.Extension[]) => signer({ onlyExtensions });
    const usage = new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyEncipherment, true);
    expect(await verdict([await only(usage), intermediate])).toBe("untrusted");
    const server = new x509.ExtendedKeyUsageExtension(["1.3.6.1.5.5.7.3.1"]);
    expect(await verdict([await only(server), intermediate])).toBe("untrusted");
    expect(await verdict([await only(), intermediate])).toBe("trusted");
  });

  test("must have a key that is wanted", async () => {
    const keys = await keyPair({ name: "ECDSA", namedCurve: "P-384" });
    expect(await verdict([await signer({ keys }), intermediate])).toBe("untrusted");
    expect(await verdict([await signer({ keys }), intermediate], { algorithms: ["ES384"] })).toBe("trusted");
    const ed25519 = await keyPair({ name: "Ed25519" });
    expect(await verdict([await signer({ keys: ed25519 }), intermediate])).toBe("trusted");
    expect(await verdict([await signer({ keys: ed25519 }), intermediate], { algorithms: ["ES256"] })).toBe(
      "untrusted",
    );
    const p521 = await keyPair({ name: "ECDSA", namedCurve: "P-521" });
    expect(await verdict([await signer({ keys: p521 }), intermediate])).toBe("untrusted");
  });
});

describe("anywhere in the chain", () => {
  test.each<[string, Partial<Wanted>]>([
    ["not valid yet", { notBefore: new Date(NOW + 1000) }],
    ["not valid any more", { notBefore: new Date(NOW - 900_000), notAfter: new Date(NOW - 1000) }],
    [
      "an unknown critical extension",
      { extensions: [uriName(URI), new x509.Extension("1.2.3.4", true, Uint8Array.of(5, 0))] },
    ],
    [
      "name constraints, which nobody evaluates",
      { extensions: [uriName(URI), new x509.Extension("2.5.29.30", false, Uint8Array.of(0x30, 0))] },
    ],
    ["an extension twice", { extensions: [uriName(URI), uriName(URI)] }],
    [
      "an extension that does not parse",
      { extensions: [uriName(URI), new x509.Extension("2.5.29.37", false, Uint8Array.of(1))] },
    ],
  ])("%s", async (_name, changes) => {
    expect(await verdict([await signer(changes), intermediate])).toBe("untrusted");
    const between = await issue({ name: "between", by: root, ...changes });
    expect(await verdict([await signer({ by: between }), between])).toBe("untrusted");
  });

  test.each<[string, object, { name: string; hash: string }]>([
    [
      "RSA of 1024 bits",
      {
        name: "RSASSA-PKCS1-v1_5",
        hash: "SHA-256",
        modulusLength: 1024,
        publicExponent: Uint8Array.of(1, 0, 1),
      },
      { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
    ],
    [
      "SHA-1",
      {
        name: "RSASSA-PKCS1-v1_5",
        hash: "SHA-1",
        modulusLength: 2048,
        publicExponent: Uint8Array.of(1, 0, 1),
      },
      { name: "RSASSA-PKCS1-v1_5", hash: "SHA-1" },
    ],
    ["a hash of another curve", { name: "ECDSA", namedCurve: "P-256" }, { name: "ECDSA", hash: "SHA-384" }],
    ["another curve", { name: "ECDSA", namedCurve: "P-521" }, { name: "ECDSA", hash: "SHA-512" }],
  ])("signed with %s", async (_name, algorithm, signingAlgorithm) => {
    const anchor = await issue({ name: "weak", keys: await keyPair(algorithm), signingAlgorithm });
    expect(await verdict([await signer({ by: anchor, signingAlgorithm })], { anchor })).toBe("untrusted");
  });

  test("an extension beyond those that are understood, where it is not critical", async () => {
    const extensions = [uriName(URI), new x509.Extension("1.2.3.4", false, Uint8Array.of(5, 0))];
    expect(await verdict([await signer({ extensions }), intermediate])).toBe("trusted");
  });
});

describe("the form of an x5c", () => {
  test("order, and length", async () => {
    expect(await verdict([])).toBe("untrusted");
    expect(await verdict([intermediate, leaf])).toBe("untrusted");
    expect(await verdict([leaf])).toBe("untrusted");
    expect(await verdict([leaf, intermediate, ...Array(MAX_CHAIN_LENGTH - 2).fill(root)])).toBe("trusted");
    expect(await verdict([leaf, intermediate, ...Array(MAX_CHAIN_LENGTH - 1).fill(root)])).toBe("untrusted");
  });

  test("base64 of DER alone, in one spelling, with nothing behind it", async () => {
    const { base64 } = leaf;
    const der = new Uint8Array(leaf.certificate.rawData);
    const texts = [
      "",
      "AAAA",
      "MAA=",
      `${base64}\n`,
      ` ${base64}`,
      leaf.certificate.toString("pem"),
      leaf.certificate.toString("base64url"),
      btoa(String.fromCharCode(...der, 0)),
      btoa(String.fromCharCode(...der.subarray(0, -1))),
      btoa(String.fromCharCode(0x30, 0x83, 0, ...der.subarray(2))),
    ];
    for (const text of texts) {
      if (text !== base64) expect(await verdict([text, intermediate])).toBe("untrusted");
    }
  });

  test("a header without one asks for no certificate; a malformed one is a chain of nothing", async () => {
    expect(x5cOf({})).toBeNull();
    expect(x5cOf({ x5c: ["a", "b"] })).toEqual(["a", "b"]);
    for (const x5c of [null, "a", 1, {}, [1], ["a", null]]) expect(x5cOf({ x5c })).toEqual([]);
    const anchor = await readAnchor(root.base64);
    if (!anchor.ok) throw new Error(anchor.error);
    const source = { type: "x509" as const, anchors: [anchor.value], san: { uri: URI } };
    expect(await certifiedKey(source, { kid: "k", algorithms: ["ES256"], x5c: null }, NOW)).toEqual({
      ok: false,
      error: "unknown",
    });
  });
});

describe("an anchor of a tenant document", () => {
  test("is PEM, or DER in base64", async () => {
    const { certificate, base64 } = root;
    for (const text of [
      certificate.toString("pem"),
      `\n${certificate.toString("pem")}\n`,
      base64,
      `${base64}\n`,
    ]) {
      expect((await readAnchor(text)).ok).toBe(true);
    }
  });

  test.each<[string, () => Promise<string> | string, string]>([
    ["nothing", () => "", "must be one certificate"],
    ["no base64", () => "%%%%", "must be one certificate"],
    ["two in one text", () => root.certificate.toString("pem").repeat(2), "must be one certificate"],
    ["no certificate", () => btoa("hello world!"), "must be a certificate of version 3"],
    ["a signer's own", async () => leaf.base64, "may sign others"],
    [
      "an authority that may not sign",
      async () =>
        (
          await issue({
            name: "x",
            onlyExtensions: [
              new x509.BasicConstraintsExtension(true, undefined, true),
              new x509.KeyUsagesExtension(x509.KeyUsageFlags.cRLSign, true),
            ],
          })
        ).base64,
      "may sign others",
    ],
  ])("is not %s", async (_name, text, problem) => {
    const read = await readAnchor(await text());
    expect(read.ok ? "" : read.error).toContain(problem);
  });
});
