import { p256 } from "@noble/curves/nist.js";
import { admitted, type Draft, denied, type Topic } from "../make/case.ts";
import { type Jwk, key } from "../make/keys.ts";
import { base64url, respelled } from "../make/tokens.ts";

const SMALL_ORDER = "RFC 8032 section 5.1.3; RFC 7748 section 6.1";
const ED25519 = "RFC 8037 section 2";
const EC = "RFC 7518 section 6.2";
const RSA = "RFC 7518 section 3.3";
const JWK = "RFC 7517 section 4";
const KEYS = "Countersign, tenant document: keys";

/** With one more key for ada. A document that trusts it is no document. */
const trusting = (jwk: Record<string, unknown>) => (d: Draft) => {
  const [ada] = d.agents;
  ada?.keys?.push({ jwk: { kid: "weak-1", ...jwk } });
};

const refusedKey = (id: string, title: string, rule: string, jwk: Record<string, unknown>) =>
  denied(id, "tenant.invalid", title, rule, {}, { change: trusting(jwk) });

const hexKey = (hex: string) => ({ kty: "OKP", crv: "Ed25519", x: base64url(Buffer.from(hex, "hex")) });

/** Encodings of the points of small order, without and with the sign bit, and y not reduced modulo p. */
const SMALL: readonly (readonly [id: string, hex: string])[] = [
  ["order-1", `01${"00".repeat(31)}`],
  ["order-2", `ec${"ff".repeat(30)}7f`],
  ["order-4", "00".repeat(32)],
  ["order-8", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"],
  ["order-8-other", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"],
  ["p", `ed${"ff".repeat(30)}7f`],
  ["p-plus-1", `ee${"ff".repeat(30)}7f`],
];

const withSign = (hex: string): string => {
  const bytes = Buffer.from(hex, "hex");
  bytes[31] = (bytes[31] ?? 0) | 0x80;
  return bytes.toString("hex");
};

/** A good key of its sort, as it is and changed. */
const p256Key = (changes: Record<string, unknown> = {}): Jwk => ({
  ...key("stranger").publicJwk,
  ...changes,
});
const ed25519Key = (changes: Record<string, unknown> = {}): Jwk => ({
  ...key("spare-ed25519").publicJwk,
  kid: "weak-1",
  ...changes,
});

const { x, y } = key("stranger").publicJwk as { x?: string; y?: string };
const X = String(x);
const Y = String(y);

/** A point that is not on the curve: the coordinates the other way round. */
const offCurve = { x: Y, y: X };
if (isOnCurve(offCurve)) throw new Error("choose another key");

function isOnCurve(point: { x: string; y: string }): boolean {
  try {
    const octets = [4, ...Buffer.from(point.x, "base64url"), ...Buffer.from(point.y, "base64url")];
    p256.Point.fromBytes(Uint8Array.from(octets)).assertValidity();
    return true;
  } catch {
    return false;
  }
}

export const weakKeys: Topic = {
  name: "weak-keys",
  title: "Keys that must not be trusted, although libraries import them",
  cases: [
    admitted("good-p256", "One more key for P-256", JWK, {}, { change: trusting(p256Key()) }),
    admitted("good-ed25519", "One more key for Ed25519", JWK, {}, { change: trusting(ed25519Key()) }),
    admitted(
      "alg-said",
      "A key that says its alg, use and key_ops",
      JWK,
      {},
      {
        change: trusting(p256Key({ alg: "ES256", use: "sig", key_ops: ["verify"] })),
      },
    ),
    ...SMALL.flatMap(([id, hex]) => [
      refusedKey(
        `ed25519-${id}`,
        `Ed25519: y is that of ${id}; signatures can be made without a private key`,
        SMALL_ORDER,
        hexKey(hex),
      ),
      refusedKey(
        `ed25519-${id}-sign`,
        `Ed25519: ${id}, with the sign bit`,
        SMALL_ORDER,
        hexKey(withSign(hex)),
      ),
    ]),
    refusedKey(
      "ed25519-31",
      "Ed25519: x has 31 octets",
      ED25519,
      ed25519Key({ x: base64url(Buffer.alloc(31, 9)) }),
    ),
    refusedKey(
      "ed25519-padded",
      "Ed25519: x has padding",
      ED25519,
      ed25519Key({ x: `${key("spare-ed25519").publicJwk.x}=` }),
    ),
    refusedKey(
      "ed25519-respelled",
      "Ed25519: x in another spelling of the same octets",
      ED25519,
      ed25519Key({ x: respelled(String(key("spare-ed25519").publicJwk.x)) }),
    ),
    refusedKey("ed25519-alg", "Ed25519: alg is ES256", JWK, ed25519Key({ alg: "ES256" })),
    refusedKey("ed448", "Ed448", ED25519, ed25519Key({ crv: "Ed448" })),
    refusedKey("x25519", "X25519, a key for key agreement", ED25519, ed25519Key({ crv: "X25519" })),
    refusedKey("p256-as-p384", "A point of P-256 labelled P-384", EC, p256Key({ crv: "P-384" })),
    refusedKey("p256-no-crv", "P-256 without crv", EC, p256Key({ crv: undefined })),
    refusedKey("p256-off-curve", "A point that is not on the curve", EC, p256Key(offCurve)),
    refusedKey("p256-zero", "The point (0, 0)", EC, p256Key({ x: "A".repeat(43), y: "A".repeat(43) })),
    refusedKey(
      "p256-33",
      "P-256: x with a leading zero octet",
      EC,
      p256Key({ x: base64url(Buffer.concat([Buffer.alloc(1), Buffer.from(X, "base64url")])) }),
    ),
    refusedKey(
      "p256-respelled",
      "P-256: y in another spelling of the same octets",
      EC,
      p256Key({ y: respelled(Y) }),
    ),
    refusedKey("p256-alg", "P-256: alg is ES384", JWK, p256Key({ alg: "ES384" })),
    refusedKey("secp256k1", "secp256k1", EC, p256Key({ crv: "secp256k1" })),
    refusedKey("private", "The private part of a key", JWK, p256Key({ d: X })),
    refusedKey("use-enc", "use is enc", JWK, p256Key({ use: "enc" })),
    refusedKey("key-ops", "key_ops without verify", JWK, p256Key({ key_ops: ["sign"] })),
    refusedKey("oct", "A shared secret for an agent", KEYS, {
      kty: "oct",
      k: base64url(Buffer.alloc(32, 7)),
    }),
    refusedKey("kid-empty", "The kid is empty", JWK, p256Key({ kid: "" })),
    refusedKey("key-twice", "The key of another agent, under another kid", KEYS, {
      ...key("bob").publicJwk,
      kid: "weak-1",
    }),
    refusedKey("kid-twice", "Another agent's kid", KEYS, p256Key({ kid: "bob-1" })),
    denied(
      "rsa-1024",
      "tenant.invalid",
      "RSA with 1024 bits, for attestations",
      RSA,
      {},
      {
        change: (d) => {
          const n = base64url(
            Buffer.concat([Buffer.from([0xc1]), Buffer.alloc(126, 0x55), Buffer.from([0x01])]),
          );
          const jwk = { kty: "RSA", n, e: "AQAB", kid: "v9" };
          d.attestationKeys?.push({ iss: "https://planner.example", secretVersion: "v9", alg: "RS256", jwk });
        },
      },
    ),
    denied(
      "rsa-exponent-1",
      "tenant.invalid",
      "RSA with the exponent 1",
      RSA,
      {},
      {
        change: (d) => {
          const jwk = { ...key("planner-rs256").publicJwk, e: "AQ" };
          d.attestationKeys?.push({ iss: "https://planner.example", secretVersion: "v9", alg: "RS256", jwk });
        },
      },
    ),
    denied(
      "secret-31",
      "tenant.invalid",
      "A shared secret of 31 octets",
      "RFC 7518 section 3.2",
      {},
      {
        change: (d) => {
          const secret = base64url(Buffer.alloc(31, 7));
          d.attestationKeys?.push({
            iss: "https://planner.example",
            secretVersion: "v9",
            alg: "HS256",
            secret,
          });
        },
      },
    ),
  ],
};
