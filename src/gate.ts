import { askAncestors, lanesOf } from "./ancestors.ts";
import { attemptOf, factsOf, homeOf } from "./attempt.ts";
import { brake } from "./brake.ts";
import { seconds } from "./clock.ts";
import { sha256 } from "./encoding.ts";
import { bindCapability, type Grant, permitCall } from "./evidence/act/bind.ts";
import { type Mandate, parseMandate } from "./evidence/act/parse.ts";
import { RECORD_HEADER } from "./evidence/act/record.ts";
import { verifyMandate } from "./evidence/act/verify.ts";
import { resolveReference } from "./evidence/attestation/reference.ts";
import { ATTESTATION_HEADER, attestationChecks, verifyAttested } from "./evidence/attested.ts";
import {
  type Caller,
  checkPresence,
  covers,
  parseCallerEvidence,
  verifyBots,
  verifyCaller,
} from "./evidence/caller.ts";
import { bindAction, bindStep } from "./evidence/ect/bind.ts";
import { verifyRecorded } from "./evidence/recorded.ts";
import { type Facts, readFacts } from "./facts.ts";
import type { JsonObject } from "./json/strict-json.ts";
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
  const keys = keyFinder(env, trail.startedAt);
  const mandate = await verifyMandate(bearer.value, tenant, keys, seconds());
  if (!mandate.ok) return mandate;
  trail.mandate = mandate.value;
  trail.checks.push("mandate");
  if (mandate.value.chain.length > 0) trail.checks.push(`delegation.${mandate.value.chain.length}`);

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
  const bots = await verifyBots(evidence, context);
  if (!bots.ok) return bots;
  trail.checks.push(...bots.value);
  const bound = bindCall(trail, caller, received, bodySha256, tenant);
  if (!bound.ok) return bound;
  // Before the origin does anything: what it answers streams through, and cannot be signed.
  if (caller.signature?.demandsSignedResponse) return fail("signature.response_demanded");
  const session = await enterSession(received.message, facts.headers, caller, tenant, env, now);
  if (!session.ok) {
    spareStep(trail, facts, SESSION_HEADER);
    return session;
  }
  trail.session = session.value;
  if (session.value !== null) trail.checks.push("session");
  const needsAttestation = required.value.has("attestation");
  const { agent } = caller;
  const attested = await verifyAttested({
    tenant,
    facts,
    received,
    agent,
    required: needsAttestation,
    now,
  });
  if (!attested.ok) {
    spareStep(trail, facts, ATTESTATION_HEADER);
    return attested;
  }
  trail.attested = attested.value;
  if (attested.value !== null) trail.checks.push(...attestationChecks(attested.value));

  const record = await verifyRecorded({ tenant, facts, caller, keys, now });
  if (!record.ok) {
    spareStep(trail, facts, RECORD_HEADER);
    return record;
  }
  trail.record = record.value;
  if (record.value !== null) trail.checks.push("record");

  // 8 policy
  const authorized = authorize(tenant, caller.mandate);
  if (!authorized.ok) return authorized;
  const permitted = bound.value && permitCall(bound.value, argumentsOf(received));
  if (permitted?.ok === false) return permitted;
  trail.counted = permitted?.value ?? null;
  // Each lane has a ledger that counts for itself: together they would allow more than the maximum.
  if (trail.counted !== null && lanesOf(agent, tenant).length > 1) {
    return fail("capability.constraint_unknown");
  }
  trail.checks.push("policy");
  // After all that we can tell ourselves: the message chooses whom this asks.
  const open = attested.value?.open ?? null;
  const resolved = open && (await resolveReference(open, env));
  if (resolved?.ok === false) {
    spareStep(trail, facts, ATTESTATION_HEADER);
    return resolved;
  }

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

/**
 * Binds the ECT to body and mandate, and both to the action of the message.
 *
 * @returns the entries of `cap` for it; null where it needs none
 */
function bindCall(
  trail: Trail,
  { ect, mandate }: Caller,
  { message, body }: Received,
  bodySha256: Uint8Array,
  tenant: Tenant,
): Result<readonly Grant[] | null, Reason> {
  if (message.kind !== "request" && message.kind !== "notification") {
    // GET, DELETE and responses have no action: an ECT there could claim any, and the run would show it as done.
    return ect === null ? ok(null) : fail("ect.misplaced");
  }
  if (ect !== null) {
    const step = bindStep(ect, { bodySha256, hasBody: body.length > 0, mandate });
    if (!step.ok) return step;
    trail.step = ect;
    trail.checks.push(`ect.level${ect.level}`);
  }
  const action = deriveAction(message.method, trail.tool, tenant.actions);
  if (!action.ok) return action;
  trail.action = action.value;
  const named = ect === null ? ok(undefined) : bindAction(ect, action.value);
  if (!named.ok) return named;
  if (tenant.act.uncappedSession && OPENS_SESSION.test(message.method)) return ok(null);
  const capable = bindCapability(mandate, action.value);
  if (capable.ok) trail.checks.push("capability");
  return capable;
}

/** What a tenant can take without an entry of `cap`: nothing that reads or changes what the origin has. */
const OPENS_SESSION = /^(initialize|ping|notifications\/.*)$/;

const argumentsOf = ({ message }: Received): JsonObject | null =>
  message.kind === "request" && message.tool !== null ? message.tool.arguments : null;

/**
 * A header that the signature does not cover may be anybody's: what it brings about must not use up the caller's ECT. With a key
 * of the profile poc so may its absence; the other profiles cover it wherever it is.
 */
function spareStep(trail: Trail, facts: Facts, header: string): void {
  const isOpen = facts.headers.has(header)
    ? !covers(trail.caller, header)
    : trail.caller?.signature?.profile === "poc";
  if (isOpen) trail.step = null;
}

/** The last step before forwarding: claims what can be used once and writes the decision, in one transaction. */
async function admit(trail: Trail, tenant: Tenant, env: Env): Promise<Result<void, Reason>> {
  const attempt = attemptOf(trail, factsOf(trail, tenant), null);
  const others = trail.caller ? askAncestors(trail.caller.mandate, tenant, env) : undefined;
  const ruled = await decide(env, homeOf(trail, tenant), attempt, others);
  if (!ruled.ok) return ruled;
  trail.ruling = ruled.value;
  return ruled.value.verdict === "admitted" ? ok(undefined) : fail(ruled.value.reason ?? "internal.error");
}
