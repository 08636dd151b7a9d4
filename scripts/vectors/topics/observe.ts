import type { Call } from "../make/call.ts";
import { type CaseOptions, type Draft, denied, observed, type Sent, sent, type Topic } from "../make/case.ts";
import { flipped, part } from "../make/tokens.ts";

const PAGE = "Countersign docs/observe.md";
const GIVEN = `${PAGE}, What an observed call is given`;
const ALL_THE_SAME = `${PAGE}, What is refused all the same`;

type Rule = NonNullable<Draft["observe"]>[number];

const LATER = "2027-01-01T00:00:00Z";
/** The second at which the cases happen. */
const AT_ONCE = "2026-02-26T00:00:00Z";

const looking =
  (...rules: readonly Partial<Rule>[]) =>
  (document: Draft): void => {
    document.observe = rules.map((rule) => ({ until: LATER, ...rule }));
  };

function listingNothing(document: Draft): void {
  document.policy = {};
  document.evidence = document.evidence?.filter(({ tools }) => tools === undefined);
}

/** As a client of the origin sends it that knows nothing of any evidence. */
const PLAIN: Call = { mandate: null, ect: null, digest: null, signature: null };

const AS_A_STRANGER = { "countersign-assertion": null, authorization: null };

const stranger = (id: string, reason: string, title: string, send: Sent, options: CaseOptions = {}) =>
  observed(id, reason, title, GIVEN, send, {
    change: looking({}),
    ...options,
    expect: { forwarded: AS_A_STRANGER, ...options.expect },
  });

export const observe: Topic = {
  name: "observe",
  title: "What is only observed",
  cases: [
    stranger("plain", "bearer.missing", "A call without any evidence", PLAIN),
    stranger("initialize", "bearer.missing", "A session that is begun without any", {
      ...PLAIN,
      rpc: {
        id: 1,
        method: "initialize",
        params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "c", version: "1" } },
      },
    }),
    stranger("signature", "signature.mismatch", "A signature that does not hold", {
      signature: { bytes: (bytes) => bytes.map((byte, i) => (i === 0 ? byte ^ 1 : byte)) },
    }),
    stranger("mandate", "act.signature", "A mandate that does not hold", {
      mandate: { token: part(2, flipped) },
    }),
    stranger("own-token", "act.malformed", "A token of the origin's own is not passed on", {
      ...PLAIN,
      headers: { Authorization: "Bearer of-the-origin" },
    }),
    stranger(
      "own-token-passed-on",
      "act.malformed",
      "Unless the tenant says so",
      {
        ...PLAIN,
        headers: { Authorization: "Bearer of-the-origin" },
      },
      {
        change: (document) => {
          looking({})(document);
          document.origin.unsafeForwardAuthorization = true;
        },
        expect: { forwarded: { authorization: "Bearer of-the-origin" } },
      },
    ),
    stranger("credential", "bearer.missing", "A stranger is given no credential of the tenant's", PLAIN, {
      change: (document) => {
        looking({})(document);
        document.origin.credentials = [{ header: "authorization", secret: "ORIGIN_VECTORS" }];
      },
    }),
    observed(
      "known",
      "capability.missing",
      "A tool that the caller's mandate does not grant",
      GIVEN,
      { tool: "delete" },
      {
        change: looking({ gates: ["evidence"] }),
      },
    ),
    observed(
      "tool",
      "policy.tool_unlisted",
      "A tool that the policy does not list",
      GIVEN,
      {},
      {
        change: (document) => {
          looking({ gates: ["tool"] })(document);
          listingNothing(document);
        },
      },
    ),
    observed(
      "limits",
      "limit.mandate_exhausted",
      "A call beyond a limit",
      GIVEN,
      {},
      {
        before: [sent()],
        change: (document) => {
          looking({ gates: ["limits"] })(document);
          document.policy = { ...document.policy, limits: [{ per: "mandate", calls: 1 }] };
        },
      },
    ),

    denied(
      "other-gate",
      "policy.tool_unlisted",
      "A gate that is observed is no leave for another",
      GIVEN,
      {},
      {
        change: (document) => {
          looking({ gates: ["evidence", "agent"] })(document);
          listingNothing(document);
        },
      },
    ),
    denied(
      "nobody",
      "policy.caller_unknown",
      "Evidence is observed, and that there is no caller is not",
      GIVEN,
      PLAIN,
      {
        expect: { status: 403 },
        change: looking({ gates: ["evidence"] }),
      },
    ),
    denied("other-tool", "bearer.missing", "Calls of another tool are observed", GIVEN, PLAIN, {
      change: looking({ tools: ["sealed"] }),
    }),
    denied("over", "bearer.missing", "The second at which it is over", GIVEN, PLAIN, {
      change: looking({ until: AT_ONCE }),
    }),
    denied(
      "suspended",
      "policy.tenant_suspended",
      "A tenant that is suspended",
      ALL_THE_SAME,
      {},
      {
        change: (document) => {
          looking({})(document);
          document.status = "suspended";
        },
      },
    ),
    denied(
      "ambiguous",
      "message.duplicate_key",
      "A message that two parsers read in two ways",
      ALL_THE_SAME,
      {
        ...PLAIN,
        body: '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}',
      },
      { change: looking({}) },
    ),
    denied(
      "elsewhere",
      "origin_header.not_allowed",
      "A page of a site that the tenant does not name",
      ALL_THE_SAME,
      {
        ...PLAIN,
        headers: { Origin: "https://elsewhere.example" },
      },
      { change: looking({}) },
    ),
    denied("flood", "rate.brake", "A flood", ALL_THE_SAME, PLAIN, {
      change: looking({}),
      environment: ["flood"],
    }),
    denied(
      "endpoints",
      "bearer.missing",
      "Countersign's own endpoints",
      ALL_THE_SAME,
      {
        ...PLAIN,
        method: "GET",
        beside: "audit/status",
      },
      { change: looking({}) },
    ),
  ],
};
