import { notCovering } from "../../make/call.ts";
import { admitted, type CaseSource, denied, NOW } from "../../make/case.ts";
import type { Bytes } from "../../make/keys.ts";
import { withHeader } from "../../make/message.ts";
import { FIELDS, PARAMETERS, PROFILE, parameters } from "./changes.ts";

export const profilesCases: readonly CaseSource[] = [
  // -- profiles and algorithms -----------------------------------------------------------------------
  admitted("agent", "The profile agent, ECDSA P-256", PROFILE, {}),
  admitted(
    "ed25519",
    "The profile agent, Ed25519",
    "RFC 9421 section 3.3.6",
    { signature: { by: "ada-ed25519" }, ect: { by: "ada-ed25519" } },
    {
      change: (d) => {
        d.ect = { algorithms: ["ES256", "EdDSA"] };
      },
    },
  ),
  admitted("alg", "alg confirms the key's algorithm", PARAMETERS, parameters({ alg: "ecdsa-p256-sha256" })),
  admitted("poc", "The profile poc, which covers four components", PROFILE, { agent: "courier" }),
  admitted("poc-extra", "poc may say more: nonce, expires", PROFILE, {
    agent: "courier",
    signature: { parameters: { nonce: "n", expires: NOW + 60 } },
  }),
  denied("poc-no-alg", "signature.parameters", "poc without alg", PROFILE, {
    agent: "courier",
    signature: { parameters: { alg: undefined } },
  }),
  denied("poc-no-ect", "signature.coverage", "poc without an ECT, on a request that needs none", PROFILE, {
    agent: "courier",
    rpc: { id: 1, method: "ping" },
    ect: null,
    signature: { components: notCovering("wimse-ect") },
  }),
  denied("poc-no-digest", "signature.coverage", "poc that does not cover the digest", PROFILE, {
    agent: "courier",
    signature: { components: notCovering("content-digest") },
  }),
  denied(
    "profile-chosen",
    "signature.parameters",
    "A key of the profile agent with what is enough for poc: the key says which, not the message",
    PROFILE,
    {
      signature: {
        components: () => ["@method", "@target-uri", "content-digest", "wimse-ect"],
        parameters: { nonce: undefined, expires: undefined, alg: "ecdsa-p256-sha256" },
      },
    },
  ),
  denied("missing", "signature.missing", "There is no signature", PROFILE, { signature: null }),
  denied("input-alone", "signature.malformed", "Signature-Input alone: half of it is not absent", FIELDS, {
    after: (m) => withHeader(m, "Signature", null),
  }),
  denied("signature-alone", "signature.malformed", "Signature alone", FIELDS, {
    after: (m) => withHeader(m, "Signature-Input", null),
  }),

  // -- no way around -------------------------------------------------------------------------
  denied("get-unsigned", "signature.missing", "GET without a signature", PROFILE, {
    method: "GET",
    signature: null,
  }),
  denied("delete-bad", "signature.mismatch", "DELETE with a bad signature", PROFILE, {
    method: "DELETE",
    signature: { bytes: (octets) => octets.with(9, (octets[9] ?? 0) ^ 4) as Bytes },
  }),
  denied("notification-unsigned", "signature.missing", "A notification without a signature", PROFILE, {
    rpc: { method: "notifications/initialized" },
    signature: null,
  }),
  denied("response-unsigned", "signature.missing", "A posted response without a signature", PROFILE, {
    body: '{"jsonrpc":"2.0","id":"s1","result":{}}',
    signature: null,
  }),
];
