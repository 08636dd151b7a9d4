/**
 * Attestations that other people published, all of dialect B: each through parse, verify and bind, with the case's own
 * key, clock and arguments.
 */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "../../src/encoding.ts";
import { bindAttestation } from "../../src/evidence/attestation/bind.ts";
import { parseAttestation } from "../../src/evidence/attestation/parse.ts";
import { signingInput } from "../../src/evidence/attestation/signature.ts";
import { verifyAttestation } from "../../src/evidence/attestation/verify.ts";
import { isObject, parseStrictJson } from "../../src/json/strict-json.ts";
import { type AttestationKey, attestationIdentity, attestationKeyId } from "../../src/tenant/tenant.ts";
import { agentNamed } from "../support/agents.ts";
import { policyOf } from "../support/attestation-policy.ts";
import { keyFile, keyIn } from "./keys.ts";
import {
  type Case,
  compared,
  explained,
  failed,
  namesIn,
  type Outcome,
  passed,
  readJson,
  readText,
  type VectorSet,
} from "./set.ts";

// -- the vectors of the SEP's pull request 2789 -------------------------------------------------------------

const BUCKETS = ["normative/positive", "normative/negative", "verifier-policy/negative"];

/**
 * What we say, by case. The set has no arguments: a positive case verifies, and then stops at the ones that it is held
 * against here.
 */
const VERDICTS: Readonly<Record<string, string>> = {
  "01-hs256-projection-hash-only": "bind: attestation.hash_only_mismatch",
  "02-es256-projection-hash-only": "bind: attestation.hash_only_mismatch",
  "03-rs256-projection-hash-only": "bind: attestation.hash_only_mismatch",
  "04-hs256-ref": "bind: attestation.ref_resolver_off",
  "05-hs256-projection": "bind: attestation.redacted_not_allowed",
  "06-rs256-projection": "bind: attestation.redacted_not_allowed",
  "07-tampered-planner-declared": "verify: attestation.signature_mismatch",
  "08-tampered-issuer-asserted": "verify: attestation.issuer_unknown",
  "09-ieee754-float-in-canonical-input": "parse: attestation.schema",
  "10-ttl-expired-past-skew": "verify: attestation.ttl_passed",
  "11-unsupported-alg-hs512": "verify: attestation.alg_unsupported",
  "12-args-commitment-missing-discriminator": "parse: attestation.args_missing",
  "13-hs256-envelope-against-es256-verifier": "verify: attestation.alg_not_pinned",
  "14-alg-downgrade-none": "verify: attestation.alg_unsupported",
};

export const published: VectorSet = {
  name: "SEP-2787, pull request 2789",
  folder: "sep-2787-v0",
  size: 14,
  policies: {
    "no key, no signature check":
      "the issuer was changed into one that nobody has a key of, so none is tried",
  },
  cases: (folder) =>
    BUCKETS.flatMap((bucket) => namesIn(folder, bucket).map((name) => join(folder, bucket, name))).map(
      (at): Case => ({ id: at.slice(folder.length + 1), run: () => judgePublished(folder, at) }),
    ),
};

async function judgePublished(folder: string, at: string): Promise<Outcome> {
  const expected = readJson(at, "expected.json");
  const isSigned = existsSync(join(at, "signed_envelope.json"));
  const envelope = readText(at, isSigned ? "signed_envelope.json" : "unsigned_envelope.json");
  const key = await keyIn(join(folder, expected.verifying_material ?? "keys/hs256_secret.bin"));
  const now = expected.verify_at_epoch ?? seconds("2026-05-26T12:00:00Z");
  const verdict = await judge({ envelope, args: "{}", key, now });
  if (verdict !== VERDICTS[expected.case_id]) return compared(verdict, VERDICTS[expected.case_id]);
  // What the set calls verified is what comes as far as the call.
  if (verdict.startsWith("bind: ") !== expected.verification_result) return failed(verdict);
  const input = signingInput(JSON.parse(envelope));
  if (verdict === "verify: attestation.issuer_unknown") {
    const signature = Buffer.from(JSON.parse(envelope).signature, "hex");
    const verifies = await crypto.subtle.verify("HMAC", key.key, signature, input);
    return verifies ? failed("the signature fits") : explained("no key, no signature check");
  }
  // The bytes that were signed; in a tampered case they are those from before the tampering.
  if (!expected.verification_result) return passed;
  const signedBytes = readFileSync(join(at, "canonical_signing_input.bin"));
  return compared(toHex(input), signedBytes.toString("hex"));
}

