/** Where in the order of `gate.ts` a check stands: by its name in the audit record, or by the reason that it gives. */

import type { Reason } from "../../reasons.ts";
import type { Trail } from "../../trail.ts";
import type { Line } from "./explanation.ts";

export type Place = Pick<Line, "stage" | "gate" | "check">;

/** What a request is asked for as evidence, and what is said of it where an earlier refusal keeps it from being judged. */
export type Subject = "bearer" | "signature" | "ect" | "capability" | "session" | "attestation" | "record";

type Prefix<R = Reason> = R extends `${infer P}.${string}` ? P : never;

const at = (stage: number, gate: Line["gate"], check: string): Place => ({ stage, gate, check });

/** By family. A new one does not compile until it has a place. */
const PLACES: Readonly<Record<Prefix, Place>> = {
  request: at(0, "request", "headers"),
  rate: at(0, "request", "brake"),
  target: at(1, "tenant", "document"),
  tenant: at(1, "tenant", "document"),
  gateway: at(1, "tenant", "document"),
  origin_header: at(1, "tenant", "allowedOrigins"),
  origin: at(1, "tenant", "origin.credentials"),
  bearer: at(2, "evidence", "bearer"),
  act: at(2, "evidence", "mandate"),
  token: at(2, "evidence", "access_token"),
  dpop: at(2, "evidence", "dpop"),
  keys: at(2, "evidence", "bearer"),
  message: at(3, "message", "message"),
  required: at(5, "evidence", "required"),
  signature: at(6, "evidence", "signature"),
  digest: at(6, "evidence", "signature"),
  wit: at(6, "evidence", "signature"),
  principal: at(6, "evidence", "signature"),
  ect: at(6, "evidence", "ect"),
  capability: at(7, "evidence", "capability"),
  session: at(7, "evidence", "session"),
  attestation: at(7, "evidence", "attestation"),
  reference: at(7, "evidence", "attestation"),
  record: at(7, "evidence", "record"),
  endpoint: at(7, "evidence", "endpoint"),
  policy: at(8, "tool", "policy"),
  redaction: at(8, "tool", "redaction"),
  approval: at(8, "approval", "approval"),
  limit: at(9, "limits", "limits"),
  replay: at(9, "admission", "replay"),
  run: at(9, "admission", "run"),
  revoked: at(9, "admission", "revoked"),
  revocation: at(9, "admission", "revocation"),
  ledger: at(9, "admission", "ledger"),
  signing: at(9, "admission", "signing"),
  outcome: at(9, "admission", "outcome"),
  internal: at(9, "admission", "internal"),
};

const family = (reason: Reason): Prefix => reason.slice(0, reason.indexOf(".")) as Prefix;

/** Where a reason comes from that ended the way of a request, or was observed on it. */
export function placeOf(reason: Reason, { mandate, token, caller }: Trail): Place {
  const place = PLACES[family(reason)];
  if (/^(signature|ect|wit)\.missing$/.test(reason)) return { ...place, stage: 5 };
  if (reason === "token.scope" || reason === "token.no_rule") return at(7, "evidence", "scopes");
  // Which action is granted is looked at before its arguments are.
  if (reason === "capability.argument_not_allowed" || reason === "capability.not_countable")
    return at(8, "arguments", "capability");
  // With the bearer verified, it is the caller's own key that was looked for.
  if (reason === "keys.unavailable" && (mandate ?? token) !== null) return PLACES.signature;
  // What names an action is looked at where that is bound.
  if (place.gate === "message" && caller !== null) return at(7, "evidence", "action");
  return place.check === "ect" && caller !== null ? { ...place, stage: 7 } : place;
}

/** Where a check stands that was passed. */
export function placeOfPassed(check: string): Place {
  const [name = ""] = check.split(/[.:]/);
  return at(PASSED.get(name) ?? 7, "evidence", check);
}

const PASSED: ReadonlyMap<string, number> = new Map([
  ["mandate", 2],
  ["delegation", 2],
  ["access_token", 2],
  ["signature", 6],
  ["bearer", 6],
  ["dpop", 6],
  ["web-bot-auth", 6],
]);

/** What a check is about; null for what no other line stands for. */
export function subjectOf(check: string): Subject | null {
  const [name = ""] = check.split(/[.:]/);
  switch (name) {
    case "mandate":
    case "access_token":
      return "bearer";
    case "bearer":
    case "dpop":
      return check === name ? "bearer" : "signature";
    case "scopes":
      return "capability";
    case "signature":
    case "ect":
    case "capability":
    case "session":
    case "attestation":
    case "record":
      return name;
    default:
      return null;
  }
}
