import { RETRY_AFTER } from "./limits.ts";
import type { RequestId } from "./mcp/message.ts";
import { challengeOf, type ProtectedResource } from "./oauth/challenge.ts";
import { type AttestationReason, PUBLIC_FORMS, REASONS, type Reason } from "./reasons.ts";

/** What is known about a refused request when its answer is made. */
export interface Refusal {
  readonly reason: Reason;
  readonly decision: string;
  /** The JSON-RPC id, where it was read. */
  readonly id: RequestId | null;
  /** The MCP method, where it was read; else what the Mcp-Method header claims. */
  readonly method: string | null;
  /** Whether the caller was verified. Until then only the public form of the reason is shown. */
  readonly verified: boolean;
  /** Whether the request follows revision 2026-07-28 or later. */
  readonly modern: boolean;
  /** Whether the agent that the mandate names signs in the profile wimse, which has a status of its own for that. */
  readonly wimse: boolean;
  /** Seconds until a limit begins anew; null where it does not, or none was hit. */
  readonly retryAfter: number | null;
  /** What a challenge says of the tenant; null where none is known. */
  readonly resource: ProtectedResource | null;
  /** The scopes that the call needs, where its access token does not have them all. */
  readonly neededScopes: readonly string[] | null;
  /** The methods there are at the endpoint; none where that is not known. */
  readonly allow: readonly string[];
  /** Where a person can approve the call; null where none is asked. */
  readonly approval: AskedApproval | null;
}

/** A call that waits for a person. */
export interface AskedApproval {
  readonly id: string;
  readonly url: string;
  /** Seconds. */
  readonly expires: number;
  /** Whether the client has said that it shows its user URLs of ours (MCP 2025-11-25, "Elicitation", URL mode). */
  readonly opensUrls: boolean;
}

/** Where the reason codes are explained. */
const DOCS = "docs/reasons.md";

/** The form an answer takes. */
type Wire =
  | {
      form: "error";
      status: number;
      code: number;
      headers?: Record<string, string>;
      /** Whether it says how to be let in. */
      challenges?: boolean;
    }
  | { form: "attestation"; wire: AttestationReason };

/** The answer to a refused request. Exhaustive: a new kind of answer does not compile until it is chosen here. */
export function toResponse(refusal: Refusal): Response {
  const wire = toWire(refusal);
  if (wire.form === "attestation")
    return Response.json(toolResult(refusal, wire.wire), { headers: NO_STORE });

  const { publicForm, help, answer } = REASONS[refusal.reason];
  const shown = refusal.verified || publicForm === null ? refusal.reason : publicForm;
  const message = refusal.verified || publicForm === null ? help : PUBLIC_FORMS[publicForm];
  const body = {
    jsonrpc: "2.0",
    ...(refusal.id === null ? {} : { id: refusal.id }),
    error: {
      code: elicits(refusal) ? URL_ELICITATION_REQUIRED : wire.code,
      message,
      data: {
        reason: shown,
        decision: refusal.decision,
        docs: `${DOCS}#${shown}`,
        ...(answer.kind === "limit" && { retryAfter: refusal.retryAfter }),
        ...approvalIn(refusal, message),
      },
    },
  };
  const { reason, resource, neededScopes } = refusal;
  const challenge = wire.challenges
    ? { "WWW-Authenticate": challengeOf(reason, resource, neededScopes) }
    : {};
  // RFC 9110 section 15.5.6: a 405 names the methods there are.
  const allow = wire.status === 405 ? { Allow: [...refusal.allow, "OPTIONS"].join(", ") } : {};
  const wait = refusal.retryAfter === null ? {} : { "Retry-After": String(refusal.retryAfter) };
  return Response.json(body, {
    status: wire.status,
    headers: { ...NO_STORE, ...challenge, ...allow, ...wire.headers, ...wait },
  });
}

/** What the form of an answer depends on. */
type Cause = Pick<Refusal, "reason" | "method" | "verified" | "modern" | "wimse">;

/** The HTTP status of a refusal, for the audit record. */
export function statusOf(cause: Cause): number {
  const wire = toWire(cause);
  return wire.form === "attestation" ? 200 : wire.status;
}

