import type { AuditRecord } from "../audit/record.ts";
import { unknownDraft } from "./drafts.ts";
import { ALONE, type Draft, type Item, type Journal, type Placed } from "./journal.ts";

interface OpenCall {
  /** Number of the decision. */
  readonly seq: number;
  /** Milliseconds. */
  readonly outcomeBy: number;
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
    for (const { decision, ...call } of [...kept, ...journal.openCalls()]) this.#calls.set(decision, call);
  }

  get size(): number {
    return this.#calls.size;
  }

  has(decision: string): boolean {
    return this.#calls.has(decision);
  }

  /** When the next call is to be closed as unknown, milliseconds; Infinity where none is open. */
  get next(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { outcomeBy } of this.#calls.values()) next = Math.min(next, outcomeBy);
    return next;
  }

  /**
   * Those of outcomes that close a call. What was reported before, was closed or is not known does not: a repeated report changes nothing.
   *
   * @param outcomes one of a decision
   */
  closing(outcomes: Iterable<Draft>): Item[] {
    return [...outcomes].flatMap((draft) => {
      const call = this.#calls.get(draft.decision);
      return call === undefined ? [] : [{ ...ALONE, draft, closes: call.seq }];
    });
  }

  /**
   * The records that close calls whose outcome should have come by `now` (milliseconds).
   *
   * @param reported by decision, what waits to be written
   */
  overdue(now: number, reported: ReadonlyMap<string, Draft>, limit: number): Item[] {
    const items: Item[] = [];
    for (const [decision, { seq, outcomeBy }] of this.#calls) {
      if (items.length === limit) break;
      if (outcomeBy > now || reported.has(decision)) continue;
      items.push({ ...ALONE, draft: unknownDraft(this.#decision(seq)), closes: seq });
    }
    return items;
  }

  /** Takes over what is open of the journal up to number `end`, which is about to be dropped. */
  keep(end: number): void {
    for (const { seq, outcomeBy } of this.#calls.values()) {
      if (!this.#journal.has(seq) || seq > end) continue;
      const record = JSON.stringify(this.#journal.read(seq));
      this.#sql.exec("INSERT INTO open_calls VALUES (?, ?, ?)", seq, outcomeBy, record);
    }
  }

  /** Drops what `entries` close. Belongs into their transaction, after which `committed` follows. */
  write(entries: readonly Placed[]): void {
    for (const { closes } of entries)
      if (closes !== null && !this.#journal.has(closes))
        this.#sql.exec("DELETE FROM open_calls WHERE seq = ?", closes);
  }

  committed(entries: readonly Placed[]): void {
    for (const { decision, seq, outcomeBy, closes } of entries) {
      if (outcomeBy !== null) this.#calls.set(decision, { seq, outcomeBy });
      if (closes !== null) this.#calls.delete(decision);
    }
  }

  #decision(seq: number): AuditRecord {
    if (this.#journal.has(seq)) return this.#journal.read(seq);
    const query = "SELECT record FROM open_calls WHERE seq = ?";
    return JSON.parse(this.#sql.exec<{ record: string }>(query, seq).one().record);
  }
}
