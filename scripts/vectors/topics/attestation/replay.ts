import { isoTime } from "../../make/attestation.ts";
import { admitted, again, type CaseSource, type Draft, denied, NOW, refused, sent } from "../../make/case.ts";
import { BOBS_PLANNER } from "../../tenants.ts";
import { against, attested, type Dialect, policy } from "./calls.ts";

const NONCE = "SEP-2787, verification rule 2";
const LAST = "Countersign attestation, gap 3";
const KEPT = "Countersign attestation, gap 4";
const SCOPE = "Countersign attestation, gap 5";
const RETRY = "Countersign attestation, gap 14";
const TIME = "SEP-2787, verification rule 3";

/** Made at one moment, with one nonce, however often it is sent. */
const SAME = { issuer: { nonce: "the-same", iat: isoTime(NOW) } };

const made = (ahead: number, more: object = {}) => ({ issuer: { iat: isoTime(NOW + ahead), ...more } });

/** The second signature of the same message: r and n - s. */
function otherSignature(hex: string): string {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const s = BigInt(`0x${hex.slice(64)}`);
  return hex.slice(0, 64) + (order - s).toString(16).padStart(64, "0");
}

const INPUT_REQUIRED = {
  status: 200,
  headers: { "content-type": "application/json" },
  body: '{"jsonrpc":"2.0","id":1,"result":{"resultType":"input_required","inputRequests":{},"requestState":"opaque"}}',
};

const retried = (extra: string) =>
  `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"sealed","arguments":{"query":"tides"},${extra}}}`;
const RETRIED = retried('"inputResponses":{},"requestState":"opaque"');

const knowsOtherIssuer = (document: Draft) => {
  document.agents[0]?.attestations?.push({ iss: BOBS_PLANNER, sub: "agent:ada" });
};

