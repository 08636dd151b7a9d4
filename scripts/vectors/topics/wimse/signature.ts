import { alsoCovering, notCovering } from "../../make/call.ts";
import { again, type CaseSource, NOW, refused, sent } from "../../make/case.ts";
import type { Parameter } from "../../make/http-signature.ts";
import { key } from "../../make/keys.ts";
import { changeHeader, withLine } from "../../make/message.ts";
import { utf8 } from "../../make/tokens.ts";
import { beside, FOREIGN } from "../http-signature/changes.ts";
import { asWorkload, HTTP, wimseAdmitted, wimseDenied } from "./changes.ts";

const TAG = "wimse-workload-to-workload";

const signed = (parameters: Readonly<Record<string, Parameter | undefined>>) => ({
  workload: {},
  signature: { parameters },
});

const BAD_PARAMETERS: readonly (readonly [
  id: string,
  title: string,
  parameters: Readonly<Record<string, Parameter | undefined>>,
])[] = [
  ["created-absent", "No created", { created: undefined }],
  ["expires-absent", "No expires", { expires: undefined }],
  ["nonce-absent", "No nonce", { nonce: undefined }],
  ["nonce-type", "A nonce that is an Integer", { nonce: 1 }],
  ["audience-absent", "No wimse-aud", { "wimse-aud": undefined }],
  ["keyid", "keyid, which is forbidden", { keyid: "workload" }],
  ["alg", "alg, which is forbidden", { alg: "ecdsa-p256-sha256" }],
  ["req-nonce", "wimse-req-nonce, which is for responses", { "wimse-req-nonce": "nonce-1" }],
  ["unknown", "A parameter of WIMSE that is not known", { "wimse-more": "x" }],
  ["demand-type", "wimse-sign-response that is no Boolean", { "wimse-sign-response": 1 }],
];

const REQUIRED = [
  "@method",
  "@path",
  "@query",
  "authorization",
  "content-type",
  "content-digest",
  "workload-identity-token",
  "wimse-ect",
];