// -- the vectors of Vaara -----------------------------------------------------------------------------------

export const vaara: VectorSet = {
  name: "SEP-2787, Vaara",
  folder: "sep2787-attestation-v0",
  size: 7,
  policies: {
    "redacted arguments":
      "they are refused unless a tenant takes them for a tool; the set has none to hold them against",
  },
  cases: (folder) =>
    namesIn(folder, "normative").map((name): Case => ({ id: name, run: () => judgeVaara(folder, name) })),
};

/** Our first failure against the set's verdict on each of the steps up to it. */
async function judgeVaara(folder: string, name: string): Promise<Outcome> {
  const at = join(folder, "normative", name);
  const expected = readJson(at, "expected.json");
  const envelope = readText(at, "attestation.json");
  const { alg } = JSON.parse(envelope).issuerAsserted;
  const verdict = await judge({
    envelope,
    args: existsSync(join(at, "runtime_args.json")) ? readText(at, "runtime_args.json") : "{}",
    key: await keyIn(join(folder, "keys", keyFile(alg))),
    now: seconds("2026-05-29T10:00:30Z"),
  });
  if (!expected.signature_ok) {
    const faults = ["verify: attestation.signature_mismatch", "verify: attestation.alg_unsupported"];
    return faults.includes(verdict) ? passed : failed(verdict);
  }
  if (!expected.ttl_ok) return compared(verdict, "verify: attestation.ttl_passed");
  if (expected.args_commitment_ok === null) {
    return verdict === "bind: attestation.redacted_not_allowed"
      ? explained("redacted arguments")
      : failed(verdict);
  }
  return compared(verdict, expected.args_commitment_ok ? "accepted" : "bind: attestation.hash_only_mismatch");
}

// -- both ---------------------------------------------------------------------------------------------------

interface Attempt {
  /** JSON texts. */
  readonly envelope: string;
  readonly args: string;
  readonly key: AttestationKey;
  /** Seconds. */
  readonly now: number;
}

/** How far an attestation comes, and the reason where it stops. */
async function judge({ envelope, args, key, now }: Attempt): Promise<string> {
  const bodyText = `{"params":{"name":"delete_file","arguments":${args},"_meta":{"attestation":${envelope}}}}`;
  const body = parseStrictJson(bodyText);
  if (!body.ok || !isObject(body.value) || !isObject(body.value.params)) throw new Error("not a strict body");
  const { _meta, arguments: callArguments } = body.value.params;
  if (!isObject(_meta) || !isObject(callArguments)) throw new Error("not a tools/call");

  const policy = policyOf({ dialects: ["B"] });
  const presented = parseAttestation({ header: undefined, meta: _meta, bodyText, policy });
  if (presented.state === "absent") return "absent";
  if (presented.state === "malformed") return `parse: ${presented.reason}`;
  const verified = await verifyAttestation(presented.value, {
    keys: new Map([[attestationKeyId("issuer://test", "v1"), key]]),
    agents: new Map([[attestationIdentity("issuer://test", "agent:archiver"), agentNamed("archiver")]]),
    policy,
    now,
  });
  if (!verified.ok) return `verify: ${verified.error}`;
  const call = {
    tenant: "acme",
    fingerprints: new Set([`sha256:${"1".repeat(64)}`]),
    tool: "delete_file",
    arguments: callArguments,
    bodyText,
  };
  const bound = await bindAttestation(verified.value, call, policy);
  return bound.ok ? "accepted" : `bind: ${bound.error}`;
}

const seconds = (time: string): number => Date.parse(time) / 1000;
