import { factsOf, homeOf } from "./attempt.ts";
import { readSigningKeys } from "./audit/signing-keys.ts";
import { discard } from "./bytes/discard.ts";
import { seconds } from "./clock.ts";
import { statusOf, toResponse } from "./denial.ts";
import { bearerEnd } from "./evidence/caller.ts";
import { executed } from "./execution.ts";
import type { CallPassage } from "./gate.ts";
import { report } from "./ledger/client.ts";
import type { Outcome } from "./ledger/protocol.ts";
import { runKey } from "./ledger/run-key.ts";
import { MAX_OBSERVED_STREAM_MS } from "./limits.ts";
import { once } from "./once.ts";
import { type Answer, forward } from "./origin/forward.ts";
import { lengthOf, returnedHeaders } from "./origin/headers.ts";
import { passOn } from "./origin/pass-on.ts";
import { type CallResult, type ResultReader, resultReader } from "./origin/result.ts";
import type { Reason } from "./reasons.ts";
import { redactAnswer } from "./redaction/answer.ts";
import { redactionOf } from "./redaction/applies.ts";
import { guardStream } from "./redaction/streams.ts";
import { refusalOf } from "./respond.ts";
import { ok, type Result } from "./result.ts";
import { nameSession } from "./session/own.ts";
import { SESSION_HEADER } from "./session/seal.ts";
import { filterTools } from "./stages/filter-tools.ts";
import { headersFor } from "./stages/outbound.ts";
import { recheck } from "./supervision/recheck.ts";
import { recheckStanding } from "./supervision/standing.ts";
import { type Supervision, supervise } from "./supervision/supervise.ts";
import type { Redaction } from "./tenant/schema/redaction.ts";
import type { Tenant } from "./tenant/tenant.ts";
import type { Trail } from "./trail.ts";

/** What became of a forwarded call. */
type End = Pick<Outcome, "status" | "reason" | "output_hash" | "delivered_hash"> & {
  /** How an attested call ended at the origin; null where that is not known. */
  readonly result: CallResult | null;
};

/** Stages 10 and 11: forwards an admitted call, streams the answer, and reports what became of it. */
export async function relay(
  call: CallPassage,
  trail: Trail,
  env: Env,
  ctx: ExecutionContext,
): Promise<Response> {
  const { facts, tenant } = call;
  const { promise: ended, resolve: end } = Promise.withResolvers<End>();
  const reported = ended.then((outcome) => reportOutcome(trail, tenant, outcome, env));
  ctx.waitUntil(reported);
  // Once the client has gone, which it can before the origin answers, only what is handed over then still runs.
  facts.signal.addEventListener("abort", () => ctx.waitUntil(reported));
  try {
    const answer = await ask(call, trail, env);
    const shown = answer.ok ? await show(answer.value, call, trail, env, ended, end) : answer;
    if (shown.ok) return shown.value;
    const refusal = refusalOf(trail, shown.error);
    end({
      status: statusOf(refusal),
      reason: shown.error,
      output_hash: null,
      delivered_hash: null,
      result: null,
    });
    return toResponse(refusal);
  } catch (bug) {
    end({ status: 500, reason: "internal.error", output_hash: null, delivered_hash: null, result: null });
    throw bug;
  }
}

/** Asks the origin; of its answer nothing but the head is there. */
async function ask(call: CallPassage, trail: Trail, env: Env): Promise<Result<Answer, Reason>> {
  const { facts, tenant, received } = call;
  const sent = await headersFor(call, trail, env);
  if (!sent.ok) return sent;
  const forwarded = await forward(
    tenant.origin,
    {
      method: facts.method,
      headers: sent.value,
      body: facts.method === "POST" ? received.body : null,
      signal: facts.signal,
    },
    env,
  );
  if (!forwarded.ok) return forwarded;
  const { status, body } = forwarded.value;
  const headers = returnedHeaders(forwarded.value.headers);
  const id = headers.get(SESSION_HEADER);
  // An empty one names none.
  if (id === "") headers.delete(SESSION_HEADER);
  else if (id !== null && trail.caller !== null) {
    const named = await nameSession(
      id,
      trail.session,
      received.message,
      trail.caller,
      tenant,
      env,
      seconds(),
    );
    if (!named.ok) {
      await discard(body);
      return named;
    }
    headers.set(SESSION_HEADER, named.value);
  }
  // A response of these two has no body, whatever the origin sent.
  const hasBody = status !== 204 && status !== 205;
  const length = lengthOf(forwarded.value.headers, tenant.origin);
  return ok({ status, headers, body: hasBody ? body : null, length });
}

