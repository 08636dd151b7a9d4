import { describe, expect, test } from "vitest";
import { fromBase64url, sha256, toHex, utf8 } from "../../../src/encoding.ts";
import {
  type AttestationClaim,
  type AttestationSigner,
  signAttestation,
} from "../../../src/evidence/attestation/sign.ts";
import { signingInput } from "../../../src/evidence/attestation/signature.ts";
import { canonical } from "../../../src/json/canonical.ts";
import { ARGS, ES256, FINGERPRINT, HS256, IAT, ISS, judge, type Keys, RS256, SUB, TOOL } from "./attempts.ts";

const signer = (keys: Keys): AttestationSigner => ({
  alg: keys.alg,
  key: keys.sign,
  iss: ISS,
  sub: SUB,
  secretVersion: "v1",
});

const claim: AttestationClaim = {
  dialect: "A",
  tool: TOOL,
  arguments: JSON.parse(ARGS),
  serverFingerprint: FINGERPRINT,
  intent: "archive obsolete report",
  projection: "identity",
  now: IAT,
};

const hexDigest = async (bytes: Uint8Array<ArrayBuffer>) => toHex(await sha256(bytes));

describe("worked values", () => {
  const worked: AttestationClaim = { ...claim, plannerRef: "turn-7", nonce: "AAECAwQFBgcICQoLDA0ODw" };

  test("A, identity", async () => {
    const { envelope, header } = await signAttestation(signer(HS256), worked);
    expect(signingInput(envelope)).toHaveLength(428);
    expect(await hexDigest(signingInput(envelope))).toBe(
      "1cd2c4565aa07981566ca6a55ff00df5698c99625bfaca75814a3daa4877db7a",
    );
    expect(envelope.signature).toBe("d53065118bbf3e1745bfaa9b492b94b093507a06ff8f8708419173b9decf25cd");
    expect(await hexDigest(utf8(canonical(envelope)))).toBe(
      "cbe82c4e6f201204345d2a4205b8c491bd26fb3b5d1c244e58e98c878caa61da",
    );
    expect(header).toHaveLength(676);
    expect(fromBase64url(header)).toEqual(utf8(canonical(envelope)));
  });

  test("A, hash-only", async () => {
    const { envelope } = await signAttestation(signer(HS256), { ...worked, projection: "hash-only" });
    expect(envelope.signature).toBe("62181eb41cbcd953f2099a5488d35ef2ac49669560469b2206f92c2a3f86b8d7");
  });

  test("the form with an empty signature member is another, and refused", async () => {
    const { envelope } = await signAttestation(signer(HS256), worked);
    const signature = "2d71810140769b6f62c5495b9b021cb3608d0959a5094f6b8ec4c52789a7919b";
    expect(await judge({ meta: JSON.stringify(envelope) })).toBe("accepted");
    expect(await judge({ meta: JSON.stringify({ ...envelope, signature }) })).toBe(
      "attestation.signature_mismatch",
    );
  });
});

const combinations = (["A", "B"] as const).flatMap((dialect) =>
  [HS256, ES256, RS256].flatMap((keys) =>
    (["identity", "hash-only"] as const).map((projection) => ({ dialect, alg: keys.alg, projection, keys })),
  ),
);

test.each(combinations)(
  "$dialect, $alg, $projection: signed and accepted",
  async ({ dialect, projection, keys }) => {
    const { envelope, header } = await signAttestation(signer(keys), { ...claim, dialect, projection });
    const [key, meta] = [keys.verify, JSON.stringify(envelope)];
    expect(await judge({ header, key })).toBe("accepted");
    expect(await judge({ header, meta, key })).toBe("accepted");
    expect(await judge({ header, key, args: "{}" })).toBe(
      projection === "identity" ? "attestation.redacted_not_allowed" : "attestation.hash_only_mismatch",
    );
    expect(await judge({ header, key, now: IAT + 331 })).toBe("attestation.ttl_passed");
  },
);

test("every attestation has a nonce of its own", async () => {
  const [one, other] = [
    await signAttestation(signer(HS256), claim),
    await signAttestation(signer(HS256), claim),
  ];
  expect(one.header).not.toBe(other.header);
});

test("what no verifier of dialect B would take is not signed", async () => {
  for (const projection of ["identity", "hash-only"] as const) {
    const float: AttestationClaim = { ...claim, dialect: "B", arguments: { a: 1.5 }, projection };
    await expect(signAttestation(signer(HS256), float)).rejects.toThrow(TypeError);
  }
  const planner: AttestationClaim = { ...claim, dialect: "B", plannerRef: "turn-7" };
  await expect(signAttestation(signer(HS256), planner)).rejects.toThrow(TypeError);
});

describe.each(["A", "B"] as const)("what few verifiers take, dialect %s", (dialect) => {
  test("a plan for several servers", async () => {
    const others = [
      {
        tool: "write",
        arguments: { n: 1 },
        serverFingerprint: "mcp://other.example",
        projection: "identity",
      } as const,
    ];
    const { header } = await signAttestation(signer(HS256), { ...claim, dialect, others });
    expect(await judge({ header })).toBe("attestation.several_calls");
    const policy = { multiServer: true };
    expect(await judge({ header, policy })).toBe("accepted");
    const there = { header, policy, tool: "write", args: '{"n":1}', fingerprints: ["mcp://other.example"] };
    expect(await judge(there)).toBe("accepted");
    expect(await judge({ ...there, args: ARGS })).toBe("attestation.redacted_not_allowed");
  });

  test("a redacted projection", async () => {
    const projection = { redacted: { recursive: false } };
    const { header } = await signAttestation(signer(HS256), { ...claim, dialect, projection });
    expect(await judge({ header })).toBe("attestation.redacted_not_allowed");
    expect(await judge({ header, policy: { redactedTools: [{ tool: TOOL }] } })).toBe("accepted");
  });

  test("a reference", async () => {
    const projection = { ref: "https://blobs.example/1" };
    const { header } = await signAttestation(signer(HS256), { ...claim, dialect, projection });
    expect(await judge({ header })).toBe("attestation.ref_resolver_off");
    expect(await judge({ header, policy: { references: { hosts: ["blobs.example"] } } })).toBe("accepted");
  });
});
