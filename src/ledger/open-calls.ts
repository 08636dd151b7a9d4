import type { AuditRecord } from "../audit/record.ts";
import { outcomeDraft, unknownDraft } from "./drafts.ts";
import { ALONE, type Entry, type Item, type Journal } from "./journal.ts";
import type { Outcome } from "./protocol.ts";

interface OpenCall {
  /** Number of the decision. */
  readonly seq: number;
  /** Milliseconds. */
  readonly outcomeBy: number;
  /** Whether the journal no longer has the decision, and `open_calls` has it. */
  readonly isKept: boolean;
}

/**
 * The admitted calls whose outcome is not written yet. They are found again in the journal, so a call that ends soon costs no row
 * beside its records; only what is open when its part of the journal is dropped gets one in `open_calls`.
 */
export class OpenCalls {
  readonly #sql: SqlStorage;
  readonly #journal: Journal;
  /** By decision. */
  readonly #calls = new Map<string, OpenCall>();

  constructor(sql: SqlStorage, journal: Journal) {
    this.#sql = sql;
    this.#journal = journal;
    sql.exec(`CREATE TABLE IF NOT EXISTS open_calls (seq INTEGER PRIMARY KEY, outcome_by INTEGER NOT NULL,
      record TEXT NOT NULL) STRICT`);
    const kept = sql.exec<{ decision: string; seq: number; outcomeBy: number }>(
      "SELECT record ->> '$.decision' AS decision, seq, outcome_by AS outcomeBy FROM open_calls ORDER BY seq",
    );
    for (const { decision, ...call } of kept) this.#calls.set(decision, { ...call, isKept: true });
    for (const { decision, ...call } of journal.openCalls())
      this.#calls.set(decision, { ...call, isKept: false });
  }

  get size(): number {
    return this.#calls.size;
  }

  /** When the next call is to be closed as unknown, milliseconds; Infinity where none is open. */
  get next(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { outcomeBy } of this.#calls.values()) next = Math.min(next, outcomeBy);
    return next;
  }

  /** The records of outcomes. What was reported before, was closed or is not known has none: a repeated report changes nothing. */
  closing(outcomes: readonly Outcome[]): Item[] {
    const closed = new Set<string>();
    return outcomes.flatMap((outcome) => {
      const call = this.#calls.get(outcome.decision);
      if (call === undefined || closed.has(outcome.decision)) return [];
      closed.add(outcome.decision);
      return [{ ...ALONE, draft: outcomeDraft(outcome), closes: call.seq }];
    });
  }

  /**
   * The records that close calls whose outcome should have come by `now` (milliseconds).
   *
   * @param reported decisions whose outcome waits to be written
   */
  overdue(now: number, reported: ReadonlySet<string>, limit: number): Item[] {
    const items: Item[] = [];
    for (const [decision, call] of this.#calls) {
      if (items.length === limit) break;
      if (call.outcomeBy > now || reported.has(decision)) continue;
      items.push({ ...ALONE, draft: unknownDraft(this.#decisionOf(call)), closes: call.seq });
    }
    return items;
  }

  /** Takes over what is open of the journal up to number `seq`, which is about to be dropped. */
  keep(seq: number): void {
    for (const [decision, call] of this.#calls) {
      if (call.isKept || call.seq > seq) continue;
      const record = this.#journal.read(call.seq);
      this.#sql.exec("INSERT INTO open_calls VALUES (?, ?, ?)", call.seq, call.outcomeBy, record);
      this.#calls.set(decision, { ...call, isKept: true });
    }
  }

  /** Drops what `entries` close. Belongs into their transaction, after which `committed` follows. */
  write(entries: readonly Entry[]): void {
    for (const { record, closes } of entries) {
      if (closes !== null && this.#calls.get(record.decision)?.isKept)
        this.#sql.exec("DELETE FROM open_calls WHERE seq = ?", closes);
    }
  }

  committed(entries: readonly Entry[]): void {
    for (const { record, outcomeBy, closes } of entries) {
      if (outcomeBy !== null) this.#calls.set(record.decision, { seq: record.seq, outcomeBy, isKept: false });
      if (closes !== null) this.#calls.delete(record.decision);
    }
  }

  #decisionOf({ seq, isKept }: OpenCall): AuditRecord {
    const text = isKept
      ? this.#sql.exec<{ record: string }>("SELECT record FROM open_calls WHERE seq = ?", seq).one().record
      : this.#journal.read(seq);
    return JSON.parse(text);
  }
}
