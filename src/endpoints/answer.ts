import { toResponse } from "../denial.ts";
import type { Reason } from "../reasons.ts";
import { reportOutcome } from "../relay.ts";
import { refusalOf } from "../respond.ts";
import { ok, type Result } from "../result.ts";
import type { Trail } from "../trail.ts";
import { exportLog } from "./export.ts";
import { showObserved } from "./observed.ts";
import { showReceipt } from "./receipts.ts";
import { acknowledgeRecord } from "./records.ts";
import { lift, revoke, showRevocations } from "./revocations.ts";
import { showRun } from "./runs.ts";
import { showStatus } from "./status.ts";
import type { Visit } from "./visit.ts";

/** Answers an admitted request to an endpoint of our own, and reports what became of it. */
export async function answerVisit(
  visit: Visit,
  trail: Trail,
  env: Env,
  ctx: ExecutionContext,
): Promise<Response> {
  const end = (status: number, reason: Reason | null) =>
    ctx.waitUntil(
      reportOutcome(
        trail,
        visit.tenant,
        { status, reason, output_hash: null, delivered_hash: null, result: null },
        env,
      ),
    );
  try {
    const shown = await show(visit, trail, env);
    const response = shown.ok ? shown.value : toResponse(refusalOf(trail, shown.error));
    // What it says is for this caller alone.
    response.headers.set("Cache-Control", "no-store");
    end(response.status, shown.ok ? null : shown.error);
    return response;
  } catch (bug) {
    end(500, "internal.error");
    throw bug;
  }
}

async function show(visit: Visit, trail: Trail, env: Env): Promise<Result<Response, Reason>> {
  const { endpoint } = visit;
  switch (endpoint.kind) {
    case "receipt":
      return showReceipt(endpoint.decision, visit, env);
    case "records":
      return ok(acknowledgeRecord(trail));
    case "run":
      return showRun(endpoint.run, visit, env);
    case "export":
      return exportLog(visit, env);
    case "status":
      return showStatus(visit, env);
    case "observed":
      return showObserved(visit, env);
    case "revocations":
      return visit.revocation === null ? showRevocations(visit, env) : revoke(visit, visit.revocation, env);
    case "revocation":
      return lift(visit, endpoint.number, env);
  }
}
