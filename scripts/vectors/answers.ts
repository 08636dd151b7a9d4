/** What a caller is told when it is refused, by reason: stated by hand, apart from the code of the verifier. */

import type { Expectation } from "./format.ts";

/** What the answer depends on beside the reason. */
export interface Circumstances {
  /** JSON-RPC id of the request. */
  readonly id: unknown;
  /** MCP method; null for messages without one. */
  readonly method: string | null;
  /** Whether it is of revision 2026-07-28. */
  readonly isModern: boolean;
}

type Answer = Pick<Expectation, "status" | "error" | "body">;

/** Status, JSON-RPC code, and what the caller is shown where that is not the reason itself. */
type Row = readonly [status: number, code: number, shown?: string];

/** By reason, or by what reasons begin with where it ends in . or _; the longest counts. */
const ROWS: Readonly<Record<string, Row>> = {
  "request.": [431, 431],
  "request.header_value": [400, -32600],
  "rate.": [429, 429],
  "target.": [404, 404],
  "origin_header.": [403, 403],
  "tenant.": [503, 503],
  "gateway.": [503, 503],
  "keys.": [503, 503],

  "bearer.": [401, 401, "bearer.invalid"],
  "bearer.missing": [401, 401],
  "act.": [401, 401, "bearer.invalid"],
  "token.": [401, 401, "token.invalid"],
  "token.evidence_beside": [403, 403],
  "token.no_rule": [403, 403],
  "token.scope": [403, 403],
  "dpop.": [401, 401, "dpop.invalid"],
  "dpop.nonce": [401, 401],
  "dpop.replay": [403, 403],

  "message.http_method": [405, -32600],
  "message.content_type": [415, -32600],
  "message.content_encoding": [415, -32600],
  "message.too_large": [413, -32600],
  "message.body_": [408, -32600],
  "message.empty": [400, -32700],
  "message.not_utf8": [400, -32700],
  "message.not_json": [400, -32700],
  "message.": [400, -32600],
  "message.tool_name": [400, -32602],
  "message.tool_name_reserved": [400, -32602],
  "message.params": [400, -32602],
  "message.header_": [400, -32020],

  "required.": [403, 403],
  "signature.": [403, 403, "signature.invalid"],
  "signature.missing": [403, 403],
  "signature.response_demanded": [501, 501],
  "signature.web_bot_auth": [403, 403],
  "wit.": [400, 400, "wit.invalid"],
  "wit.missing": [400, 400],
  "digest.": [403, 403, "signature.invalid"],
  "ect.": [403, 403, "ect.invalid"],
  "ect.missing": [403, 403],
  // From here on the caller is known.
  "ect.inp_hash_": [403, 403],
  "ect.mandate_not_named": [403, 403],
  "ect.wid_mismatch": [403, 403],
  "ect.misplaced": [403, 403],
  "ect.exec_act_mismatch": [403, 403],
  "principal.": [403, 403, "principal.invalid"],
  "reference.": [503, 503],

  "record.": [403, 403],

  "session.missing": [400, -32600],
  "session.": [404, 404],
  "session.unconfigured": [503, 503],

  "replay.": [403, 403],
  "run.": [403, 403],
  "revoked.": [403, 403],
  "revoked.mandate": [401, 401],
  "revoked.token": [401, 401],
  "revoked.issuer": [401, 401],
  "ledger.": [503, 503],
  "limit.unavailable": [503, 503],

  "endpoint.": [403, 403],
  "endpoint.method": [405, 405],
  "endpoint.query": [400, 400],
  "endpoint.not_found": [404, 404],
  "endpoint.log_unavailable": [503, 503],
  "record.content_type": [415, 415],
  "revocation.malformed": [400, 400],
  "revocation.content_type": [415, 415],
  "revocation.too_many": [403, 403],
  "revocation.unavailable": [503, 503],
  "signing.": [503, 503],

  "origin.": [502, 502],
  "origin.timeout": [504, 504],
  "origin.credential_missing": [503, 503],
  "outcome.": [502, 502],
  "redaction.": [200, 502],
  "redaction.foreign_response": [502, 502],
  "redaction.resumption": [400, -32600],
  "redaction.id_reused": [400, -32600],
};

/** The reasons of SEP-2787 (section "Reason codes"), by ours. */
const ATTESTATION: Readonly<Record<string, string>> = {
  "attestation.missing": "attestation_required",
  "attestation.": "signature_invalid",
  "attestation.alg_unsupported": "key_unavailable",
  "attestation.issuer_unknown": "key_unavailable",
  "attestation.secret_version_unknown": "key_unavailable",
  "attestation.alg_not_pinned": "key_unavailable",
  "attestation.iat_in_future": "expired",
  "attestation.ttl_": "expired",
  "attestation.claim_too_late": "expired",
  "attestation.nonce_seen": "nonce_replay",
  "attestation.fingerprint_": "server_mismatch",
  "attestation.several_calls": "server_mismatch",
  "attestation.tool_differs": "tool_mismatch",
  "attestation.args_": "args_commitment_mismatch",
  "attestation.projection_": "args_commitment_mismatch",
  "attestation.hash_only_mismatch": "args_commitment_mismatch",
  "attestation.redacted_": "args_commitment_mismatch",
  "attestation.ref_": "args_commitment_mismatch",
  "attestation.unbound_input": "args_commitment_mismatch",
};

/** The answer to a refused request. */
export function answerTo(reason: string, circumstances: Circumstances): Answer {
  const answer = usualAnswerTo(reason, circumstances);
  if (circumstances.method !== "server/discover" || [200, 401, 503].includes(answer.status)) return answer;
  // A client that probes with server/discover takes every other status for an old server.
  return { ...answer, status: answer.status === 429 || answer.status >= 500 ? 503 : 403 };
}

function usualAnswerTo(reason: string, { id, method, isModern }: Circumstances): Answer {
  const isToolCall = method === "tools/call";
  if (reason === "message.method_unknown") {
    const early = method?.startsWith("notifications/") ? 400 : 200;
    return error(isModern ? 404 : early, -32601, reason);
  }
  // A JSON-RPC error in a 200, which every client of MCP can read.
  if (/^(capability|policy|constraint|approval)\./.test(reason)) {
    return error(isToolCall ? 200 : 403, 403, reason);
  }
  if (reason.startsWith("limit.") && reason !== "limit.unavailable") {
    return error(isToolCall ? 200 : 429, 429, reason);
  }
  if (reason.startsWith("attestation.")) {
    if (!isToolCall) return error(403, 403, reason);
    return { status: 200, body: toolResult(id, isModern, longest(ATTESTATION, reason)) };
  }
  const [status, code, shown = reason] = longest(ROWS, reason);
  return error(status, code, shown);
}

const error = (status: number, code: number, reason: string): Answer => ({ status, error: { code, reason } });

/** SEP-2787, "Error responses": a tool result. `resultType` is of revision 2026-07-28. */
const toolResult = (id: unknown, isModern: boolean, reason: string): object => ({
  jsonrpc: "2.0",
  id,
  result: {
    ...(isModern && { resultType: "complete" }),
    isError: true,
    content: [{ type: "text", text: JSON.stringify({ attestationError: true, reason }) }],
  },
});

function longest<T>(rows: Readonly<Record<string, T>>, reason: string): T {
  const [found] = Object.keys(rows)
    .filter((name) => (/[._]$/.test(name) ? reason.startsWith(name) : reason === name))
    .sort((a, b) => b.length - a.length);
  const row = found === undefined ? undefined : rows[found];
  if (row === undefined) throw new Error(`answers.ts does not say what ${reason} looks like`);
  return row;
}
