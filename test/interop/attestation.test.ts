/**
 * Attestations that other people published (see `../shared/vectors` beside the checkout, where present): each through
 * parse, verify and bind, with the case's own key, clock and arguments. All are dialect B.
 */

import { agentNamed } from "../support/agents.ts";
import { createPublicKey } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { bindAttestation } from "../../src/evidence/attestation/bind.ts";
import { parseAttestation } from "../../src/evidence/attestation/parse.ts";
import { signingInput, toHex } from "../../src/evidence/attestation/signature.ts";
import { verifyAttestation } from "../../src/evidence/attestation/verify.ts";
import { isObject, type JsonObject, parseStrictJson } from "../../src/json/strict-json.ts";
import { type AttestationKey, attestationIdentity, attestationKeyId } from "../../src/tenant/tenant.ts";

const VECTORS = `${import.meta.dirname}/../../../shared/vectors`;
const PROPOSAL = `${VECTORS}/sep-2787-v0`;
const VAARA = `${VECTORS}/sep2787-attestation-v0`;

const FINGERPRINT = `sha256:${"1".repeat(64)}`;
const seconds = (time: string): number => Date.parse(time) / 1000;
const readText = (path: string): string => readFileSync(path, "utf8");
const readJson = (path: string) => JSON.parse(readText(path));

