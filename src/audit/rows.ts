import type { AuditRecord } from "./record.ts";

/** A row of `audit_records`: a record, with what is no single value as JSON text. */
export interface Row extends Omit<AuditRecord, "checks" | "kept" | "evidence" | "execution"> {
  readonly checks: string;
  readonly kept: string | null;
  readonly evidence: string | null;
  readonly execution: string | null;
}

/** The record that a row holds. */
export const recordOf = ({ checks, kept, evidence, execution, ...row }: Row): AuditRecord => ({
  ...row,
  checks: JSON.parse(checks),
  kept: JSON.parse(kept ?? "null"),
  evidence: JSON.parse(evidence ?? "null"),
  execution: JSON.parse(execution ?? "null"),
});
