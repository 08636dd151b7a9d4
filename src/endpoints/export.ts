/** `GET <tenant>/audit/export`: the audit log as a file that proves itself; see `docs/audit.md`. */

import { d1Source, type Log, logOf } from "../audit/export/d1-source.ts";
import { type Line, writeLine } from "../audit/export/format.ts";
import { canGoOn, planExport, storedCheckpoint, tailsOf } from "../audit/export/plan.ts";
import { type ExportQuery, readQuery } from "../audit/export/query.ts";
import { exportLines, type Plan } from "../audit/export/write.ts";
import { readSigningKeys } from "../audit/signing-keys.ts";
import { streamOf } from "../bytes/stream-of.ts";
import { withDeadline } from "../deadline.ts";
import { utf8 } from "../encoding.ts";
import { EXPORT_ANSWER_MS, EXPORT_CHUNK_LENGTH, SNAPSHOT_DEADLINE_MS } from "../limits.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Visit } from "./visit.ts";

export async function exportLog({ facts, tenant }: Visit, env: Env): Promise<Result<Response, Reason>> {
  const query = readQuery(facts.query);
  if (query === null) return fail("endpoint.query");
  const keys = await readSigningKeys(env.SIGNING_KEYS);
  if (keys === null) return fail("signing.unconfigured");
  const log = logOf(env.AUDIT, tenant.id);
  const plan = await planOf(query, tenant.publicUrl, log, env);
  if (!plan.ok) return plan;
  const source = d1Source(log, plan.value);
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
      const plan = latest && (await planExport(log, { ...asked, latest, tails: [] }));
      return plan !== null && (await canGoOn(log, plan, resume.after)) ? ok(plan) : fail("endpoint.query");
    }
    const tails = await tailsOf(log);
    const snapshot = env.DIRECTORY.getByName(log.tenant).snapshot();
    const latest = await withDeadline(snapshot, SNAPSHOT_DEADLINE_MS);
    const plan = await planExport(log, { ...asked, latest, tails });
    if (plan === null) throw new Error("the heads of a checkpoint are gone");
    return ok(plan);
  } catch (error) {
    console.error(JSON.stringify({ event: "export.failed", tenant: log.tenant, error: String(error) }));
    return fail("endpoint.log_unavailable");
  }
}

/**
 * Lines by and by, some at once. Where the log does not answer, or who reads takes too long, the stream breaks: it never looks
 * complete.
 */
async function* chunks(lines: AsyncGenerator<Line>, tenant: string): AsyncGenerator<Uint8Array> {
  const until = Date.now() + EXPORT_ANSWER_MS;
  try {
    let text = "";
    for await (const line of lines) {
      text += writeLine(line);
      if (text.length < EXPORT_CHUNK_LENGTH) continue;
      if (Date.now() > until) throw new Error("as much time as one answer may take");
      yield utf8(text);
      text = "";
    }
    if (text !== "") yield utf8(text);
  } catch (error) {
    console.error(JSON.stringify({ event: "export.broken", tenant, error: String(error) }));
    throw error;
  }
}
