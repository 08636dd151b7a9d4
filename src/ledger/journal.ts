import { type AuditRecord, digestContent, GENESIS, linkHash, type Unhashed } from "../audit/record.ts";
import { canonical } from "../json/canonical.ts";
import type { JsonObject } from "../json/strict-json.ts";
import { JOURNAL_WINDOW } from "../limits.ts";
import { batchOf } from "./batch.ts";
import type { Meta } from "./meta.ts";
import type { Place } from "./protocol.ts";

/** A record before it has its place in the chain. */
export type Draft = Omit<AuditRecord, "v" | "chain" | "seq" | "time" | "digest" | "prev_hash" | "hash">;

/** What the ledger keeps beside a record. */
interface Beside {
  /** Size of the record's run with the step this record added; null where it added none. */
  readonly runSize: number | null;
  /** Until when the outcome of an admitted call is waited for, milliseconds; null for every other record. */
  readonly outcomeBy: number | null;
  /** Number of the decision whose outcome this is; null for what is no outcome. */
  readonly closes: number | null;
}

/** For a record that nothing is kept beside. */
export const ALONE: Beside = { runSize: null, outcomeBy: null, closes: null };

/** A record to be written. */
export type Item = Beside & { readonly draft: Draft };

/** The same with its place in the chain; the record is JSON text. */
export type Placed = Beside & Place & Pick<Draft, "decision" | "run"> & { readonly text: string };

/** A record that was written. */
export type Entry = Beside & { readonly record: AuditRecord };

/**
 * The journal of one ledger: a hash chain of audit records, and at the same time the outbox to D1. Records lie
 * in tables of `JOURNAL_WINDOW` rows; a table whose rows are all in D1 is dropped, except the newest, whose last
 * row is the head of the chain, and the one before it, where most calls are that are still open. So an append costs one row and nothing is counted or deleted row by row.
 */
export class Journal {
  readonly #sql: SqlStorage;
  readonly #meta: Meta;
  readonly #chain: string;
  #seq = 0;
  #hash = GENESIS;
  #time: number;
  #drained: number;
  /** Number of the last record whose table was dropped. */
  #dropped = 0;
  /** Latest sizes, by key, of the runs that grew in the newest table. */
  readonly #runSizes = new Map<string, number>();

  constructor(sql: SqlStorage, meta: Meta, chain: string) {
    this.#sql = sql;
    this.#meta = meta;
    this.#chain = chain;
    this.#drained = meta.number("drained");
    this.#time = meta.number("watermark");
    const tables = this.#tables();
    const [oldest, newest] = [tables[0], tables.at(-1)];
    if (oldest === undefined || newest === undefined) return;
    this.#dropped = lastSeq(oldest) - JOURNAL_WINDOW;
    const last = sql.exec<{ record: string }>(`SELECT record FROM ${newest} ORDER BY seq DESC LIMIT 1`).one();
    const head = JSON.parse(last.record) as AuditRecord;
    this.#seq = head.seq;
    this.#hash = head.hash;
    this.#time = Math.max(this.#time, head.time);
    const steps = sql.exec<{ run: string; size: number }>(
      `SELECT record ->> '$.run' AS run, run_size AS size FROM ${newest} WHERE run_size IS NOT NULL ORDER BY seq`,
    );
    for (const { run, size } of steps) this.#runSizes.set(run, size);
  }

  /** Number of the last record; 0 where there is none. */
  get seq(): number {
    return this.#seq;
  }

  get chain(): string {
    return this.#chain;
  }

  /** That of the last record; `GENESIS` where there is none. */
  get hash(): string {
    return this.#hash;
  }

