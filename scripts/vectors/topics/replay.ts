import type { Call } from "../make/call.ts";
import { admitted, again, denied, NOW, refused, sent, type Topic } from "../make/case.ts";

const ECT = "Countersign profile, ECT: replay";
const NONCE = "RFC 9421 section 7.2.2";
const SPENT = "Countersign profile, What each kind of message needs";

/** A request whose one-time value is the signature's nonce. */
const PING: Call = { rpc: { id: 1, method: "ping" }, ect: null };

const withJti = (jti: string, more: Call = {}): Call => ({
  ...more,
  ect: { ...more.ect, claims: { ...more.ect?.claims, jti } },
});
const withNonce = (nonce: string, more: Call = {}): Call => ({
  ...more,
  signature: { parameters: { nonce } },
});

export const replay: Topic = {
  name: "replay",
  title: "What can be used only once",
  cases: [
    // -- ECT ------------------------------------------------------------------------------------------
    denied("twice", "replay.ect", "A captured request", ECT, again(), {
      before: [sent()],
      expect: { headers: { "countersign-ect": "not-recorded" } },
    }),
    denied("three-times", "replay.ect", "A captured request, for the third time", ECT, again(), {
      before: [sent(), refused("replay.ect", again())],
    }),
    denied("at-its-end", "replay.ect", "A captured request in its last acceptable second", ECT, again(), {
      before: [sent({}, { at: -150 })],
    }),
    denied("after-its-end", "signature.expired", "A captured request one second later", ECT, again(), {
      before: [sent({}, { at: -151 })],
    }),
    denied(
      "jti-reused",
      "replay.ect",
      "A new ECT with the jti of an old one, for another body",
      ECT,
      withJti("ect-1", { arguments: { query: "storms" } }),
      { before: [sent()] },
    ),
    denied(
      "jti-other-mandate",
      "replay.ect",
      "The jti again under another mandate",
      ECT,
      {
        mandate: { claims: { jti: "mandate-2" } },
        ect: { claims: { jti: "ect-1", pred: ["mandate-2"] } },
      },
      { before: [sent()] },
    ),
    denied(
      "jti-other-key",
      "replay.ect",
      "The jti again with the agent's other key",
      ECT,
      {
        ect: { by: "ada-second", claims: { jti: "ect-1" } },
        signature: { by: "ada-second" },
      },
      { before: [sent()] },
    ),
    admitted(
      "jti-other-lane",
      "The jti again with a key of another lane: each lane keeps its own",
      ECT,
      {
        ect: { by: "ada-second", claims: { jti: "ect-1" } },
        signature: { by: "ada-second" },
      },
      {
        before: [sent()],
        change: (d) => {
          const [ada] = d.agents;
          const second = ada?.keys?.[1];
          if (ada !== undefined) ada.attestations = [];
          if (second !== undefined) second.lane = 1;
        },
      },
    ),
    admitted(
      "jti-other-agent",
      "The same jti from another agent: nobody can use up another's",
      ECT,
      withJti("ect-1", { agent: "bob" }),
      { before: [sent()] },
    ),
    denied(
      "jti-old-header",
      "replay.ect",
      "The same ECT in Execution-Context",
      ECT,
      withJti("ect-1", { ect: { in: ["execution-context"] } }),
      { before: [sent()] },
    ),
    denied(
      "after-denial",
      "replay.ect",
      "An ECT whose call was denied is used up all the same",
      ECT,
      again(),
      { before: [refused("capability.missing", { tool: "delete" })] },
    ),
    admitted(
      "not-burnt",
      "A stranger sends the honest caller's ECT first, with a signature of no worth: it is not used up",
      ECT,
      withJti("ect-1"),
      {
        before: [
          refused("signature.mismatch", {
            signature: { bytes: (octets) => octets.with(0, (octets[0] ?? 0) ^ 1) as typeof octets },
          }),
        ],
      },
    ),
    admitted(
      "not-burnt-by-agent",
      "Another agent sends it first, with a good signature of its own",
      ECT,
      withJti("ect-1"),
      {
        before: [refused("principal.mismatch", { signature: { by: "bob" } })],
      },
    ),
    denied(
      "too-late",
      "replay.too_late",
      "An ECT issued 31 s before the ledger of its agent began: it may have been used before",
      ECT,
      { ect: { claims: { iat: NOW - 31 } } },
    ),
    admitted("just-in-time", "An ECT issued 30 s before the ledger began", ECT, {
      ect: { claims: { iat: NOW - 30 } },
    }),

    // -- what the signature does not cover --------------------------------------------------------------
    denied(
      "uncovered-attestation",
      "attestation.signature_mismatch",
      "poc: the attestation may be anybody's, so what it brings about does not use up the ECT",
      ECT,
      {
        agent: "ada-poc",
        attestation: { signature: () => "0".repeat(64) },
      },
      { expect: { headers: { "countersign-ect": "not-recorded" } } },
    ),
    admitted(
      "uncovered-attestation-after",
      "poc: the honest request, after one with another attestation",
      ECT,
      {
        agent: "ada-poc",
        attestation: {},
        ect: { claims: { jti: "ect-1" } },
      },
      {
        before: [
          refused("attestation.signature_mismatch", {
            agent: "ada-poc",
            attestation: { signature: () => "0".repeat(64) },
          }),
        ],
      },
    ),

    // -- nonce of the signature -----------------------------------------------------------------------
    denied("nonce", "replay.nonce", "A captured request without an ECT", NONCE, again(), {
      before: [sent(PING)],
    }),
    denied("nonce-at-its-end", "replay.nonce", "The same in its last acceptable second", NONCE, again(), {
      before: [sent(PING, { at: -150 })],
    }),
    denied("nonce-after-its-end", "signature.expired", "The same one second later", NONCE, again(), {
      before: [sent(PING, { at: -151 })],
    }),
    denied(
      "nonce-reused",
      "replay.nonce",
      "Another request with the nonce of an old one",
      NONCE,
      withNonce("nonce-1", PING),
      { before: [sent(PING)] },
    ),
    denied(
      "nonce-later-window",
      "replay.nonce",
      "The nonce again in a signature made 5 minutes later",
      NONCE,
      withNonce("nonce-1", PING),
      { before: [sent({ ...PING, signature: { parameters: { expires: NOW } } }, { at: -300 })] },
    ),
    denied("nonce-get", "replay.nonce", "A captured GET", SPENT, again(), {
      before: [sent({ method: "GET" })],
    }),
    denied("nonce-delete", "replay.nonce", "A captured DELETE", SPENT, again(), {
      before: [sent({ method: "DELETE" })],
    }),
    denied("nonce-notification", "replay.nonce", "A captured notification", SPENT, again(), {
      before: [sent({ rpc: { method: "notifications/initialized" }, ect: null })],
    }),
    admitted(
      "nonce-other-agent",
      "The same nonce from another agent",
      NONCE,
      withNonce("nonce-1", { ...PING, agent: "bob" }),
      { before: [sent(PING)] },
    ),
    admitted(
      "nonce-beside-ect",
      "The same nonce beside another ECT: where there is an ECT, its jti is what is spent",
      SPENT,
      withNonce("nonce-1"),
      { before: [sent()] },
    ),
    denied(
      "nonce-too-late",
      "replay.too_late",
      "A signature made 31 s before the ledger of its agent began",
      NONCE,
      { ...PING, signature: { parameters: { created: NOW - 31 } } },
    ),
    denied(
      "ect-for-nonce",
      "signature.component",
      "The ECT is taken out of a captured request, so that its nonce would count",
      SPENT,
      {
        rpc: { id: 1, method: "ping" },
        after: (m) => ({ ...m, headers: m.headers.filter(([name]) => name !== "Wimse-ECT") }),
      },
    ),
  ],
};
