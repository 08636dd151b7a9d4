/** `GET <tenant>/audit/observed`: what would have been refused, were it not only observed; see `docs/observe.md`. */

import { readQuery } from "../audit/export/query.ts";
import { countObserved } from "../audit/observed.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Visit } from "./visit.ts";

export async function showObserved({ facts, tenant }: Visit, env: Env): Promise<Result<Response, Reason>> {
  const query = readQuery(facts.query);
  if (query === null || query.resume !== null) return fail("endpoint.query");
  const { from, to } = query;
  const report = await countObserved(env.AUDIT, { tenant: tenant.id, from: from ?? 0, to });
  return report.ok ? ok(Response.json({ tenant: tenant.id, from, to, ...report.value })) : report;
}
