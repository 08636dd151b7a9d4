import type { VerifiedAccessToken } from "../evidence/access-token/verify.ts";
import type { CallerContext, TokenCaller } from "../evidence/caller.ts";
import { checkContentDigest } from "../evidence/http-signature/content-digest.ts";
import {
  ATTESTATION_HEADER,
  ECT_HEADERS,
  RECORD_HEADER,
  SIGNATURE_HEADERS,
  WIT_HEADER,
} from "../evidence-headers.ts";
import { hasCaseVariant } from "../json/fold-case.ts";
import { isObject } from "../json/strict-json.ts";
import type { Message } from "../mcp/message.ts";
import type { Received } from "../mcp/read.ts";
import { deriveAction } from "../policy/actions.ts";
import { isEnough, neededScopes } from "../policy/scopes.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import { enterSession } from "../session/own.ts";
import type { Tenant } from "../tenant/tenant.ts";
import type { Trail } from "../trail.ts";
import type { Proven } from "./prove-call.ts";

/** Evidence of agents. It is not read here, and who sends it would take it for heeded. */
const OF_AGENTS = [...SIGNATURE_HEADERS, ...ECT_HEADERS, WIT_HEADER, ATTESTATION_HEADER, RECORD_HEADER];

/** Whether the holder of an access token sends the call, and its scopes allow it. Stages 4 to 7. */
export async function proveHolder(
  trail: Trail,
  token: VerifiedAccessToken,
  received: Received,
  { tenant, facts, body, bodySha256, now }: CallerContext,
  env: Env,
): Promise<Result<Proven, Reason>> {
  const caller: TokenCaller = {
    kind: "token",
    token,
    lane: 0,
    agent: null,
    mandate: null,
    signature: null,
    ect: null,
    wit: null,
  };
  trail.caller = caller;
  trail.checks.push(token.proof === null ? "bearer.alone" : "dpop");
  const { message } = received;
  if (OF_AGENTS.some((name) => facts.headers.has(name)) || isAttested(message, tenant))
    return fail("token.evidence_beside");
  const digest = facts.headers.get("content-digest");
  const intact = digest === undefined ? ok(undefined) : await checkContentDigest(digest, body, bodySha256);
  if (!intact.ok) return intact;

  if (message.kind === "request" || message.kind === "notification") {
    const action = deriveAction(message.method, trail.tool, tenant.actions);
    if (!action.ok) return action;
    trail.action = action.value;
  }
  const scoped = checkScopes(trail, token, message, tenant);
  if (!scoped.ok) return scoped;
  const session = await enterSession(message, facts.headers, caller, tenant, env, now);
  if (!session.ok) return session;
  trail.session = session.value;
  if (session.value !== null) trail.checks.push("session");
  return ok({ caller, grants: null });
}

/** Whether there is an attestation in the body, under any spelling that a server might read. */
function isAttested(message: Message, { attestation: { metaKeys } }: Tenant): boolean {
  const meta = message.kind === "request" || message.kind === "notification" ? message.params._meta : null;
  return (
    isObject(meta) && (hasCaseVariant(meta, metaKeys) || metaKeys.some((key) => Object.hasOwn(meta, key)))
  );
}

function checkScopes(
  trail: Trail,
  { scopes }: VerifiedAccessToken,
  message: Message,
  tenant: Tenant,
): Result<void, Reason> {
  const needed = tenant.accessTokens && neededScopes(message, tenant.accessTokens, scopes);
  if (needed === null) return fail("token.no_rule");
  if (isEnough(scopes, needed)) {
    trail.checks.push("scopes");
    return ok(undefined);
  }
  trail.neededScopes = needed;
  return fail("token.scope");
}