function toWire(cause: Cause): Wire {
  const wire = wireOf(cause);
  if (cause.method !== "server/discover" || wire.form !== "error") return wire;
  // A client that probes with server/discover takes every other status as "an old server" and downgrades.
  if (wire.status === 401 || wire.status === 503) return wire;
  const mayPass = (wire.status >= 500 && wire.status !== 501) || wire.status === 429;
  return mayPass ? { ...wire, status: 503, headers: retryAfter } : { ...wire, status: 403 };
}

function wireOf({ reason, method, verified, modern, wimse }: Cause): Wire {
  const { answer } = REASONS[reason];
  const isToolCall = method === "tools/call";
  switch (answer.kind) {
    case "challenge":
      return { form: "error", status: 401, code: 401, challenges: true };
    case "protocol":
      return { form: "error", status: answer.status, code: answer.code };
    case "unknown-method": {
      // As servers of the two eras answer a request; the earlier ones say it in a result, so to nobody unknown.
      const isRequest = !method?.startsWith("notifications/");
      const status = modern ? 404 : isRequest && verified ? 200 : 400;
      return { form: "error", status, code: METHOD_NOT_FOUND };
    }
    case "insufficient-scope":
      return { form: "error", status: 403, code: 403, challenges: true };
    case "forbidden":
      return { form: "error", status: 403, code: 403 };
    case "signature": {
      const status = wimse ? 400 : 403;
      return { form: "error", status, code: status };
    }
    case "attestation":
      // SEP-2787: a failed attestation is a tool result. A stranger gets no such thing.
      return isToolCall && verified
        ? { form: "attestation", wire: answer.wire }
        : { form: "error", status: 403, code: 403 };
    case "grant":
      // A 200 lets every MCP client read the JSON-RPC error; a 4xx body is opaque to most of them.
      return { form: "error", status: isToolCall && verified ? 200 : 403, code: 403 };
    case "limit":
      return { form: "error", status: isToolCall && verified ? 200 : 429, code: 429 };
    case "rate":
      return { form: "error", status: 429, code: 429, headers: retryAfter };
    case "not-found":
      return { form: "error", status: 404, code: 404 };
    case "unavailable":
      return { form: "error", status: 503, code: 503, headers: retryAfter };
    case "origin":
      return { form: "error", status: answer.status, code: answer.status };
    case "withheld":
      // Neither a client nor a proxy may take it for a failure to arrive, and send the call once more.
      return { form: "error", status: 200, code: 502 };
    case "bug":
      return { form: "error", status: 500, code: 500 };
  }
}

/**
 * Whether the client can be asked to send its user to the page. Revision 2026-07-28 has no such error: what it has instead would add members
 * to the params of the next try, which would be another call.
 */
const elicits = ({ approval, modern }: Refusal): boolean => approval?.opensUrls === true && !modern;

/** What a refused call waits for. */
function approvalIn(refusal: Refusal, message: string): object {
  if (refusal.approval === null) return {};
  const { id, url, expires } = refusal.approval;
  const approval = { id, url, expires };
  return elicits(refusal)
    ? { approval, elicitations: [{ mode: "url", elicitationId: id, url, message }] }
    : { approval };
}

/** MCP 2025-11-25, "Elicitation", "URL Elicitation Required Error". */
const URL_ELICITATION_REQUIRED = -32042;

const NO_STORE = { "Cache-Control": "no-store" };

const retryAfter = { "Retry-After": String(RETRY_AFTER) };

/** JSON-RPC 2.0 section 5.1. */
const METHOD_NOT_FOUND = -32601;

/** The tool result of SEP-2787, with exactly its two members: no detail for an attacker. */
const toolResult = ({ id, modern }: Refusal, reason: AttestationReason): object => ({
  jsonrpc: "2.0",
  id,
  result: {
    ...(modern ? { resultType: "complete" } : {}),
    isError: true,
    content: [{ type: "text", text: JSON.stringify({ attestationError: true, reason }) }],
  },
});
