import { factsOf, homeOf } from "./attempt.ts";
import { discard } from "./bytes/discard.ts";
import { seconds } from "./clock.ts";
import { statusOf, toResponse } from "./denial.ts";
import { lastAcceptable } from "./evidence/act/verify.ts";
import { type Caller, covers } from "./evidence/caller.ts";
import type { Passage } from "./gate.ts";
import { report } from "./ledger/client.ts";
import { type Outcome, runKey } from "./ledger/protocol.ts";
import { type Answer, forward } from "./origin/forward.ts";
import { forwardedHeaders, isEventStream, returnedHeaders } from "./origin/headers.ts";
import { watchBody } from "./origin/watch.ts";
import type { Reason } from "./reasons.ts";
import { refusalOf } from "./respond.ts";
import type { Result } from "./result.ts";
import { nameSession } from "./session/own.ts";
import { SESSION_HEADER } from "./session/seal.ts";
import { recheck } from "./supervision/recheck.ts";
import { type Supervision, supervise } from "./supervision/supervise.ts";
import type { Tenant } from "./tenant/tenant.ts";
import { filterTools } from "./tool-list.ts";
import type { Trail } from "./trail.ts";

type Call = Extract<Passage, { kind: "call" }>;

/** What became of a forwarded call. */
type End = Pick<Outcome, "status" | "reason" | "output_hash">;

/** Stages 10 and 11: forwards an admitted call, streams the answer, and reports what became of it. */
export async function relay(call: Call, trail: Trail, env: Env, ctx: ExecutionContext): Promise<Response> {
  const { facts, tenant } = call;
  const { promise: ended, resolve: end } = Promise.withResolvers<End>();
  const reported = ended.then((outcome) => reportOutcome(trail, tenant, outcome, env));
  ctx.waitUntil(reported);
  // Once the client has gone, which it can before the origin answers, only what is handed over then still runs.
  facts.signal.addEventListener("abort", () => ctx.waitUntil(reported));
  try {
    const answer = await ask(call, trail, env);
    if (answer.ok) return stream(answer.value, call, env, end);
    const refusal = refusalOf(trail, answer.error);
    end({ status: statusOf(refusal), reason: answer.error, output_hash: null });
    return toResponse(refusal);
  } catch (bug) {
    end({ status: 500, reason: "internal.error", output_hash: null });
    throw bug;
  }
}

/** Asks the origin, and makes of its answer what this caller may see of it. */
async function ask(call: Call, trail: Trail, env: Env): Promise<Result<Answer, Reason>> {
  const { facts, tenant, received, caller } = call;
  const forwarded = await forward(
    tenant.origin,
    {
      method: facts.method,
      headers: forwardedHeaders(facts.headers, tenant.origin.forwardHeaders, isWordOf(caller), trail.session),
      body: facts.method === "POST" ? received.body : null,
      signal: facts.signal,
    },
    env,
  );
  if (!forwarded.ok) return forwarded;
  const { status, body } = forwarded.value;
  const headers = returnedHeaders(forwarded.value.headers);
  const id = headers.get(SESSION_HEADER);
  if (id !== null) {
    const named = await nameSession(id, trail.session, caller, tenant, env, seconds());
    if (!named.ok) {
      await discard(body);
      return named;
    }
    headers.set(SESSION_HEADER, named.value);
  }
  // A response of these two has no body, whatever the origin sent.
  return filterTools({ status, headers, body: status === 204 || status === 205 ? null : body }, call);
}

/** What the origin may take for the caller's word. With a bearer alone there is nothing more to ask of a resumption. */
const isWordOf = (caller: Caller) => (name: string) =>
  covers(caller, name) || (caller.signature === null && name === "last-event-id");

/** Passes the answer on as it comes, for as long as its caller may see it. */
function stream({ status, headers, body }: Answer, call: Call, env: Env, end: (end: End) => void): Response {
  const supervision = superviseCall(call, env);
  const watched = watchBody(body, {
    clientGone: call.facts.signal,
    stop: supervision.stop,
    endsCleanly: isEventStream(headers),
  });
  void watched.end.then(({ sha256, reason }) => {
    supervision.end();
    end({ status, reason, output_hash: sha256 });
  });
  return new Response(watched.body, { status, headers });
}

/** An answer that comes late, to a call that was admitted in time, has the time of grace all the same. */
function superviseCall(call: Call, env: Env): Supervision {
  const { caller, tenant } = call;
  const left = Math.max(lastAcceptable(caller.mandate) * 1000 - Date.now(), 0);
  return supervise({
    expiresIn: left + tenant.streams.grace * 1000,
    pause: tenant.streams.recheck * 1000,
    check: () => recheck(call, env, Date.now()),
  });
}

function reportOutcome(trail: Trail, tenant: Tenant, end: End, env: Env): Promise<void> {
  return report(env, homeOf(trail, tenant), {
    decision: trail.decision,
    facts: factsOf(trail, tenant),
    run: trail.caller && runKey(trail.caller.mandate),
    latency_ms: Date.now() - trail.startedAt,
    ...end,
  });
}
