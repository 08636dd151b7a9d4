import { attemptOf, factsOf, homeOf } from "./attempt.ts";
import { brake } from "./brake.ts";
import { seconds } from "./clock.ts";
import { sha256 } from "./encoding.ts";
import { bindCapability } from "./evidence/act/bind.ts";
import { type Mandate, parseMandate } from "./evidence/act/parse.ts";
import { verifyMandate } from "./evidence/act/verify.ts";
import { ATTESTATION_HEADER, verifyAttested } from "./evidence/attested.ts";
import { type Caller, checkPresence, covers, parseCallerEvidence, verifyCaller } from "./evidence/caller.ts";
import { bindAction, bindStep } from "./evidence/ect/bind.ts";
import { type Facts, readFacts } from "./facts.ts";
import { keyFinder } from "./keys/find.ts";
import { decide } from "./ledger/client.ts";
import { checkOrigin } from "./mcp/cors.ts";
import { isModern } from "./mcp/mirrored-headers.ts";
import { idOf, methodOf, type Received, readMessage } from "./mcp/read.ts";
import { describedBy, isAuthorizationServerPath } from "./oauth/resource-metadata.ts";
import { deriveAction } from "./policy/actions.ts";
import { authorize } from "./policy/authorize.ts";
import { requiredEvidence } from "./policy/required.ts";
import type { Reason } from "./reasons.ts";
import { fail, ok, type Result } from "./result.ts";
import { enterSession } from "./session/own.ts";
import { SESSION_HEADER } from "./session/seal.ts";
import { findDescribed, findTenant } from "./tenant/store.ts";
import type { Tenant } from "./tenant/tenant.ts";
import type { Trail } from "./trail.ts";

/** A request that may go on: a browser's preflight question, one for the tenant's metadata, or an admitted call. */
export type Passage =
  | { kind: "preflight"; facts: Facts; tenant: Tenant }
  | { kind: "metadata"; facts: Facts; tenant: Tenant }
  | { kind: "call"; facts: Facts; tenant: Tenant; received: Received; presented: Mandate; caller: Caller };

/**
 * The order of the checks, and the only place that knows it: cheap before costly, pure before I/O, and what can
 * be used only once last. Each stage returns what the next needs, or the reason to refuse.
 */
export async function gate(request: Request, env: Env, trail: Trail): Promise<Result<Passage, Reason>> {
  // 0 facts
  trail.claimedMethod = request.headers.get("mcp-method");
  const read = readFacts(request);
  if (!read.ok) return read;
  const facts = read.value;
  const braked = await brake(facts, env);
  if (!braked.ok) return braked;

  // 1 tenant
  const described = describedBy(facts.path);
  if (described !== null) {
    const tenant = await findDescribed(facts, described, env, trail.startedAt);
    return tenant.ok ? ok({ kind: "metadata", facts, tenant: tenant.value }) : tenant;
  }
  const found = await findTenant(facts, env, trail.startedAt);
  if (!found.ok) return sought(facts, found.error);
  const tenant = found.value;
  trail.tenant = tenant;
  const browser = checkOrigin(facts.headers, tenant.allowedOrigins);
  if (!browser.ok) return browser;
  trail.corsOrigin = browser.value;
  if (facts.method === "OPTIONS") return ok({ kind: "preflight", facts, tenant });

  // 2 bearer: before a byte of the body is read, so that strangers cannot make us hold bodies
  const bearer = parseMandate(facts.headers);
  if (bearer.state === "absent") return fail("bearer.missing");
  if (bearer.state === "malformed") return fail(bearer.reason);
  const keys = keyFinder(env);
  const mandate = await verifyMandate(bearer.value, tenant, keys, seconds());
  if (!mandate.ok) return mandate;
  trail.mandate = mandate.value;
  trail.checks.push("mandate");

  // 3 message
  const message = await readMessage(facts, tenant.maxBodyBytes);
  if (!message.ok) {
    trail.id = message.error.id;
    trail.method = message.error.method;
    return fail(message.error.reason);
  }
  const received = message.value;
  noteMessage(trail, received, facts);
  const bodySha256 = await sha256(received.body);
  trail.bodySha256 = bodySha256;
  // Read anew after the body: its sender decides how long that takes.
  const now = seconds();

  // 4 evidence, 5 required
  const evidence = parseCallerEvidence(facts);
  const required = requiredEvidence(received.message, tenant.evidenceRules, mandate.value.agent);
  if (!required.ok) return required;
  const present = checkPresence(evidence, required.value);
  if (!present.ok) return present;

  // 6 verify, 7 bind: the caller, then what it says about this call
  const context = { tenant, facts, body: received.body, bodySha256, keys, now };
  const verified = await verifyCaller(mandate.value, evidence, context);
  if (!verified.ok) return verified;
  const caller = verified.value;
  trail.caller = caller;
  trail.checks.push(caller.signature === null ? "bearer.alone" : `signature.${caller.signature.profile}`);
  const bound = bindCall(trail, caller, received, bodySha256, tenant);
  if (!bound.ok) return bound;
  const session = await enterSession(received.message, facts.headers, caller, tenant, env, now);
  if (!session.ok) {
    spareStep(trail, facts, SESSION_HEADER);
    return session;
  }
  trail.session = session.value;
  if (session.value !== null) trail.checks.push("session");
  const needsAttestation = required.value.has("attestation");
  const { agent } = caller;
  const attested = await verifyAttested({ tenant, facts, received, agent, required: needsAttestation, now });
  if (!attested.ok) {
    spareStep(trail, facts, ATTESTATION_HEADER);
    return attested;
  }
  trail.attested = attested.value;
  if (attested.value !== null) trail.checks.push(`attestation.${attested.value.dialect}`);

  // 8 policy
  const authorized = authorize(tenant, agent);
  if (!authorized.ok) return authorized;
  trail.checks.push("policy");

  // 9 admit
  const admitted = await admit(trail, tenant, env);
  return admitted.ok
    ? ok({ kind: "call", facts, tenant, received, presented: bearer.value, caller })
    : admitted;
}