/** The key in a file of a set; its name tells the algorithm. */
async function keyIn(path: string): Promise<AttestationKey> {
  const file = readFileSync(path);
  if (path.endsWith(".bin")) {
    const hmac = { name: "HMAC", hash: "SHA-256" };
    return { alg: "HS256", key: await crypto.subtle.importKey("raw", file, hmac, false, ["verify"]) };
  }
  const alg = path.includes("rs256") ? "RS256" : "ES256";
  const parameters =
    alg === "RS256" ? { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" } : { name: "ECDSA", namedCurve: "P-256" };
  const spki = new Uint8Array(createPublicKey(file).export({ type: "spki", format: "der" }));
  const key = await crypto.subtle.importKey("spki", spki, parameters, true, ["verify"]);
  return { alg, kid: path, thumbprint: path, key };
}

interface Case {
  /** JSON texts. */
  envelope: string;
  args: string;
  key: AttestationKey;
  now: number;
}

/** How far the case came, and the reason where it stopped. */
async function judge({ envelope, args, key, now }: Case): Promise<string> {
  const bodyText = `{"params":{"name":"delete_file","arguments":${args},"_meta":{"attestation":${envelope}}}}`;
  const body = parseStrictJson(bodyText);
  if (!body.ok || !isObject(body.value) || !isObject(body.value.params)) throw new Error("not a strict body");
  const { _meta, arguments: callArguments } = body.value.params;
  if (!isObject(_meta) || !isObject(callArguments)) throw new Error("not a tools/call");

  const metaKeys = ["attestation"];
  const presented = parseAttestation({ header: undefined, meta: _meta, bodyText, metaKeys });
  if (presented.state === "absent") return "absent";
  if (presented.state === "malformed") return `parse: ${presented.reason}`;
  const verified = await verifyAttestation(presented.value, {
    keys: new Map([[attestationKeyId("issuer://test", "v1"), key]]),
    agents: new Map([
      [
        attestationIdentity("issuer://test", "agent:archiver"),
        agentNamed("archiver"),
      ],
    ]),
    policy: { dialects: new Set(["B"]), metaKeys, maxTtl: 300 },
    now,
  });
  if (!verified.ok) return `verify: ${verified.error}`;
  const bound = await bindAttestation(verified.value, {
    tenant: "acme",
    fingerprints: new Set([FINGERPRINT]),
    tool: "delete_file",
    arguments: callArguments,
    bodyText,
  });
  return bound.ok ? "accepted" : `bind: ${bound.error}`;
}

describe.skipIf(!existsSync(PROPOSAL))("vectors of the SEP's pull request 2789", () => {
  // The set has no arguments: a positive case verifies, and then stops at the ones it is held against here.
  const verdicts: Record<string, string> = {
    "01-hs256-projection-hash-only": "bind: attestation.hash_only_mismatch",
    "02-es256-projection-hash-only": "bind: attestation.hash_only_mismatch",
    "03-rs256-projection-hash-only": "bind: attestation.hash_only_mismatch",
    "04-hs256-ref": "bind: attestation.ref_resolver_off",
    "05-hs256-projection": "bind: attestation.redacted_not_allowed",
    "06-rs256-projection": "bind: attestation.redacted_not_allowed",
    "07-tampered-planner-declared": "verify: attestation.signature_mismatch",
    // The set expects a signature mismatch; no key is looked up for an issuer that is not known.
    "08-tampered-issuer-asserted": "verify: attestation.issuer_unknown",
    "09-ieee754-float-in-canonical-input": "parse: attestation.schema",
    "10-ttl-expired-past-skew": "verify: attestation.ttl_passed",
    "11-unsupported-alg-hs512": "verify: attestation.alg_unsupported",
    "12-args-commitment-missing-discriminator": "parse: attestation.args_missing",
    "13-hs256-envelope-against-es256-verifier": "verify: attestation.alg_not_pinned",
    "14-alg-downgrade-none": "verify: attestation.alg_unsupported",
  };
  const buckets = ["normative/positive", "normative/negative", "verifier-policy/negative"];
  const folders = existsSync(PROPOSAL)
    ? buckets.flatMap((bucket) => readdirSync(`${PROPOSAL}/${bucket}`).map((name) => `${bucket}/${name}`))
    : [];

  test("every case has a verdict here", () => {
    expect(folders.map((folder) => folder.split("/").at(-1)).sort()).toEqual(Object.keys(verdicts).sort());
  });

  test.each(folders)("%s", async (folder) => {
    const expected = readJson(`${PROPOSAL}/${folder}/expected.json`);
    const file = existsSync(`${PROPOSAL}/${folder}/signed_envelope.json`)
      ? "signed_envelope"
      : "unsigned_envelope";
    const envelope = readText(`${PROPOSAL}/${folder}/${file}.json`);
    const verdict = await judge({
      envelope,
      args: "{}",
      key: await keyIn(`${PROPOSAL}/${expected.verifying_material ?? "keys/hs256_secret.bin"}`),
      now: expected.verify_at_epoch ?? seconds("2026-05-26T12:00:00Z"),
    });
    expect(verdict).toBe(verdicts[expected.case_id]);
    // What the set calls verified is what comes as far as the call.
    expect(verdict.startsWith("bind: ")).toBe(expected.verification_result);
    // The bytes that were signed; in a tampered case they are those from before the tampering.
    if (expected.verification_result) {
      const signedBytes = readFileSync(`${PROPOSAL}/${folder}/canonical_signing_input.bin`);
      expect(toHex(signingInput(JSON.parse(envelope)))).toBe(signedBytes.toString("hex"));
    }
  });

  test("an unknown issuer's case fails by its signature too", async () => {
    const envelope: JsonObject = readJson(
      `${PROPOSAL}/normative/negative/08-tampered-issuer-asserted/signed_envelope.json`,
    );
    const { key } = await keyIn(`${PROPOSAL}/keys/hs256_secret.bin`);
    const signature = Buffer.from(String(envelope.signature), "hex");
    expect(await crypto.subtle.verify("HMAC", key, signature, signingInput(envelope))).toBe(false);
  });
});

describe.skipIf(!existsSync(VAARA))("vectors of Vaara", () => {
  const now = seconds("2026-05-29T10:00:30Z");
  const signatureFaults = ["verify: attestation.signature_mismatch", "verify: attestation.alg_unsupported"];
  const names = existsSync(VAARA) ? readdirSync(`${VAARA}/normative`) : [];

  test("the set is complete", () => {
    expect(names).toHaveLength(7);
  });

  // Our first failure against the set's verdict on each of the steps up to it.
  test.each(names)("%s", async (name) => {
    const expected = readJson(`${VAARA}/normative/${name}/expected.json`);
    const envelope = readText(`${VAARA}/normative/${name}/attestation.json`);
    const { alg } = JSON.parse(envelope).issuerAsserted;
    const key = await keyIn(
      `${VAARA}/keys/${alg === "HS256" ? "hs256_secret.bin" : `${alg.toLowerCase()}_public.pem`}`,
    );
    const args = `${VAARA}/normative/${name}/runtime_args.json`;
    const verdict = await judge({ envelope, args: existsSync(args) ? readText(args) : "{}", key, now });

    if (!expected.signature_ok) return expect(signatureFaults).toContain(verdict);
    if (!expected.ttl_ok) return expect(verdict).toBe("verify: attestation.ttl_passed");
    // Null: the set has no arguments for this case.
    if (expected.args_commitment_ok === null)
      return expect(verdict).toBe("bind: attestation.redacted_not_allowed");
    return expect(verdict).toBe(
      expected.args_commitment_ok ? "accepted" : "bind: attestation.hash_only_mismatch",
    );
  });
});
