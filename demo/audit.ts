import type { LocalRuntime } from "../src/cli/local/runtime.ts";

export interface AuditRow {
  readonly decision: string;
  readonly verdict: string;
  readonly reason: string | null;
}

/** A journal reaches D1 within two or three seconds of the decision. */
const PATIENCE_MS = 20_000;

/** Reads decisions back from D1, once they are all there or patience has run out. */
export async function readAudit(
  countersign: LocalRuntime,
  decisions: readonly string[],
): Promise<ReadonlyMap<string, AuditRow>> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const db = await countersign.d1();
    const { results } = await db
      .prepare("SELECT decision, verdict, reason FROM audit_records WHERE kind = 'decision'")
      .all<AuditRow>();
    const rows = new Map(results.map((row) => [row.decision, row]));
    if (decisions.every((decision) => rows.has(decision)) || Date.now() > deadline) return rows;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