/** Tells who looks for an authorization server, where there is nothing, that there is none. */
const sought = ({ path }: Facts, reason: Reason): Result<never, Reason> => {
  const isNothing = reason === "target.unknown" || reason === "target.not_canonical";
  return fail(isNothing && isAuthorizationServerPath(path) ? "target.no_authorization_server" : reason);
};

function noteMessage(trail: Trail, { message }: Received, facts: Facts): void {
  trail.id = idOf(message);
  trail.method = methodOf(message) ?? facts.method;
  trail.tool = message.kind === "request" && message.tool !== null ? message.tool.name : null;
  trail.modern = isModern(message);
}

/** Binds the ECT to body and mandate, and both to the action of the message. */
function bindCall(
  trail: Trail,
  { ect, mandate }: Caller,
  { message, body }: Received,
  bodySha256: Uint8Array,
  tenant: Tenant,
): Result<void, Reason> {
  if (message.kind !== "request" && message.kind !== "notification") {
    // GET, DELETE and responses have no action: an ECT there could claim any, and the run would show it as done.
    return ect === null ? ok(undefined) : fail("ect.misplaced");
  }
  if (ect !== null) {
    const step = bindStep(ect, { bodySha256, hasBody: body.length > 0, mandate });
    if (!step.ok) return step;
    trail.step = ect;
    trail.checks.push("ect");
  }
  const action = deriveAction(message.method, trail.tool, tenant.actions);
  if (!action.ok) return action;
  trail.action = action.value;
  const named = ect === null ? ok(undefined) : bindAction(ect, action.value);
  if (!named.ok) return named;
  const capable = bindCapability(mandate, action.value);
  if (capable.ok) trail.checks.push("capability");
  return capable;
}

/** A header that the signature does not cover may be anybody's: what it brings about must not use up the caller's ECT. */
function spareStep(trail: Trail, facts: Facts, header: string): void {
  if (facts.headers.has(header) && !covers(trail.caller, header)) trail.step = null;
}

/** The last step before forwarding: claims what can be used once and writes the decision, in one transaction. */
async function admit(trail: Trail, tenant: Tenant, env: Env): Promise<Result<void, Reason>> {
  const ruled = await decide(env, homeOf(trail, tenant), attemptOf(trail, factsOf(trail, tenant), null));
  if (!ruled.ok) return ruled;
  trail.ruling = ruled.value;
  return ruled.value.verdict === "admitted" ? ok(undefined) : fail(ruled.value.reason ?? "internal.error");
}