export const replay = (dialect: Dialect): readonly CaseSource[] => {
  const same = attested(dialect, SAME);
  const es256 = { ...SAME, by: "planner-es256" };
  const at = (fingerprint: string) =>
    attested(dialect, { ...SAME, calls: (call) => [{ ...call, serverFingerprint: fingerprint }] });
  return [
    denied(
      "twice",
      "attestation.nonce_seen",
      "The same attestation in a second call that is honest",
      NONCE,
      same,
      { before: [sent(same)] },
    ),
    denied(
      "captured",
      "replay.ect",
      "The whole request once more: the replay of its ECT is said first",
      NONCE,
      again(),
      { before: [sent(same)] },
    ),
    denied(
      "other-carrier",
      "attestation.nonce_seen",
      "The same attestation in _meta, after it was in the header",
      NONCE,
      attested(dialect, { ...SAME, in: "meta" }),
      { before: [sent(same)] },
    ),
    denied(
      "same-nonce",
      "attestation.nonce_seen",
      "Another attestation with the same nonce",
      NONCE,
      attested(dialect, { ...SAME, planner: { intent: "Another" } }),
      { before: [sent(same)] },
    ),
    denied(
      "other-signature",
      "attestation.nonce_seen",
      "The other ES256 signature of the same envelope",
      "Countersign attestation, gap 8",
      attested(dialect, { ...es256, signature: otherSignature }),
      { before: [sent(attested(dialect, es256))] },
    ),
    admitted(
      "after-other-arguments",
      "The attestation was shown with other arguments before: its nonce is still free",
      LAST,
      same,
      {
        before: [refused("attestation.hash_only_mismatch", against(dialect, '{"query":"waves"}', SAME))],
      },
    ),
    admitted("after-other-tool", "The attestation was shown with another tool before", LAST, same, {
      before: [
        refused(
          "attestation.tool_differs",
          attested(dialect, { ...SAME, calls: (call) => [{ ...call, name: "sealed" }] }, { tool: "search" }),
        ),
      ],
    }),
    admitted("last-second", "In the last second, 30 s after its end", KEPT, attested(dialect, made(-330))),
    denied(
      "last-second-twice",
      "attestation.nonce_seen",
      "Again in the last second: the nonce is kept as long as it can be accepted",
      KEPT,
      same,
      { before: [sent(same)], at: 330 },
    ),
    denied(
      "late-twice",
      "attestation.nonce_seen",
      "Twice 29 s after its end",
      KEPT,
      attested(dialect, made(-329, { nonce: "late" })),
      { before: [sent(attested(dialect, made(-329, { nonce: "late" })))] },
    ),
    denied("after-last-second", "attestation.ttl_passed", "Again when it has ended for good", KEPT, same, {
      before: [sent(same)],
      at: 331,
    }),
    admitted(
      "other-fingerprint",
      "The same nonce for another of the server's fingerprints",
      SCOPE,
      at("urn:two"),
      {
        change: (document) => {
          document.serverFingerprints = ["urn:one", "urn:two"];
        },
        before: [sent(at("urn:one"))],
      },
    ),
    denied(
      "same-fingerprint",
      "attestation.nonce_seen",
      "The same nonce for the same one of two fingerprints",
      SCOPE,
      at("urn:one"),
      {
        change: (document) => {
          document.serverFingerprints = ["urn:one", "urn:two"];
        },
        before: [sent(at("urn:one"))],
      },
    ),
    admitted(
      "other-issuer",
      "The same nonce from another issuer",
      SCOPE,
      attested(dialect, { ...SAME, by: "bob-planner", iss: BOBS_PLANNER }),
      {
        change: knowsOtherIssuer,
        before: [sent(same)],
      },
    ),
    denied(
      "retry-old",
      "attestation.nonce_seen",
      "A call is tried again after input_required, with the old attestation",
      RETRY,
      attested(dialect, SAME, { body: RETRIED, tool: "sealed" }),
      {
        before: [sent(same, { origin: INPUT_REQUIRED })],
      },
    ),
    admitted(
      "retry-fresh",
      "The same with an attestation of its own",
      RETRY,
      attested(dialect, {}, { body: RETRIED, tool: "sealed" }),
      {
        before: [sent(same, { origin: INPUT_REQUIRED })],
      },
    ),
    denied(
      "unbound-responses",
      "attestation.unbound_input",
      "inputResponses, where the tenant wants nothing unbound",
      RETRY,
      attested(dialect, {}, { body: retried('"inputResponses":{}'), tool: "sealed" }),
      policy({ refuseUnboundInput: {} }),
    ),
    denied(
      "unbound-state",
      "attestation.unbound_input",
      "requestState, for a tool that the tenant lists",
      RETRY,
      attested(dialect, {}, { body: retried('"requestState":"opaque"'), tool: "sealed" }),
      policy({ refuseUnboundInput: { tools: ["sealed"] } }),
    ),
    ...["inputresponses", "RequestState", "requestState\\u0000"].map((name, i) =>
      denied(
        `unbound-case-${i + 1}`,
        "message.case_variant",
        "Another spelling of inputResponses or requestState, where the tenant wants nothing unbound",
        RETRY,
        attested(dialect, {}, { body: retried(`"${name}":{}`), tool: "sealed" }),
        policy({ refuseUnboundInput: {} }),
      ),
    ),
    admitted(
      "unbound-other-tool",
      "requestState, where the tenant lists another tool",
      RETRY,
      attested(dialect, {}, { body: RETRIED, tool: "sealed" }),
      policy({ refuseUnboundInput: { tools: ["search"] } }),
    ),

    // -- time -----------------------------------------------------------------------------------------
    admitted("ahead-30", "iat is 30 s ahead", TIME, attested(dialect, made(30))),
    denied("ahead-31", "attestation.iat_in_future", "iat is 31 s ahead", TIME, attested(dialect, made(31))),
    denied("ended-31", "attestation.ttl_passed", "31 s after its end", TIME, attested(dialect, made(-331))),
    denied(
      "exp-301",
      "attestation.ttl_over_cap",
      "expSeconds is 301",
      "Countersign attestation, gap 7",
      attested(dialect, { issuer: { expSeconds: 301 } }),
    ),
    denied(
      "exp-61",
      "attestation.ttl_over_cap",
      "expSeconds is 61, and the tenant takes 60",
      "Countersign attestation, gap 7",
      attested(dialect, { issuer: { expSeconds: 61 } }),
      policy({ maxExpSeconds: 60 }),
    ),
    denied(
      "no-ledger",
      "ledger.unavailable",
      "Nobody can tell whether the nonce was used: nothing is forwarded",
      LAST,
      same,
      { environment: ["ledger-unavailable"] },
    ),
  ];
};
