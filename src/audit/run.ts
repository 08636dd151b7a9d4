/** A run, as the audit log has it. Times are seconds, but for those of decisions, which are milliseconds. */

import type { AuditRecord, RecordedEvidence } from "./record.ts";

/** What of a decision is about the graph. */
export type RunRecord = Pick<
  AuditRecord,
  | "decision"
  | "chain"
  | "seq"
  | "time"
  | "verdict"
  | "reason"
  | "principal"
  | "mandate"
  | "revision"
  | "evidence"
>;

/** What is wrong with a run. */
export type RunFaultKind =
  /** A parent is neither a mandate nor a step of the run, and no ledger has confirmed it. */
  | "parent_unknown"
  /** A parent was issued after its child, beyond the skew of clocks. */
  | "parent_later"
  /** A parent was denied, or has too low a level, and the tenant document that admitted the child takes no such parents. */
  | "parent_denied"
  | "parent_level"
  /** A step was written down before one that it follows, or follows itself. */
  | "cycle"
  /** Two steps, two mandates, or a step and a mandate have one name. */
  | "jti_repeated"
  /** Steps were taken under two mandates with one name. */
  | "mandate_changed"
  | "record_repeated"
  /** A record names a step that is not in the run, or one that came after it. */
  | "record_step_unknown"
  | "record_too_early";

export interface RunFault {
  readonly fault: RunFaultKind;
  /** Of the step or mandate that it is in. */
  readonly jti: string;
  /** What that names, where this is about something named. */
  readonly parent: string | null;
  readonly decision: string;
}

export interface RunMandate {
  readonly iss: string;
  readonly jti: string;
  readonly digest: string;
  readonly iat: number;
  readonly exp: number;
}

/** A record (phase 2) as it was taken. */
export type TakenRecord = Omit<NonNullable<RecordedEvidence["record"]>, "run"> &
  Pick<RunRecord, "decision" | "time">;

export type OwnedRecord = TakenRecord & Pick<RunRecord, "principal">;

export interface Run {
  readonly mandates: readonly RunMandate[];
  readonly records: readonly TakenRecord[];
  /** Parents that are others', or of other runs. */
  readonly foreign: readonly string[];
  readonly wellFormed: boolean;
  /** The first of them. */
  readonly faults: readonly RunFault[];
}