/**
 * Passes on, as it comes, what this caller may see of the answer, and for as long as it may.
 *
 * @param ended settles when the call has ended, however it does
 */
async function show(
  answer: Answer,
  call: CallPassage,
  trail: Trail,
  env: Env,
  ended: Promise<End>,
  end: (end: End) => void,
): Promise<Result<Response, Reason>> {
  // A short answer that comes with its head needs no supervision.
  const stopSignal = once(() => {
    const supervision = superviseCall(call, trail, env);
    void ended.then(supervision.end);
    return supervision.stop;
  });
  const redaction = redactionOf(call.received.message, call.tenant.policy);
  if (redaction !== null) return showRedacted(answer, redaction, call, trail, stopSignal(), end);
  const filtered = await filterTools(answer, call, trail.caller, stopSignal);
  const guarded = filtered.ok ? await guardStream(filtered.value, call) : filtered;
  if (!guarded.ok) return guarded;
  const { status, headers } = guarded.value;
  const reader = readerFor(guarded.value, trail);
  const passed = await passOn(guarded.value, call.facts.signal, stopSignal, reader?.push);
  void passed.end.then(({ sha256, reason }) =>
    end({
      status,
      reason,
      output_hash: sha256,
      delivered_hash: null,
      result: reader?.end(reason === null) ?? null,
    }),
  );
  return ok(new Response(passed.body, { status, headers }));
}

/**
 * Shows what is left of an answer once it is redacted, or that it is withheld: with the status of an error of the origin's, which may say
 * that a session is over. Of both sides' bytes there is a digest.
 */
async function showRedacted(
  answer: Answer,
  redaction: Redaction,
  { facts, tenant }: CallPassage,
  trail: Trail,
  stop: AbortSignal,
  end: (end: End) => void,
): Promise<Result<Response, Reason>> {
  const reader = readerFor(answer, trail);
  const redacted = await redactAnswer(answer, {
    id: trail.id ?? "",
    redaction,
    deadlineMs: tenant.origin.timeoutMs,
    stop,
    clientGone: facts.signal,
    see: (bytes) => reader?.push(bytes),
  });
  if (!redacted.ok) return redacted;
  const { originSha256, shown } = redacted.value;
  const withheld = shown.ok ? null : shown.error;
  const given = shown.ok ? shown.value : toResponse(refusalOf(trail, shown.error));
  const { status } = answer;
  const { headers, body } = given;
  const passed = await passOn({ headers, body, length: null }, facts.signal, () => stop);
  void passed.end.then(({ sha256, reason }) =>
    end({
      status,
      reason: withheld ?? reason,
      output_hash: originSha256,
      delivered_hash: sha256 === originSha256 ? null : sha256,
      result: reader?.end(originSha256 !== null) ?? null,
    }),
  );
  return ok(new Response(passed.body, { status: status < 400 ? given.status : status, headers }));
}

/** Only of what an execution receipt will say: all other answers are nobody's business here. */
const readerFor = (answer: Answer, { decisionRecord, id }: Trail): ResultReader | null =>
  decisionRecord === null || id === null ? null : resultReader(answer, id);

/** An answer that comes late, to a call that was admitted in time, has the time of grace all the same. */
function superviseCall(call: CallPassage, trail: Trail, env: Env): Supervision {
  const { tenant } = call;
  const { caller } = trail;
  const left = caller === null ? MAX_OBSERVED_STREAM_MS : Math.max(bearerEnd(caller) * 1000 - Date.now(), 0);
  return supervise({
    expiresIn: left + tenant.streams.grace * 1000,
    expired: caller?.kind === "token" ? "token.expired" : "act.expired",
    pause: tenant.streams.recheck * 1000,
    check: async () => {
      const trusted = await recheck(call, caller, env, Date.now());
      return trusted.ok ? recheckStanding(trail, tenant, env, Date.now()) : trusted;
    },
  });
}

export async function reportOutcome(
  trail: Trail,
  tenant: Tenant,
  { result, ...end }: End,
  env: Env,
): Promise<void> {
  // The clock may be set back meanwhile.
  const latency_ms = Math.max(Date.now() - trail.startedAt, 0);
  const execution = result && (await executed(trail, result, await readSigningKeys(env.SIGNING_KEYS)));
  const outcome = {
    decision: trail.decision,
    facts: factsOf(trail, tenant),
    run: trail.caller?.mandate ? runKey(trail.caller.mandate) : null,
    latency_ms,
    execution,
    ...end,
  };
  return report(env, homeOf(trail, tenant), outcome, trail.ledgerStub);
}
