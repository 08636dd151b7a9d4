import { withDeadline } from "../deadline.ts";
import { D1_DEADLINE_MS } from "../limits.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";

/** Asks D1 for rows, on behalf of somebody who can ask again. */
export async function queryLog<T>(
  db: D1Database,
  query: string,
  ...values: readonly (string | number)[]
): Promise<Result<readonly T[], Reason>> {
  const asked = db.prepare(query).bind(...values);
  try {
    return ok((await withDeadline(asked.all<T>(), D1_DEADLINE_MS)).results);
  } catch (error) {
    console.error(JSON.stringify({ event: "log.unavailable", error: String(error) }));
    return fail("endpoint.log_unavailable");
  }
}
