/** The six algorithms of RFC 9421 section 3.3, signed with WebCrypto and verified as the gate does. */

import { exportJWK } from "jose";
import { describe, expect, test } from "vitest";
import { generateSigner, importSigner, type Signer, type SignerAlgorithm } from "../../../src/agent/index.ts";
import { toBase64url } from "../../../src/encoding.ts";
import { component } from "../../../src/evidence/http-signature/fields.ts";
import { makeSignature } from "../../../src/evidence/http-signature/sign.ts";
import { algorithmOf } from "../../../src/keys/algorithms.ts";
import { importNamedSecret, importVerificationKey } from "../../../src/keys/hygiene.ts";
import type { AgentKey, SignaturePolicy } from "../../../src/tenant/tenant.ts";
import { agentNamed, keysIn } from "../../support/agents.ts";
import { AGENT_COMPONENTS, outcome, POLICY, parameters, request, type Sign, verify } from "./helpers.ts";

const UNSAFE: SignaturePolicy = {
  algorithms: new Set([...POLICY.algorithms, "RS256", "HS256"]),
  publicAlgorithms: [...POLICY.publicAlgorithms, "RS256"],
};

const SECRET = { kty: "oct", k: toBase64url(new Uint8Array(32).fill(9)), kid: "key" };

interface Pair {
  readonly signer: Signer;
  readonly key: AgentKey;
  readonly publicJwk: object;
}

async function pairOf(alg: SignerAlgorithm): Promise<Pair> {
  const owner = { agent: agentNamed("ada"), profile: "agent", lane: 0 } as const;
  if (alg === "HS256") {
    const imported = await importNamedSecret(SECRET);
    if (!imported.ok) throw new Error(imported.error);
    return { signer: await importSigner(SECRET), key: { ...imported.value, ...owner }, publicJwk: {} };
  }
  const { signer, publicJwk } = await generateSigner({ alg, kid: "key", extractable: true });
  const imported = await importVerificationKey(publicJwk, [alg]);
  if (!imported.ok) throw new Error(imported.error);
  return { signer, key: { ...imported.value, ...owner }, publicJwk };
}

const signWith =
  ({ alg, privateKey }: Signer, changes: Partial<RsaPssParams> = {}): Sign =>
  async (base) =>
    new Uint8Array(await crypto.subtle.sign({ ...algorithmOf(alg).webCrypto, ...changes }, privateKey, base));
interface RsaPssParams {
  saltLength: number;
}

async function judged(sign: Sign, key: AgentKey, alg?: string, policy = UNSAFE): Promise<string> {
  const message = await request();
  const signed = await makeSignature(message, {
    components: AGENT_COMPONENTS.map((name) => component(name)),
    parameters: parameters({ keyid: "key", alg }),
    label: "sig",
    sign,
  });
  return outcome(await verify(message, signed, { findKey: keysIn(key), policy }));
}

const ALL: readonly (readonly [SignerAlgorithm, string])[] = [
  ["ES256", "ecdsa-p256-sha256"],
  ["ES384", "ecdsa-p384-sha384"],
  ["EdDSA", "ed25519"],
  ["PS512", "rsa-pss-sha512"],
  ["RS256", "rsa-v1_5-sha256"],
  ["HS256", "hmac-sha256"],
];

describe.each(ALL)("%s", (alg, name) => {
  test("verifies, and says so under its name alone", async () => {
    const { signer, key } = await pairOf(alg);
    const sign = signWith(signer);
    expect(await judged(sign, key)).toBe("ok");
    expect(await judged(sign, key, name)).toBe("ok");
    for (const [other, otherName] of ALL) {
      expect(await judged(sign, key, other)).toBe("signature.alg");
      if (other !== alg) expect(await judged(sign, key, otherName)).toBe("signature.alg");
    }
  });
  test("by another key of the same kind, or one octet more or less", async () => {
    const { signer, key } = await pairOf(alg);
    const other =
      alg === "HS256" ? await importSigner({ ...SECRET, k: "A".repeat(43) }) : (await pairOf(alg)).signer;
    expect(await judged(signWith(other), key)).toBe("signature.mismatch");
    const longer: Sign = async (base) => new Uint8Array([...(await signWith(signer)(base)), 0]);
    expect(await judged(longer, key)).toBe("signature.mismatch");
    const shorter: Sign = async (base) => (await signWith(signer)(base)).slice(0, -1);
    expect(await judged(shorter, key)).toBe("signature.mismatch");
  });
  test("only where the tenant takes it, though the key is there", async () => {
    const { signer, key } = await pairOf(alg);
    const without: SignaturePolicy = {
      algorithms: new Set([...UNSAFE.algorithms].filter((one) => one !== alg)),
      publicAlgorithms: UNSAFE.publicAlgorithms.filter((one) => one !== alg),
    };
    expect(await judged(signWith(signer), key, undefined, without)).toBe("signature.alg");
  });
});

test("the unsafe ones are off by default", () => {
  expect([...POLICY.algorithms]).toEqual(["ES256", "ES384", "EdDSA", "PS512"]);
});

describe("confusion", () => {
  test.each([0, 32, 63])("PSS with a salt of %i octets", async (saltLength) => {
    const { signer, key } = await pairOf("PS512");
    expect(await judged(signWith(signer, { saltLength }), key)).toBe("signature.mismatch");
  });
  test("one RSA key, the other padding", async () => {
    const { signer, key } = await pairOf("PS512");
    const jwk = await exportJWK(signer.privateKey);
    const old = await importSigner({ ...jwk, alg: "RS256" });
    expect(await judged(signWith(old), key)).toBe("signature.mismatch");
    expect(await judged(signWith(old), key, "rsa-v1_5-sha256")).toBe("signature.alg");
  });
  test("a public key as shared secret", async () => {
    for (const alg of ["ES256", "EdDSA", "PS512"] as const) {
      const { key, publicJwk } = await pairOf(alg);
      const raw = new TextEncoder().encode(JSON.stringify(publicJwk));
      const hmac = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, [
        "sign",
      ]);
      const sign: Sign = async (base) => new Uint8Array(await crypto.subtle.sign("HMAC", hmac, base));
      expect(await judged(sign, key)).toBe("signature.mismatch");
      expect(await judged(sign, key, "hmac-sha256")).toBe("signature.alg");
    }
  });
  test("ECDSA in DER", async () => {
    const { signer, key } = await pairOf("ES256");
    const integer = (half: Uint8Array) => {
      const bytes = (half[0] ?? 0) > 0x7f ? [0, ...half] : [...half];
      return [2, bytes.length, ...bytes];
    };
    const der: Sign = async (base) => {
      const raw = await signWith(signer)(base);
      const both = [...integer(raw.slice(0, 32)), ...integer(raw.slice(32))];
      return new Uint8Array([0x30, both.length, ...both]);
    };
    expect(await judged(der, key)).toBe("signature.mismatch");
  });
});
