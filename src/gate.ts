import { keptOf } from "./audit/kept.ts";
import { brake } from "./brake.ts";
import { seconds } from "./clock.ts";
import { type Endpoint, targetOf } from "./endpoints/endpoint.ts";
import { type Visit, visit } from "./endpoints/visit.ts";
import { describedBy } from "./endpoints/well-known.ts";
import { type Mandate, parseMandate } from "./evidence/act/parse.ts";
import { verifyMandate } from "./evidence/act/verify.ts";
import type { Caller } from "./evidence/caller.ts";
import { type Facts, readFacts } from "./facts.ts";
import { keyFinder } from "./keys/find.ts";
import { checkOrigin } from "./mcp/cors.ts";
import { isModern } from "./mcp/mirrored-headers.ts";
import { idOf, methodOf, type Received, readMessage } from "./mcp/read.ts";
import { isAuthorizationServerPath } from "./oauth/resource-metadata.ts";
import { requiredEvidence } from "./policy/required.ts";
import type { Reason } from "./reasons.ts";
import { fail, ok, type Result } from "./result.ts";
import { admit } from "./stages/admit.ts";
import { resolveAttested, takeBeside } from "./stages/beside.ts";
import { bindCall } from "./stages/bind-call.ts";
import { permit } from "./stages/permit.ts";
import { proveCaller, withBody } from "./stages/prove-caller.ts";
import { findDescribed, findTenant } from "./tenant/store.ts";
import type { Tenant } from "./tenant/tenant.ts";
import type { Trail } from "./trail.ts";

/**
 * A request that may go on: a browser's preflight question, one for what the tenant publishes, an admitted request to an endpoint
 * of our own, or an admitted call.
 */
export type Passage =
  | { kind: "preflight"; facts: Facts; tenant: Tenant; endpoint: Endpoint }
  | { kind: "metadata"; facts: Facts; tenant: Tenant }
  | { kind: "published"; facts: Facts; tenant: Tenant }
  | ({ kind: "visit" } & Visit)
  | { kind: "call"; facts: Facts; tenant: Tenant; received: Received; presented: Mandate; caller: Caller };

/**
 * The order of the checks: cheap before costly, pure before I/O, and what can be used only once last. Each stage returns what
 * the next needs, or the reason to refuse. At an endpoint of our own the order goes on in `visit`; nothing else knows it.
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
    const tenant = await findDescribed(facts, described.path, env, trail.startedAt);
    return tenant.ok ? ok({ kind: described.document, facts, tenant: tenant.value }) : tenant;
  }
  const found = await findTenant(facts, env, trail.startedAt);
  if (!found.ok) return sought(facts, found.error);
  const { tenant, endpoint } = found.value;
  trail.tenant = tenant;
  trail.endpoint = endpoint;
  const target = targetOf(endpoint, tenant.publicUrl, facts);
  trail.target = target;
  const browser = checkOrigin(facts.headers, tenant.allowedOrigins);
  if (!browser.ok) return browser;
  trail.corsOrigin = browser.value;
  if (facts.method === "OPTIONS") return ok({ kind: "preflight", facts, tenant, endpoint });

  // 2 bearer: before a byte of the body is read, so that strangers cannot make us hold bodies
  const bearer = parseMandate(facts.headers);
  if (bearer.state === "absent") return fail("bearer.missing");
  if (bearer.state === "malformed") return fail(bearer.reason);
  const keys = keyFinder(env, Date.now);
  const mandate = await verifyMandate(bearer.value, tenant, keys, seconds());
  if (!mandate.ok) return mandate;
  trail.mandate = mandate.value;
  trail.checks.push("mandate");
  if (mandate.value.chain.length > 0) trail.checks.push(`delegation.${mandate.value.chain.length}`);
  const head = { facts, tenant, target, keys };
  if (endpoint.kind !== "mcp") {
    const visited = await visit(endpoint, mandate.value, head, trail, env);
    return visited.ok ? ok({ kind: "visit", ...visited.value }) : visited;
  }

  // 3 message
  const message = await readMessage(facts, tenant.maxBodyBytes);
  if (!message.ok) {
    trail.id = message.error.id;
    trail.method = message.error.method;
    return fail(message.error.reason);
  }
  const received = message.value;
  noteMessage(trail, received, facts);
  const context = await withBody(trail, head, received.body);

  // 4 evidence, 5 required, 6 verify
  const required = requiredEvidence(received.message, tenant.evidenceRules, mandate.value.agent);
  if (!required.ok) return required;
  const proven = await proveCaller(trail, mandate.value, required.value, context);
  if (!proven.ok) return proven;
  const caller = proven.value;

  // 7 bind: what the caller says about this call
  const bound = bindCall(trail, caller, received, context.bodySha256, tenant);
  if (!bound.ok) return bound;
  // Before the origin does anything: what it answers streams through, and cannot be signed.
  if (caller.signature?.demandsSignedResponse) return fail("signature.response_demanded");
  const beside = await takeBeside(trail, caller, { ...context, received, required: required.value }, env);
  if (!beside.ok) return beside;

  // 8 policy
  const permitted = permit(received.message, caller, bound.value, tenant);
  if (!permitted.ok) return permitted;
  trail.counted = permitted.value;
  trail.checks.push("policy");
  // After all that we can tell ourselves: the message chooses whom this asks.
  const resolved = await resolveAttested(trail, facts, env);
  if (!resolved.ok) return resolved;

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
  trail.kept = trail.tenant && keptOf(message, trail.tenant.audit.keep);
}
