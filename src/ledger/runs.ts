import {
  CLOCK_SKEW,
  MAX_LIVE_RUNS,
  MAX_RUN_SIZE,
  MAX_UNKNOWN_PARENTS,
  NODE_HORIZON,
  NODE_WINDOW,
} from "../limits.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Journal } from "./journal.ts";
import { type MandateFacts, runKey, type Step } from "./protocol.ts";
import { WindowedTable } from "./windows.ts";

/** A run that a mandate belongs to, as found or to be made. */
export interface Run {
  readonly id: number;
  readonly key: string;
  /** Steps so far. */
  readonly size: number;
  /** Not in the database yet. */
  readonly isNew: boolean;
}

/** A step that is in the graph already. */
export interface KnownStep {
  readonly attempt: string;
  /** Why it was denied; null where it was admitted. */
  readonly reason: Reason | null;
}

/**
 * The run graphs of one principal. A step is one row that is both its place in the graph and the mark that its
 * jti was used. Every check is a look-up by key: no walk, so a call costs the same in a run of ten and of
 * ten thousand.
 */
export class Runs {
  readonly #sql: SqlStorage;
  readonly #nodes: WindowedTable;
  /** Sizes of runs, by key, that are newer than those in the database. */
  readonly #sizes: Map<string, number>;
  /** Live runs by issuer. */
  readonly #live = new Map<string, number>();

