import { type Call, makeCall, notCovering } from "../make/call.ts";
import {
  admitted,
  again,
  type CaseOptions,
  type CaseSource,
  type Draft,
  denied,
  type Sent,
  sent,
  type Topic,
} from "../make/case.ts";
import { base64url, utf8 } from "../make/tokens.ts";
import { ISSUER } from "../tenants.ts";
import { makeRecord } from "./records.ts";

const RULE = "Countersign docs/endpoints.md";
const AUDIT = "countersign.audit.read";

const nameOf = (run: readonly string[]): string => base64url(utf8(JSON.stringify(run)));

/** Of the run of ada's `mandate-1`. */
const RUN = `runs/${nameOf(["jti", ISSUER, "mandate-1"])}`;
const RECEIPT = `receipts/${"A".repeat(22)}`;

const get = (beside: string, call: Call = {}): Call => ({ method: "GET", beside, ...call });

/** `Content-Digest` of no body. */
const NOTHING = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";

/** A mandate that grants to see the audit log, of an issuer that may. */
const AUDITOR: Call = { mandate: { claims: { cap: [{ action: AUDIT }] } } };
const letAudit = (document: Draft): void => void document.issuers[0]?.actions.push(AUDIT);

/** A record (phase 2) as the body. */
const post =
  (call: Call = {}): Sent =>
  async (target) =>
    makeCall(target, {
      beside: "records",
      body: await makeRecord(target),
      ...call,
      headers: { "Content-Type": "application/jwt", ...call.headers },
    });

const answered = (
  id: string,
  title: string,
  send: Sent,
  { expect, ...options }: CaseOptions = {},
): CaseSource => admitted(id, title, RULE, send, { ...options, expect: { forwarded: null, ...expect } });

const refused = (
  id: string,
  reason: string,
  title: string,
  send: Sent,
  options: CaseOptions = {},
): CaseSource => denied(id, reason, title, RULE, send, options);

const NOT_FOUND = { status: 404, error: { code: 404, reason: "endpoint.not_found" } };

export const endpoints: Topic = {
  name: "endpoints",
  title: "Countersign's own endpoints",
  cases: [
    answered("run", "The run of a step", get(RUN), { before: [sent()] }),
    answered("run-other", "A run that nobody knows", get(`runs/${nameOf(["jti", ISSUER, "x"])}`), {
      expect: NOT_FOUND,
    }),
    answered(
      "run-of-others",
      "A run of another agent",
      get(RUN, { agent: "bob", mandate: { claims: { jti: "b" } } }),
      {
        before: [sent()],
        expect: NOT_FOUND,
      },
    ),
    answered("receipt-unknown", "A decision that nobody knows", get(RECEIPT), { expect: NOT_FOUND }),
    answered("status", "For an auditor: what waits for the log", get("audit/status", AUDITOR), {
      change: letAudit,
    }),
    answered("log-unavailable", "The log cannot be read", get(RUN), {
      environment: ["log-unavailable"],
      before: [sent()],
      expect: { status: 503, error: { code: 503, reason: "endpoint.log_unavailable" } },
    }),

    // -- who may ------------------------------------------------------------------------------------------
    refused("bearer-alone", "signature.missing", "Without a signature", get(RUN, { signature: null })),
    refused("again", "replay.nonce", "The same request twice", again(2), {
      before: [sent(), sent(get(RUN), { expect: { forwarded: null } })],
    }),
    refused(
      "elsewhere",
      "signature.mismatch",
      "Signed for another path",
      get(RUN, { target: "/endpoints-elsewhere/audit/status" }),
    ),
    refused(
      "mandate-uncovered",
      "signature.coverage",
      "The signature does not cover the mandate",
      get(RUN, { signature: { components: notCovering("authorization") } }),
    ),
    refused(
      "poc",
      "endpoint.profile",
      "With a key of the profile poc",
      get(RUN, { agent: "ada-poc", ect: {}, digest: NOTHING }),
    ),
    refused("not-an-auditor", "capability.missing", "The log, for who may not see it", get("audit/status")),
    refused(
      "not-granted",
      "act.action_not_granted",
      "Its issuer may not grant that",
      get("audit/status", AUDITOR),
    ),

    // -- what is asked --------------------------------------------------------------------------------------
    refused(
      "method",
      "endpoint.method",
      "A receipt is not posted",
      { beside: RECEIPT, ect: null },
      {
        expect: { headers: { allow: "GET, OPTIONS" } },
      },
    ),
    refused("method-records", "endpoint.method", "Records are not read", get("records"), {
      expect: { headers: { allow: "POST, OPTIONS" } },
    }),
    refused("query", "target.query_not_allowed", "With a query", get(`${RUN}?x=1`)),
    answered("query-export", "An export that begins at no time", get("audit/export?from=x", AUDITOR), {
      change: letAudit,
      expect: { status: 400, error: { code: 400, reason: "endpoint.query" } },
    }),
    refused("nothing", "target.unknown", "There is nothing", get("receipts")),
    refused(
      "dots",
      "target.not_canonical",
      "By way of dots",
      get(RECEIPT, { target: "/endpoints-dots/receipts/../mcp" }),
    ),
    refused("body", "message.unexpected_body", "With a body", get(RUN, { body: "{}" })),
    refused("ect", "ect.misplaced", "With an ECT", get(RUN, { ect: {} })),
    refused("record-header", "endpoint.evidence_misplaced", "With a record in its header", async (target) =>
      makeCall(target, get(RUN, { headers: { "ACT-Record": await makeRecord(target) } })),
    ),

    // -- records --------------------------------------------------------------------------------------------
    answered("record", "The record of a mandate", post(), {
      before: [sent()],
      expect: { status: 201 },
    }),
    refused("record-again", "record.repeated", "A second record of one mandate", post(), {
      before: [sent(), sent(post(), { expect: { status: 201, forwarded: null } })],
    }),
    refused("record-of-others", "record.subject", "Another agent's record", post({ agent: "bob" })),
    refused(
      "record-json",
      "record.content_type",
      "A record that is said to be JSON",
      post({ headers: { "Content-Type": "application/json" } }),
    ),
    refused("record-none", "record.malformed", "JSON in place of a record", post({ body: "{}" })),

    refused(
      "unsigned",
      "signing.unconfigured",
      "Nobody could be given a receipt, so no call is let through",
      {},
      {
        environment: ["signing-keys-missing"],
        expect: { headers: { "retry-after": "5", "countersign-receipt": null } },
      },
    ),
  ],
};
