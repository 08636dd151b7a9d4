/** What calls and visits have in common: who sends the request, proven by what is in it. */

import { seconds } from "../clock.ts";
import { sha256 } from "../encoding.ts";
import type { VerifiedMandate } from "../evidence/act/verify.ts";
import {
  type AgentCaller,
  type CallerContext,
  checkPresence,
  parseCallerEvidence,
  verifyBots,
  verifyCaller,
} from "../evidence/caller.ts";
import type { Reason } from "../reasons.ts";
import { ok, type Result } from "../result.ts";
import type { EvidenceKind } from "../tenant/tenant.ts";
import type { Trail } from "../trail.ts";

/** A request whose body is not read yet. */
export type RequestHead = Omit<CallerContext, "body" | "bodySha256" | "now">;

/** With its body. The clock is read anew: the sender decides how long a body takes. */
export async function withBody(
  trail: Trail,
  head: RequestHead,
  body: Uint8Array<ArrayBuffer>,
): Promise<CallerContext> {
  const bodySha256 = await sha256(body);
  trail.bodySha256 = bodySha256;
  return { ...head, body, bodySha256, now: seconds() };
}

/**
 * Whether all is there that is required beside the mandate, and proves that its agent sends the request. From then on the trail has a
 * caller, and what the request says is the caller's word. Stages 4 to 6, and the first rule of 7.
 */
export async function proveCaller(
  trail: Trail,
  mandate: VerifiedMandate,
  required: ReadonlySet<EvidenceKind>,
  context: CallerContext,
): Promise<Result<AgentCaller, Reason>> {
  const evidence = parseCallerEvidence(context.facts);
  const present = checkPresence(evidence, required);
  if (!present.ok) return present;
  const verified = await verifyCaller(mandate, evidence, context);
  if (!verified.ok) return verified;
  const caller = verified.value;
  trail.caller = caller;
  trail.checks.push(caller.signature === null ? "bearer.alone" : `signature.${caller.signature.profile}`);
  const bots = await verifyBots(evidence, context);
  if (!bots.ok) return bots;
  trail.checks.push(...bots.value);
  return ok(caller);
}
