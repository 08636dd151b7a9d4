import type { Message } from "../mcp/message.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Agent, EvidenceKind, EvidenceRule } from "../tenant/tenant.ts";
import { ruleFor } from "./message-rule.ts";

/** What messages that are no requests must carry: the bearer, and a signature whose nonce is spent. */
const SESSION_EVIDENCE: ReadonlySet<EvidenceKind> = new Set(["mandate", "signature"]);

/** The same for an agent that the tenant lets off the signature. */
const BEARER_ONLY: ReadonlySet<EvidenceKind> = new Set(["mandate"]);

/** The evidence a tenant demands of an agent for a message. The first rule that matches decides; no match means deny. */
export function requiredEvidence(
  message: Message,
  rules: readonly EvidenceRule[],
  agent: Agent,
): Result<ReadonlySet<EvidenceKind>, Reason> {
  if (message.kind !== "request") {
    return ok(agent.unsafeBearerOnly === null ? SESSION_EVIDENCE : BEARER_ONLY);
  }
  const rule = ruleFor(rules, message);
  return rule === undefined ? fail("required.no_rule") : ok(rule.require);
}