export const signatureCases: readonly CaseSource[] = [
  wimseAdmitted("plain", "A workload calls, by revision 07", HTTP),
  wimseAdmitted(
    "revision-06",
    "A workload calls, by revision 06",
    "draft-ietf-wimse-http-signature-06 section 3",
    { workload: { revision: "wimse-06" } },
    { change: asWorkload("wimse-06") },
  ),
  wimseDenied("revision-06-for-07", "signature.coverage", "@request-target where 07 is wanted", HTTP, {
    workload: { revision: "wimse-06" },
  }),
  wimseDenied(
    "revision-07-for-06",
    "signature.coverage",
    "@path and @query where 06 is wanted",
    "draft-ietf-wimse-http-signature-06 section 3",
    { workload: {} },
    { change: asWorkload("wimse-06") },
  ),
  wimseDenied(
    "no-signature",
    "signature.missing",
    "No signature",
    HTTP,
    { workload: {}, signature: null },
    {
      expect: { status: 400, error: { code: 400, reason: "signature.missing" } },
    },
  ),
  wimseDenied("changed", "signature.mismatch", "One octet of the signature changed", HTTP, {
    workload: {},
    signature: { bytes: (bytes) => bytes.with(0, (bytes[0] ?? 0) ^ 1) },
  }),
  ...REQUIRED.map((name) =>
    wimseDenied(`uncovered-${name.replace("@", "")}`, "signature.coverage", `${name} is not covered`, HTTP, {
      workload: {},
      signature: { components: notCovering(name) },
    }),
  ),
  ...["Txn-Token", "ACT-Mandate", "X-MCP-Attestation", "Mcp-Param-Region"].map((name) =>
    wimseDenied(
      `added-${name.toLowerCase()}`,
      "signature.coverage",
      `${name} added to a captured request`,
      HTTP,
      {
        workload: {},
        // What is added to a mandate is read before the signature, so this one is the very mandate.
        after: (message) =>
          withLine(message, name, name === "ACT-Mandate" ? mandateIn(message.headers) : "added"),
      },
    ),
  ),
  wimseAdmitted("more-covered", "More is covered than is wanted", HTTP, {
    workload: {},
    signature: { components: alsoCovering("@authority", "@scheme", "@target-uri") },
  }),

  // -- selection ----------------------------------------------------------------
  wimseAdmitted("label", "Any label", HTTP, { workload: {}, signature: { label: "x" } }),
  wimseDenied(
    "untagged",
    "signature.missing",
    "No tag, though the label is wimse",
    HTTP,
    {
      workload: {},
      signature: { label: "wimse", parameters: { tag: undefined } },
    },
    { expect: { status: 400, error: { code: 400, reason: "signature.missing" } } },
  ),
  wimseAdmitted("foreign", "A signature of somebody else, which is called wimse", HTTP, {
    workload: {},
    ...beside('wimse=("@nothing" "x-absent";bs);created=1;keyid="elsewhere"', `wimse=${FOREIGN}`, "before"),
  }),
  ...(["before", "behind"] as const).map((where) =>
    wimseDenied(
      `two-tagged-${where}`,
      "signature.not_one",
      `A second signature with the tag, ${where} the good one`,
      HTTP,
      {
        workload: {},
        ...beside(`x=("@method");created=1;tag="${TAG}"`, `x=${FOREIGN}`, where),
      },
    ),
  ),

  // -- parameters ----------------------------------------------------------------
  ...BAD_PARAMETERS.map(([id, title, parameters]) =>
    wimseDenied(`parameter-${id}`, "signature.parameters", title, HTTP, signed(parameters)),
  ),
  wimseDenied(
    "audience",
    "signature.audience",
    "wimse-aud of another endpoint",
    HTTP,
    signed({ "wimse-aud": "https://gateway.example/other/mcp" }),
  ),
  wimseDenied(
    "in-future",
    "signature.in_future",
    "created in the future",
    HTTP,
    signed({ created: NOW + 31 }),
  ),
  wimseDenied(
    "expired",
    "signature.expired",
    "Expired",
    HTTP,
    signed({ created: NOW - 100, expires: NOW - 31 }),
  ),
  wimseDenied(
    "window",
    "signature.window",
    "A life of more than five minutes",
    HTTP,
    signed({ expires: NOW + 301 }),
  ),
  wimseDenied(
    "window-backwards",
    "signature.window",
    "expires before created",
    HTTP,
    signed({ expires: NOW - 1 }),
  ),
  wimseAdmitted(
    "no-demand",
    "wimse-sign-response ?0 is no demand",
    HTTP,
    signed({ "wimse-sign-response": { raw: "?0" } }),
  ),
  wimseDenied(
    "demand",
    "signature.response_demanded",
    "A signed answer is demanded, and answers stream",
    "draft-ietf-wimse-http-signature-07, Response Signing",
    signed({ "wimse-sign-response": true }),
    { expect: { headers: { "countersign-ect": "recorded" } } },
  ),

  // -- the message ----------------------------------------------------------------
  wimseDenied("body", "digest.mismatch", "The body is another", "RFC 9530 section 2", {
    workload: {},
    after: (message) => ({
      ...message,
      body: utf8('{"jsonrpc":"2.0","id":1,"method":"ping"}'),
    }),
  }),
  wimseDenied("digest-absent", "digest.missing", "A body without Content-Digest", HTTP, {
    workload: {},
    digest: null,
  }),
  wimseDenied(
    "ect-key",
    "ect.signature",
    "An ECT by another key than the token's",
    "Countersign profile, ECT",
    { workload: {}, ect: { by: "workload-other" } },
  ),
  wimseDenied(
    "ect-kid",
    "ect.key_unknown",
    "An ECT whose kid is not the token's",
    "Countersign profile, ECT",
    { workload: {}, ect: { header: { kid: "elsewhere" } } },
  ),
  wimseDenied("replay", "replay.ect", "The same request twice", HTTP, again(), {
    before: [sent({ workload: {} })],
  }),
  wimseAdmitted(
    "forged-nonce",
    "A forged copy comes first, and does not use up the nonce",
    HTTP,
    { workload: {}, signature: { parameters: { nonce: "nonce-1" } }, ect: { claims: { jti: "ect-1" } } },
    {
      before: [
        refused(
          "signature.mismatch",
          {
            workload: {},
            after: (message) =>
              changeHeader(message, "Signature", (text) =>
                text.replace(/=:(.)/, (_, c) => `=:${c === "A" ? "B" : "A"}`),
              ),
          },
          { expect: { status: 400, error: { code: 400, reason: "signature.invalid" } } },
        ),
      ],
    },
  ),

  // -- which proof an agent gives ----------------------------------------------------
  wimseDenied(
    "registered-key",
    "wit.missing",
    "A workload's agent signs with a key, in the profile agent",
    "Countersign, tenant document: workload",
    { agent: "ada" },
    {
      expect: { status: 400, error: { code: 400, reason: "wit.missing" } },
    },
  ),
  wimseDenied(
    "with-keys",
    "signature.key_unknown",
    "An agent that has registered keys sends a WIT",
    "Countersign, tenant document: workload",
    { workload: {} },
    {
      change: (d) => {
        d.trustDomains = [{ domain: "example.org", keys: [key("wit-authority").publicJwk] }];
      },
      expect: { status: 403, error: { code: 403, reason: "signature.invalid" } },
    },
  ),
];

const mandateIn = (headers: readonly (readonly [string, string])[]): string =>
  (headers.find(([name]) => name === "Authorization")?.[1] ?? "").replace("Bearer ", "");