  constructor(sql: SqlStorage, journal: Journal) {
    this.#sql = sql;
    sql.exec(`CREATE TABLE IF NOT EXISTS runs (key TEXT PRIMARY KEY, id INTEGER NOT NULL, issuer TEXT NOT NULL,
      expires INTEGER NOT NULL, size INTEGER NOT NULL) STRICT, WITHOUT ROWID`);
    sql.exec(`CREATE TABLE IF NOT EXISTS mandates (key TEXT PRIMARY KEY, run INTEGER NOT NULL, digest TEXT NOT NULL,
      iat INTEGER NOT NULL, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID`);
    this.#nodes = new WindowedTable(sql, {
      prefix: "nodes",
      columns:
        "jti TEXT PRIMARY KEY, run INTEGER NOT NULL, iat INTEGER NOT NULL, attempt TEXT NOT NULL, reason TEXT",
      span: NODE_WINDOW,
      horizon: NODE_HORIZON,
    });
    this.#sizes = new Map(journal.runSizes().map(({ run, size }) => [run, size]));
    for (const { issuer, live } of sql.exec<{ issuer: string; live: number }>(
      "SELECT issuer, COUNT(*) AS live FROM runs GROUP BY issuer",
    ))
      this.#live.set(issuer, live);
  }

  /** Whether nothing is left that could expire. */
  get isEmpty(): boolean {
    return this.#nodes.live.length === 0 && this.#live.size === 0;
  }

  /** The step with this jti, under whatever mandate or run it was first seen. */
  find(jti: string): KnownStep | null {
    return this.#node<{ attempt: string; reason: Reason | null }>("attempt, reason", jti);
  }

  /**
   * The run of a mandate.
   *
   * @param newId id for a run that is not known yet; never used before and never again
   */
  resolve(mandate: MandateFacts, newId: number): Result<Run, Reason> {
    const known = this.#mandate(mandate.iss, mandate.jti);
    if (known !== null && known.digest !== mandate.digest) return fail("run.mandate_changed");
    const key = runKey(mandate);
    const run = this.#sql
      .exec<{ id: number; size: number }>("SELECT id, size FROM runs WHERE key = ?", key)
      .toArray()[0];
    if (run === undefined) {
      const live = this.#live.get(mandate.iss) ?? 0;
      return live >= MAX_LIVE_RUNS ? fail("run.too_many") : ok({ id: newId, key, size: 0, isNew: true });
    }
    const size = this.#sizes.get(key) ?? run.size;
    return size >= MAX_RUN_SIZE ? fail("run.full") : ok({ id: run.id, key, size, isNew: false });
  }

  /** Checks that every parent is known in the run and not issued after the step. */
  checkParents(step: Step, run: Run, mandate: MandateFacts): Result<void, Reason> {
    let unknown = 0;
    for (const parent of step.pred) {
      const earliest =
        parent === mandate.jti ? earliestUnder(mandate) : this.#earliestChild(parent, run, mandate.iss);
      if (earliest === null) unknown += 1;
      else if (step.iat < earliest) return fail("run.parent_after_child");
    }
    const tolerated = step.toleratesUnknownParents ? MAX_UNKNOWN_PARENTS : 0;
    return unknown > tolerated ? fail("run.pred_unknown") : ok(undefined);
  }

  /**
   * The earliest issue time of a child, seconds, of a step of the run or of another mandate of the same workflow; null
   * if the parent is neither.
   */
  #earliestChild(parent: string, run: Run, iss: string): number | null {
    const node = this.#node<{ run: number; iat: number }>("run, iat", parent);
    if (node?.run === run.id) return node.iat - CLOCK_SKEW;
    const root = this.#mandate(iss, parent);
    return root?.run === run.id ? earliestUnder(root) : null;
  }

  /** Whether a jti is that of a mandate of this issuer: a step may not take the name of a root. */
  isMandate(iss: string, jti: string): boolean {
    return this.#mandate(iss, jti) !== null;
  }

  /** Writes run, mandate and step, as far as they are new. Belongs into a transaction. */
  write(run: Run, mandate: MandateFacts, step: Step, attempt: string, reason: Reason | null): void {
    if (run.isNew) {
      this.#sql.exec("INSERT INTO runs VALUES (?, ?, ?, ?, 0)", run.key, run.id, mandate.iss, mandate.exp);
      this.#live.set(mandate.iss, (this.#live.get(mandate.iss) ?? 0) + 1);
    }
    if (this.#mandate(mandate.iss, mandate.jti) === null) {
      this.#sql.exec(
        "INSERT INTO mandates VALUES (?, ?, ?, ?, ?)",
        mandateKey(mandate.iss, mandate.jti),
        run.id,
        mandate.digest,
        mandate.iat,
        mandate.exp,
      );
      this.#sql.exec("UPDATE runs SET expires = ?1 WHERE key = ?2 AND expires < ?1", mandate.exp, run.key);
    }
    const table = this.#nodes.tableFor(step.iat);
    this.#sql.exec(
      `INSERT INTO ${table} VALUES (?, ?, ?, ?, ?)`,
      step.jti,
      run.id,
      step.iat,
      attempt,
      reason,
    );
    this.#sizes.set(run.key, run.size + 1);
  }

  /** Drops finished runs and node tables that no live run can need. `now` in seconds. */
  purge(now: number): void {
    this.#nodes.dropExpired(now);
    this.#sql.exec("DELETE FROM mandates WHERE expires < ?", now - 2 * CLOCK_SKEW);
    const finished = this.#sql
      .exec<{ key: string; issuer: string }>(
        "DELETE FROM runs WHERE expires < ? RETURNING key, issuer",
        now - 2 * CLOCK_SKEW,
      )
      .toArray();
    for (const { key, issuer } of finished) {
      this.#sizes.delete(key);
      const left = (this.#live.get(issuer) ?? 0) - 1;
      if (left > 0) this.#live.set(issuer, left);
      else this.#live.delete(issuer);
    }
  }

  #node<T extends Record<string, SqlStorageValue>>(columns: string, jti: string): T | null {
    for (const table of this.#nodes.live) {
      const row = this.#sql.exec<T>(`SELECT ${columns} FROM ${table} WHERE jti = ?`, jti).toArray()[0];
      if (row !== undefined) return row;
    }
    return null;
  }

  #mandate(iss: string, jti: string): { run: number; digest: string; iat: number } | null {
    const rows = this.#sql
      .exec<{ run: number; digest: string; iat: number }>(
        "SELECT run, digest, iat FROM mandates WHERE key = ?",
        mandateKey(iss, jti),
      )
      .toArray();
    return rows[0] ?? null;
  }
}

/** Two clocks are at work, the issuer's and the agent's, and each may be wrong by the skew. */
const earliestUnder = ({ iat }: { iat: number }): number => iat - 2 * CLOCK_SKEW;

const mandateKey = (iss: string, jti: string): string => JSON.stringify([iss, jti]);
