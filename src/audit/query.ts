import { withDeadline } from "../deadline.ts";
import { D1_DEADLINE_MS } from "../limits.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";

/** Asks D1 for rows. Throws where it does not answer. */
export async function rowsOf<T>(
  db: D1Database,
  query: string,
  ...values: readonly (string | number)[]
): Promise<T[]> {
  const asked = db
    .prepare(query)
    .bind(...values)
    .all<T>();
  return (await withDeadline(asked, D1_DEADLINE_MS)).results;
}

/** The same on behalf of somebody who can ask again. */
export async function queryLog<T>(
  db: D1Database,
  query: string,
  ...values: readonly (string | number)[]
): Promise<Result<readonly T[], Reason>> {
  try {
    return ok(await rowsOf<T>(db, query, ...values));
  } catch (error) {
    console.error(JSON.stringify({ event: "log.unavailable", error: String(error) }));
    return fail("endpoint.log_unavailable");
  }
}
