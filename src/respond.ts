import { attemptOf, factsOf, homeOf } from "./attempt.ts";
import { sampleUnverified } from "./audit/sampling.ts";
import { type Refusal, statusOf, toResponse } from "./denial.ts";
import { lastAcceptable } from "./evidence/act/verify.ts";
import { type Caller, covers } from "./evidence/caller.ts";
import type { Passage } from "./gate.ts";
import { decide, report } from "./ledger/client.ts";
import { type Outcome, runKey } from "./ledger/protocol.ts";
import { addCors } from "./mcp/cors.ts";
import { forward } from "./origin/forward.ts";
import { forwardedHeaders, isEventStream, returnedHeaders } from "./origin/headers.ts";
import { watchBody } from "./origin/watch.ts";
import { REASONS, type Reason } from "./reasons.ts";
import { recheck } from "./recheck.ts";
import { nameSession, SESSION_HEADER } from "./session.ts";
import { supervise } from "./supervise.ts";
import { metadataUrl } from "./tenant/resource-metadata.ts";
import type { Tenant } from "./tenant/tenant.ts";
import type { Trail } from "./trail.ts";

type Call = Extract<Passage, { kind: "call" }>;

/** What became of a forwarded call. */
type End = Pick<Outcome, "status" | "reason" | "output_hash">;

/** Stages 10 and 11: forwards an admitted call, streams the answer, and reports what became of it. */
export async function relay(passage: Call, trail: Trail, env: Env, ctx: ExecutionContext): Promise<Response> {
  const { facts, tenant } = passage;
  const { promise: ended, resolve: end } = Promise.withResolvers<End>();
  const reported = ended.then((outcome) => reportOutcome(trail, tenant, outcome, env));
  ctx.waitUntil(reported);
  // Once the client has gone, which it can before the origin answers, only what is handed over then still runs.
  facts.signal.addEventListener("abort", () => ctx.waitUntil(reported));
  try {
    return await pass(passage, trail, env, end);
  } catch (bug) {
    end({ status: 500, reason: "internal.error", output_hash: null });
    throw bug;
  }
}

async function pass(
  { facts, tenant, received, bearer, caller }: Call,
  trail: Trail,
  env: Env,
  end: (outcome: End) => void,
): Promise<Response> {
  const withhold = (reason: Reason): Response => {
    const refusal = refusalOf(trail, reason);
    end({ status: statusOf(refusal), reason, output_hash: null });
    return toResponse(refusal);
  };
  const request = {
    method: facts.method,
    headers: forwardedHeaders(facts.headers, tenant.origin.forwardHeaders, isWordOf(caller), trail.session),
    body: facts.method === "POST" ? received.body : null,
    signal: facts.signal,
  };
  const answer = await forward(tenant.origin, request, env);
  if (!answer.ok) return withhold(answer.error);
  const { status, body } = answer.value;
  const headers = returnedHeaders(answer.value.headers);
  const session = headers.get(SESSION_HEADER);
  if (session !== null) {
    const named = await nameSession(session, trail.session, caller, tenant, env, seconds());
    if (!named.ok) {
      await body?.cancel();
      return withhold(named.error);
    }
    headers.set(SESSION_HEADER, named.value);
  }

  const supervision = supervise({
    expiresIn: (lastAcceptable(caller.mandate) + tenant.streams.grace) * 1000 - Date.now(),
    every: tenant.streams.recheck * 1000,
    check: () => recheck({ facts, bearer, caller }, env, Date.now()),
  });
  // A response of these two has no body, whatever the origin sent.
  const watched = watchBody(status === 204 || status === 205 ? null : body, {
    clientGone: facts.signal,
    stop: supervision.stop,
    endsCleanly: isEventStream(headers),
  });
  void watched.end.then(({ sha256, reason }) => {
    supervision.end();
    end({ status, reason, output_hash: sha256 });
  });
  return new Response(watched.body, { status, headers });
}

/** What the origin may take for the caller's word. With a bearer alone there is nothing more to ask of a resumption. */
const isWordOf = (caller: Caller) => (name: string) =>
  covers(caller, name) || (caller.signature === null && name === "last-event-id");

const seconds = (): number => Math.floor(Date.now() / 1000);

/** Answers a refused request, after it was written down as far as it concerns anybody. */
export async function refuse(
  trail: Trail,
  reason: Reason,
  env: Env,
  ctx: ExecutionContext,
): Promise<Response> {
  const { tenant } = trail;
  const answer = () => toResponse(refusalOf(trail, trail.ruling?.reason ?? reason));
  if (tenant === null || trail.ruling !== null) return answer();
  // A ledger that has just failed is not asked to write that down, and what we cannot tell is no verdict.
  if (trail.caller !== null && REASONS[reason].answer.kind === "unavailable") return answer();

  const facts = factsOf(trail, tenant);
  const home = homeOf(trail, tenant);
  if (trail.caller === null) {
    // Of strangers a sample is enough: a row for each would let them run up the bill.
    const sample = sampleUnverified(tenant.id, trail.startedAt);
    if (sample !== null) ctx.waitUntil(decide(env, home, attemptOf(trail, { ...facts, ...sample }, reason)));
    return answer();
  }
  // The ledger may know a worse reason: the same request was here before.
  const ruled = await decide(env, home, attemptOf(trail, facts, reason));
  if (ruled.ok) trail.ruling = ruled.value;
  return answer();
}

/** Adds what every response of ours carries. */
export function finish(response: Response, trail: Trail): Response {
  const headers = new Headers(response.headers);
  headers.set("Countersign-Decision", trail.decision);
  if (trail.caller?.ect)
    headers.set("Countersign-Ect", trail.ruling?.stepRecorded ? "recorded" : "not-recorded");
  if (trail.corsOrigin !== null) addCors(headers, trail.corsOrigin);
  const { status, body } = response;
  return new Response(body, { status, headers });
}

/** What the answer to a refused request is made from. */
const refusalOf = (trail: Trail, reason: Reason): Refusal => ({
  reason,
  decision: trail.decision,
  id: trail.id,
  method: trail.method ?? trail.claimedMethod,
  verified: trail.caller !== null,
  modern: trail.modern,
  resource: trail.tenant && {
    metadataUrl: metadataUrl(trail.tenant),
    scopes: trail.tenant.oauth.scopes,
  },
});

function reportOutcome(trail: Trail, tenant: Tenant, end: End, env: Env): Promise<void> {
  return report(env, homeOf(trail, tenant), {
    decision: trail.decision,
    facts: factsOf(trail, tenant),
    run: trail.caller && runKey(trail.caller.mandate),
    latency_ms: Date.now() - trail.startedAt,
    ...end,
  });
}
