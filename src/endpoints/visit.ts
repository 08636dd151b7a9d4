/**
 * The order of the checks at Countersign's own endpoints. It is that of `gate.ts`, with the same stages, for a request that is
 * no MCP message and that no origin sees.
 */

import type { Revocation } from "../directory/revocation.ts";
import { fromUtf8 } from "../encoding.ts";
import { bindCapability, type Counted } from "../evidence/act/bind.ts";
import { readRecord } from "../evidence/act/record.ts";
import type { VerifiedBearer } from "../evidence/bearer.ts";
import type { AgentCaller, CallerContext } from "../evidence/caller.ts";
import { verifyOwnRecord } from "../evidence/recorded.ts";
import { ATTESTATION_HEADER, RECORD_HEADER } from "../evidence-headers.ts";
import type { Facts } from "../facts.ts";
import { BODY_DEADLINE_MS, MAX_REVOCATION_BYTES, MAX_TOKEN_BYTES } from "../limits.ts";
import { readBody } from "../mcp/body.ts";
import { authorize } from "../policy/authorize.ts";
import { permitGranted } from "../policy/judge.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import { admit } from "../stages/admit.ts";
import { proveCaller, type RequestHead, withBody } from "../stages/prove-caller.ts";
import type { EvidenceKind, Tenant } from "../tenant/tenant.ts";
import type { Trail } from "../trail.ts";
import { AUDIT_ACTION, methodsOf, type OwnEndpoint, ownAction, REVOCATIONS_ACTION } from "./endpoint.ts";
import { keptOfRevocation, readRevocation } from "./revocations.ts";

/** An admitted request to an endpoint of our own. */
export interface Visit {
  readonly endpoint: OwnEndpoint;
  readonly facts: Facts;
  readonly tenant: Tenant;
  readonly caller: AgentCaller;
  /** Whether the caller may see what is not its own. */
  readonly isAuditor: boolean;
  /** What is to be revoked; null where nothing is. */
  readonly revocation: Revocation | null;
}

/** Also of an agent that the tenant lets off the signature: what it did is for nobody to see who has a copy of its mandate. */
const REQUIRED: ReadonlySet<EvidenceKind> = new Set(["mandate", "signature"]);

/** Evidence that is not read here: who sends it would take it for heeded. */
const UNREAD = [ATTESTATION_HEADER, RECORD_HEADER];

/** Stages 3 to 9, behind the mandate. */
export async function visit(
  endpoint: OwnEndpoint,
  bearer: VerifiedBearer,
  head: RequestHead,
  trail: Trail,
  env: Env,
): Promise<Result<Visit, Reason>> {
  const { facts, tenant } = head;
  if (bearer.kind === "token") return fail("endpoint.mandate");

  // 3 message
  trail.method = facts.method;
  trail.action = ownAction(endpoint);
  const body = await receive(endpoint, facts);
  if (!body.ok) return body;
  const context = await withBody(trail, head, body.value);

  // 4 evidence, 5 required, 6 verify
  const proven = await proveCaller(trail, bearer.mandate, REQUIRED, context);
  if (!proven.ok) return proven;
  const caller = proven.value;

  // 7 bind
  // One of the profile poc covers neither all that is read nor, always, a nonce.
  if (caller.signature === null || caller.signature.profile === "poc") return fail("endpoint.profile");
  if (caller.ect !== null) return fail("ect.misplaced");
  if (UNREAD.some((name) => facts.headers.has(name))) return fail("endpoint.evidence_misplaced");
  if (caller.signature.demandsSignedResponse) return fail("signature.response_demanded");
  if (endpoint.kind === "records") {
    const record = await takeRecord(body.value, caller, context);
    if (!record.ok) return record;
    trail.record = record.value;
    trail.checks.push("record");
  }
  let revocation: Revocation | null = null;
  if (endpoint.kind === "revocations" && facts.method === "POST") {
    const asked = readRevocation(body.value);
    if (!asked.ok) return asked;
    revocation = asked.value;
    trail.kept = keptOfRevocation(revocation);
  } else if (endpoint.kind === "revocation") trail.kept = { "/number": endpoint.number };

  // 8 policy
  if (tenant.suspended) return fail("policy.tenant_suspended");
  const authorized = authorize(caller);
  if (!authorized.ok) return authorized;
  const audit = permitAudit(endpoint, caller);
  if (!audit.ok) return audit;
  const isAuditor = audit.value !== null && ownAction(endpoint) !== REVOCATIONS_ACTION;
  if (isAuditor) trail.checks.push("auditor");
  trail.counted = audit.value?.counted ?? null;

  // 9 admit
  const admitted = await admit(trail, tenant, env);
  return admitted.ok ? ok({ endpoint, facts, tenant, caller, isAuditor, revocation }) : admitted;
}

/** What has a body, and which. */
function bodyTaken({ kind }: OwnEndpoint, method: string): Taken | null {
  if (kind === "records")
    return { type: /^application\/jwt$/i, max: MAX_TOKEN_BYTES, fault: "record.content_type" };
  if (kind === "revocations" && method === "POST")
    return {
      type: /^application\/json(;.*)?$/i,
      max: MAX_REVOCATION_BYTES,
      fault: "revocation.content_type",
    };
  return null;
}

interface Taken {
  readonly type: RegExp;
  readonly max: number;
  readonly fault: Reason;
}

/** Reads the body, where one is taken. */
async function receive(
  endpoint: OwnEndpoint,
  { method, headers, body }: Facts,
): Promise<Result<Uint8Array<ArrayBuffer>, Reason>> {
  const taken = bodyTaken(endpoint, method);
  if (!methodsOf(endpoint).includes(method)) return fail("endpoint.method");
  if ((headers.get("content-encoding") ?? "identity") !== "identity") return fail("message.content_encoding");
  if (taken !== null && !taken.type.test(headers.get("content-type") ?? "")) return fail(taken.fault);
  const read = await readBody(body, headers, taken?.max ?? MAX_TOKEN_BYTES, BODY_DEADLINE_MS);
  if (!read.ok) return read;
  return taken !== null || read.value.length === 0 ? read : fail("message.unexpected_body");
}

async function takeRecord(body: Uint8Array, caller: AgentCaller, context: CallerContext) {
  const record = readRecord(fromUtf8(body) ?? "");
  return record.ok ? verifyOwnRecord(record.value, { ...context, caller }) : record;
}

/**
 * Whether the caller visits as an auditor, or as one who may revoke.
 *
 * @returns the entry of `cap` that this uses up, where it is counted; null for who sees its own alone
 */
function permitAudit(
  endpoint: OwnEndpoint,
  caller: AgentCaller,
): Result<{ readonly counted: Counted | null } | null, Reason> {
  if (endpoint.kind === "records") return ok(null);
  const own = ownAction(endpoint);
  const action = own === REVOCATIONS_ACTION ? own : AUDIT_ACTION;
  const grants = bindCapability(caller.mandate, action);
  const permitted = grants.ok ? permitGranted({ caller, grants: grants.value, tool: null }) : grants;
  if (permitted.ok) return ok({ counted: permitted.value });
  return own === action ? permitted : ok(null);
}
