import { exportJWK } from "jose";
import { describe, expect, test } from "vitest";
import { generateSigner, importSigner } from "../../src/agent/index.ts";
import { importVerificationKey } from "../../src/keys/hygiene.ts";

/** The published example keys of RFC 9421 appendix B.1. */
const P256 = {
  kty: "EC",
  crv: "P-256",
  x: "qIVYZVLCrPZHGHjP17CTW0_-D9Lfw0EkjqF7xB4FivA",
  y: "Mc4nN9LTDOBhfoUeg8Ye9WedFRhnZXZJA12Qp0zZ6F0",
  d: "UpuF81l-kOxbjf7T4mNSv0r5tN67Gim7rnf6EFpcYDs",
};
const ED25519 = {
  kty: "OKP",
  crv: "Ed25519",
  x: "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs",
  d: "n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU",
};

const SECRET = { kty: "oct", k: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", kid: "shared" };

describe("importSigner", () => {
  test("takes the algorithm from the kind of key", async () => {
    expect((await importSigner(P256)).alg).toBe("ES256");
    expect((await importSigner(ED25519)).alg).toBe("EdDSA");
    expect((await importSigner(SECRET)).alg).toBe("HS256");
  });

  test("an RSA key signs with PS512, unless it is for RS256", async () => {
    const { signer } = await generateSigner({ alg: "PS512", extractable: true });
    const { alg: _, ...jwk } = await exportJWK(signer.privateKey);
    expect((await importSigner(jwk)).alg).toBe("PS512");
    expect((await importSigner({ ...jwk, alg: "RS256" })).alg).toBe("RS256");
  });

  test("names the key: what is asked for, else the JWK's own kid, else the thumbprint", async () => {
    expect((await importSigner({ ...ED25519, kid: "own" }, "asked")).kid).toBe("asked");
    expect((await importSigner({ ...ED25519, kid: "own" })).kid).toBe("own");
    // RFC 9421 gives this key's JWK; its thumbprint is the keyid of the Web Bot Auth vectors.
    expect((await importSigner(ED25519)).kid).toBe("poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U");
  });

  test("takes a JWK however it names its algorithm and use", async () => {
    const jwk = { ...ED25519, alg: "Ed25519", use: "sig", key_ops: ["sign"], ext: true };
    expect((await importSigner(jwk)).alg).toBe("EdDSA");
  });

  test.each([
    ["a public key", { ...P256, d: undefined }],
    ["another curve", { ...P256, crv: "P-521" }],
    ["another kind of key", { kty: "AKP", alg: "ML-DSA-44" }],
    ["a secret without a name", { ...SECRET, kid: undefined }],
  ])("refuses %s", async (_name, jwk) => {
    await expect(importSigner(jwk as never)).rejects.toThrow(TypeError);
  });
});

describe("generateSigner", () => {
  const all = ["ES256", "EdDSA", "ES384", "PS512", "RS256"] as const;
  test.each(all)("makes a %s key that a tenant document takes", async (alg) => {
    const { signer, publicJwk } = await generateSigner({ alg });
    const imported = await importVerificationKey(publicJwk, all);
    expect(imported).toMatchObject({ ok: true, value: { alg, kid: signer.kid, thumbprint: signer.kid } });
    expect(Object.keys(publicJwk)).not.toContain("d");
  });

  test("keeps the private key in, unless asked", async () => {
    const { signer } = await generateSigner({ alg: "ES256", kid: "k" });
    expect(signer.kid).toBe("k");
    await expect(exportJWK(signer.privateKey)).rejects.toThrow();
    const open = await generateSigner({ alg: "ES256", extractable: true });
    const again = await importSigner(await exportJWK(open.signer.privateKey));
    expect(again.kid).toBe(open.signer.kid);
  });
});
