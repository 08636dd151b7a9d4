/** `GET <tenant>/audit/export`: the audit log as a file that proves itself; see `docs/audit.md`. */

import { d1Source } from "../audit/export/d1-source.ts";
import { type Line, writeLine } from "../audit/export/format.ts";
import { type Log, planExport, storedCheckpoint, tailsOf } from "../audit/export/plan.ts";
import { type ExportQuery, readQuery } from "../audit/export/query.ts";
import { exportLines, type Plan } from "../audit/export/write.ts";
import { readSigningKeys } from "../audit/signing-keys.ts";
import { streamOf } from "../bytes/stream-of.ts";
import { withDeadline } from "../deadline.ts";
import { utf8 } from "../encoding.ts";
import { EXPORT_CHUNK_LENGTH, SNAPSHOT_DEADLINE_MS } from "../limits.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Visit } from "./visit.ts";

export async function exportLog({ facts, tenant }: Visit, env: Env): Promise<Result<Response, Reason>> {
  const query = readQuery(facts.query);
  if (query === null) return fail("endpoint.query");
  const keys = await readSigningKeys(env.SIGNING_KEYS);
  if (keys === null) return fail("signing.unconfigured");
  const plan = await planOf(query, tenant.publicUrl, { db: env.AUDIT, tenant: tenant.id }, env);
  if (!plan.ok) return plan;
  const source = d1Source(env.AUDIT, tenant.id, plan.value.latest.size);
  const lines = exportLines(plan.value, source, keys, query.resume?.after ?? null);
  return ok(
    new Response(streamOf(chunks(lines, tenant.id)), {
      headers: { "Content-Type": "application/x-ndjson", "Cache-Control": "no-store" },
    }),
  );
}

/** What to export: the log as it is now, or as it was when an export began that broke off. */
async function planOf(
  { from, to, resume }: ExportQuery,
  issuer: string,
  log: Log,
  env: Env,
): Promise<Result<Plan, Reason>> {
  try {
    const asked = { from, to, issuer, time: Date.now() };
    if (resume !== null) {
      const latest = await storedCheckpoint(log, resume.checkpoint);
      return latest === null
        ? fail("endpoint.query")
        : ok(await planExport(log, { ...asked, latest, tails: [] }));
    }
    const tails = await tailsOf(log);
    const snapshot = env.DIRECTORY.getByName(log.tenant).snapshot();
    const latest = await withDeadline(snapshot, SNAPSHOT_DEADLINE_MS);
    return ok(await planExport(log, { ...asked, latest, tails }));
  } catch (error) {
    console.error(JSON.stringify({ event: "export.failed", tenant: log.tenant, error: String(error) }));
    return fail("endpoint.log_unavailable");
  }
}

/** Lines by and by, some at once. Where the log does not answer, the stream breaks: it never looks complete. */
async function* chunks(lines: AsyncGenerator<Line>, tenant: string): AsyncGenerator<Uint8Array> {
  try {
    let text = "";
    for await (const line of lines) {
      text += writeLine(line);
      if (text.length < EXPORT_CHUNK_LENGTH) continue;
      yield utf8(text);
      text = "";
    }
    if (text !== "") yield utf8(text);
  } catch (error) {
    console.error(JSON.stringify({ event: "export.broken", tenant, error: String(error) }));
    throw error;
  }
}
