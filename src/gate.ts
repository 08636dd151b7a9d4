import { keptOf } from "./audit/kept.ts";
import { brake } from "./brake.ts";
import { seconds } from "./clock.ts";
import { type Endpoint, targetOf } from "./endpoints/endpoint.ts";
import { type Visit, visit } from "./endpoints/visit.ts";
import { describedBy } from "./endpoints/well-known.ts";
import { type PresentedBearer, parseBearer, type VerifiedBearer, verifyBearer } from "./evidence/bearer.ts";
import type { Caller } from "./evidence/caller.ts";
import { type Facts, readFacts } from "./facts.ts";
import { keyFinder } from "./keys/find.ts";
import { checkOrigin } from "./mcp/cors.ts";
import { isModern } from "./mcp/mirrored-headers.ts";
import { idOf, methodOf, type Received, readMessage } from "./mcp/read.ts";
import { isAuthorizationServerPath } from "./oauth/resource-metadata.ts";
import { isObserved, mayObserve } from "./observe.ts";
import type { Reason } from "./reasons.ts";
import { fail, ok, type Result } from "./result.ts";
import { admit } from "./stages/admit.ts";
import { resolveAttested } from "./stages/beside.ts";
import { permit } from "./stages/permit.ts";
import { proveCall } from "./stages/prove-call.ts";
import { withBody } from "./stages/prove-caller.ts";
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
  | {
      kind: "call";
      facts: Facts;
      tenant: Tenant;
      received: Received;
      /** Null where the evidence was only observed, and did not hold. */
      known: Known | null;
    };

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
  const browser = checkOrigin(facts.headers, tenant.allowedOrigins);
  if (!browser.ok) return browser;
  trail.corsOrigin = browser.value;
  if (facts.method === "OPTIONS") return ok({ kind: "preflight", facts, tenant, endpoint });

  // 2 bearer: before a byte of the body is read, so that strangers cannot make us hold bodies
  const keys = keyFinder(env, Date.now);
  const parsed = parseBearer(facts.headers);
  const bearer = parsed.ok ? await verifyBearer(parsed.value, tenant, keys, seconds()) : parsed;
  if (bearer.ok) noteBearer(trail, bearer.value);
  else if (!mayObserve(tenant, "evidence", bearer.error, trail.startedAt)) return bearer;
  const head = { facts, tenant, target, keys };
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

  // 8 policy
  const grants = proven.ok ? proven.value.grants : null;
  const permitted = permit(trail, received.message, grants, tenant, context.now);
  if (!permitted.ok) return permitted;
  // After all that we can tell ourselves: the message chooses whom this asks.
  const resolved = await resolveAttested(trail, facts, env);
  if (!resolved.ok && !isObserved(trail, "evidence", resolved.error)) return resolved;

  // 9 admit
  const admitted = await admit(trail, tenant, env);
  if (!admitted.ok) return admitted;
  const known = parsed.ok && proven.ok ? { presented: parsed.value, caller: proven.value.caller } : null;
  return ok({ kind: "call", facts, tenant, received, known });
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