  /** Time of the oldest record that D1 does not have yet, milliseconds. */
  oldest(): number | null {
    return this.backlog > 0 ? this.read(this.#drained + 1).time : null;
  }

  /** Records that D1 does not have yet. */
  get backlog(): number {
    return this.#seq - this.#drained;
  }

  /**
   * The object's time, milliseconds: its clock, but never before a time it has already written down. A clock
   * that is set back cannot make an expired value acceptable again.
   */
  now(clock: number): number {
    return Math.max(clock, this.#time);
  }

  /** Writes the time down before anything is forgotten that would be acceptable at an earlier one. */
  mark(time: number): void {
    this.#meta.set("watermark", time);
    this.#time = Math.max(this.#time, time);
  }

  /** Gives drafts their place behind the head. Nothing is written yet. */
  async place(items: readonly Item[], time: number): Promise<Placed[]> {
    const chain = this.#chain;
    const placed: Placed[] = [];
    let [seq, last] = [this.#seq, this.#hash];
    for (const { draft, runSize, outcomeBy, closes } of items) {
      seq += 1;
      const content = canonical(inOrder(draft, chain, seq, time) as unknown as JsonObject);
      const digest = await digestContent(content);
      const hash = await linkHash(last, digest);
      const text = `${content.slice(0, -1)},"digest":"${digest}","prev_hash":"${last}","hash":"${hash}"}`;
      const { decision, run } = draft;
      placed.push({ decision, run, chain, seq, time, hash, text, runSize, outcomeBy, closes });
      last = hash;
    }
    return placed;
  }

  /** Writes entries; belongs into a transaction, after which `committed` moves the head. */
  append(entries: readonly Placed[]): void {
    for (const { seq, runSize, outcomeBy, closes, text } of entries) {
      const table = tableOf(seq);
      if (isFirst(seq)) this.#open(table, seq, entries);
      this.#sql.exec(`INSERT INTO ${table} VALUES (?, ?, ?, ?, ?)`, seq, runSize, outcomeBy, closes, text);
    }
  }

  committed(entries: readonly Placed[]): void {
    for (const entry of entries) {
      if (isFirst(entry.seq)) this.#runSizes.clear();
      noteSize(this.#runSizes, entry);
    }
    const last = entries.at(-1);
    if (last === undefined) return;
    this.#seq = last.seq;
    this.#hash = last.hash;
    this.#time = Math.max(this.#time, last.time);
  }

  /** The record with this id, as far as it is still here: a repeated call comes within seconds. */
  find(id: string): Entry | null {
    for (const table of this.#tables().slice(-2)) {
      const row = this.#sql
        .exec<{ record: string } & Record<keyof Beside, number | null>>(
          `SELECT record, ${BESIDE} FROM ${table} WHERE record ->> '$.id' = ?`,
          id,
        )
        .toArray()[0];
      if (row !== undefined) return { ...row, record: JSON.parse(row.record) };
    }
    return null;
  }

  /** Whether the record with this number, which was written, is still here. */
  has(seq: number): boolean {
    return seq > this.#dropped;
  }

  /** The record with a number that is still here. */
  read(seq: number): AuditRecord {
    const query = `SELECT record FROM ${tableOf(seq)} WHERE seq = ?`;
    return JSON.parse(this.#sql.exec<{ record: string }>(query, seq).one().record);
  }

  /** The admitted calls that are still here and whose outcome is not, oldest first. Reads every row once. */
  openCalls(): { decision: string; seq: number; outcomeBy: number }[] {
    const open = new Map<number, number>();
    for (const table of this.#tables()) {
      const rows = this.#sql.exec<{ seq: number } & Record<keyof Beside, number | null>>(
        `SELECT seq, ${BESIDE} FROM ${table} ORDER BY seq`,
      );
      for (const { seq, outcomeBy, closes } of rows) {
        if (outcomeBy !== null) open.set(seq, outcomeBy);
        if (closes !== null) open.delete(closes);
      }
    }
    return [...open].map(([seq, outcomeBy]) => ({ decision: this.read(seq).decision, seq, outcomeBy }));
  }

  /** The next records for D1 up to number `end`, as JSON texts, all of one table. */
  next(end: number): { seq: number; record: string }[] {
    if (this.#drained >= end) return [];
    const from = { table: tableOf(this.#drained + 1), key: "seq", columns: "seq, record" };
    return batchOf(this.#sql, from, this.#drained, end);
  }

  /**
   * Notes that D1 (or the shelf of refused records) has everything up to `seq`, and drops what is done with. Belongs into a
   * transaction; what is in memory changes last, when nothing can fail any more.
   *
   * @param onDrop given the number up to which records are about to be dropped
   */
  drained(seq: number, onDrop: (seq: number) => void): void {
    if (seq <= this.#drained) return;
    this.#meta.set("drained", seq);
    // Which tables there are is asked only where the oldest may be done with.
    const mayBeDone = lastSeq(tableOf(this.#dropped + 1)) <= seq;
    const done = mayBeDone
      ? this.#tables()
          .slice(0, -2)
          .filter((table) => lastSeq(table) <= seq)
      : [];
    const dropped = Math.max(this.#dropped, ...done.map(lastSeq));
    if (done.length > 0) onDrop(dropped);
    for (const table of done) this.#sql.exec(`DROP TABLE ${table}`);
    this.#dropped = dropped;
    this.#drained = seq;
  }

  /** Latest sizes, by key, of the runs that grew in the newest table: newer than those in `runs`. */
  get runSizes(): ReadonlyMap<string, number> {
    return this.#runSizes;
  }

  /** `runs` is given the sizes of the table before, so that a restart reads the newest alone. */
  #open(table: string, first: number, entries: readonly Placed[]): void {
    const sizes = new Map(this.#runSizes);
    for (const entry of entries) if (entry.seq < first) noteSize(sizes, entry);
    for (const [run, size] of sizes) this.#sql.exec("UPDATE runs SET size = ? WHERE key = ?", size, run);
    // What is small stands first: it is read without what may be long.
    this.#sql.exec(
      `CREATE TABLE ${table} (seq INTEGER PRIMARY KEY CHECK (seq >= ${first}), run_size INTEGER, outcome_by INTEGER,
        closes INTEGER, record TEXT NOT NULL) STRICT`,
    );
  }

  #tables(): string[] {
    return this.#sql
      .exec<{ name: string }>(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'journal_[0-9]*'",
      )
      .toArray()
      .map(({ name }) => name)
      .sort((a, b) => windowOf(a) - windowOf(b));
  }
}

/** The record of a draft, in the order of names that its canonical form has: that is made the faster for it. */
const inOrder = (record: Draft, chain: string, seq: number, time: number): Unhashed => ({
  action: record.action,
  chain,
  checks: record.checks,
  count: record.count,
  decision: record.decision,
  delivered_hash: record.delivered_hash,
  evidence: record.evidence,
  execution: record.execution,
  id: record.id,
  input_hash: record.input_hash,
  kept: record.kept,
  kind: record.kind,
  latency_ms: record.latency_ms,
  mandate: record.mandate,
  method: record.method,
  output_hash: record.output_hash,
  principal: record.principal,
  reason: record.reason,
  revision: record.revision,
  run: record.run,
  seq,
  status: record.status,
  tenant: record.tenant,
  time,
  tool: record.tool,
  v: 3,
  verdict: record.verdict,
});

/** The columns beside a record, under the names they have here. */
const BESIDE = "run_size AS runSize, outcome_by AS outcomeBy, closes";

const tableOf = (seq: number): string => `journal_${Math.floor((seq - 1) / JOURNAL_WINDOW)}`;

function noteSize(sizes: Map<string, number>, { run, runSize }: Placed): void {
  if (run !== null && runSize !== null) sizes.set(run, runSize);
}

/** Whether the record with this number is the first of its table. */
const isFirst = (seq: number): boolean => (seq - 1) % JOURNAL_WINDOW === 0;

const windowOf = (table: string): number => Number(table.slice("journal_".length));

const lastSeq = (table: string): number => (windowOf(table) + 1) * JOURNAL_WINDOW;
