import type { ApprovalEndpoint } from "./approval/address.ts";
import { keptOf } from "./audit/kept.ts";
import { brake } from "./brake.ts";
import { seconds } from "./clock.ts";
import { type Endpoint, isForPeople, targetOf } from "./endpoints/endpoint.ts";
import { type Visit, visit } from "./endpoints/visit.ts";
import { describedBy } from "./endpoints/well-known.ts";
import { type PresentedBearer, parseBearer, type VerifiedBearer } from "./evidence/bearer.ts";
import type { Caller } from "./evidence/caller.ts";
import { type Facts, readFacts } from "./facts.ts";
import { keyFinder } from "./keys/find.ts";
import { checkOrigin } from "./mcp/cors.ts";
import { isModern } from "./mcp/mirrored-headers.ts";
import { idOf, methodOf, type Received, readMessage } from "./mcp/read.ts";
import { isAuthorizationServerPath } from "./oauth/resource-metadata.ts";
import { isObserved, mayObserve } from "./observe.ts";
import { readCredentials } from "./origin/credentials.ts";
import type { Reason } from "./reasons.ts";
import { checkResumption } from "./redaction/applies.ts";
import { fail, ok, type Result } from "./result.ts";
import { admit } from "./stages/admit.ts";
import { askApproval } from "./stages/ask-approval.ts";
import { resolveAttested } from "./stages/beside.ts";
import { permit } from "./stages/permit.ts";
import { proveBearer } from "./stages/prove-bearer.ts";
import { proveCall } from "./stages/prove-call.ts";
import { withBody } from "./stages/prove-caller.ts";
import { takeObserved } from "./stages/take-observed.ts";
import { findDescribed, findTenant } from "./tenant/store.ts";
import type { Tenant } from "./tenant/tenant.ts";
import type { Trail } from "./trail.ts";

/**
 * A request that may go on: a browser's preflight question, one for what the tenant publishes, a person's who has come to a page of
 * ours, an admitted request to an endpoint of our own, or an admitted call.
 */
export type Passage =
  | { kind: "preflight"; facts: Facts; tenant: Tenant; endpoint: Endpoint }
  | { kind: "metadata"; facts: Facts; tenant: Tenant }
  | { kind: "published"; facts: Facts; tenant: Tenant }
  | { kind: "people"; facts: Facts; tenant: Tenant; endpoint: ApprovalEndpoint }
  | ({ kind: "visit" } & Visit)
  | {
      kind: "call";
      facts: Facts;
      tenant: Tenant;
      received: Received;
      /** Null where the evidence was only observed, and did not hold. */
      known: Known | null;
    };

/** An admitted call. */
export type CallPassage = Extract<Passage, { kind: "call" }>;

/** Who sends an admitted call, and under what. */
export interface Known {
  /** The bearer as it was sent. */
  readonly presented: PresentedBearer;
  readonly caller: Caller;
}

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
  // Its pages take no other site's word, and send none to another: see `respondToPerson`.
  if (isForPeople(endpoint)) return admitPerson(facts, tenant, endpoint);
  const browser = checkOrigin(facts.headers, tenant.allowedOrigins);
  if (!browser.ok) return browser;
  trail.corsOrigin = browser.value;
  if (facts.method === "OPTIONS") return ok({ kind: "preflight", facts, tenant, endpoint });
  if (endpoint.kind === "mcp") {
    // Whoever asks, nothing could be forwarded: so nothing is used up.
    const credentials = readCredentials(tenant.origin, env);
    if (!credentials.ok) return credentials;
  }

  // 2 bearer: before a byte of the body is read, so that strangers cannot make us hold bodies
  const keys = keyFinder(env, Date.now);
  const head = { facts, tenant, target, keys };
  const parsed = parseBearer(facts.headers, tenant);
  const bearer = parsed.ok ? await proveBearer(trail, parsed.value, head, env, seconds()) : parsed;
  if (bearer.ok) noteBearer(trail, bearer.value);
  else if (!mayObserve(tenant, "evidence", bearer.error, trail.startedAt)) return bearer;
  if (endpoint.kind !== "mcp") {
    const visited = bearer.ok ? await visit(endpoint, bearer.value, head, trail, env) : bearer;
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

  // 4 evidence, 5 required, 6 verify, 7 bind
  const proven = bearer.ok ? await proveCall(trail, bearer.value, received, context, env) : bearer;
  if (!proven.ok && !isObserved(trail, "evidence", proven.error)) return proven;
  const grants = proven.ok
    ? ok(proven.value.grants)
    : await takeObserved(trail, proven.error, received.message, context, env);
  if (!grants.ok) return grants;

  // 8 policy
  const permitted = permit(trail, received.message, grants.value, tenant, context.now);
  if (!permitted.ok) return permitted;
  const begun = checkResumption(facts, tenant);
  if (!begun.ok) return begun;
  // After all that we can tell ourselves: the message chooses whom this asks.
  const resolved = await resolveAttested(trail, facts, env);
  if (!resolved.ok && !isObserved(trail, "evidence", resolved.error)) return resolved;

  const asked = await askApproval(
    permitted.value,
    trail,
    parsed.ok ? parsed.value : null,
    received.message,
    tenant,
    env,
  );
  if (asked.ok) trail.approval = asked.value;
  else if (!isObserved(trail, "approval", asked.error)) return asked;

  // 9 admit
  const admitted = await admit(trail, tenant, env);
  if (!admitted.ok) return admitted;
  const known =
    parsed.ok && proven.ok && resolved.ok ? { presented: parsed.value, caller: proven.value.caller } : null;
  return ok({ kind: "call", facts, tenant, received, known });
}

/** Who it is shows when they sign in. */
function admitPerson(facts: Facts, tenant: Tenant, endpoint: ApprovalEndpoint): Result<Passage, Reason> {
  if (tenant.policy.approval === null) return fail("target.unknown");
  return tenant.suspended ? fail("policy.tenant_suspended") : ok({ kind: "people", facts, tenant, endpoint });
}

/** Tells who looks for an authorization server, where there is nothing, that there is none. */
const sought = ({ path }: Facts, reason: Reason): Result<never, Reason> => {
  const isNothing = reason === "target.unknown" || reason === "target.not_canonical";
  return fail(isNothing && isAuthorizationServerPath(path) ? "target.no_authorization_server" : reason);
};

function noteBearer(trail: Trail, bearer: VerifiedBearer): void {
  switch (bearer.kind) {
    case "mandate": {
      const { mandate } = bearer;
      trail.mandate = mandate;
      trail.checks.push("mandate");
      if (mandate.chain.length > 0) trail.checks.push(`delegation.${mandate.chain.length}`);
      return;
    }
    case "token":
      trail.token = bearer.token;
      trail.checks.push("access_token");
  }
}

function noteMessage(trail: Trail, { message }: Received, facts: Facts): void {
  trail.id = idOf(message);
  trail.method = methodOf(message) ?? facts.method;
  trail.tool = message.kind === "request" && message.tool !== null ? message.tool.name : null;
  trail.modern = isModern(message);
  trail.kept = trail.tenant && keptOf(message, trail.tenant.audit.keep);
}
