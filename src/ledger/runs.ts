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
import type { EctLevel } from "../tenant/tenant.ts";
import type { Journal } from "./journal.ts";
import { LiveCounts } from "./live-counts.ts";
import type { Mandates } from "./mandates.ts";
import type { MandateFacts } from "./protocol.ts";
import { Recent } from "./recent.ts";
import { runKey } from "./run-key.ts";
import type { FoundStep, Parent, Step } from "./step.ts";
import { WindowedTable } from "./windows.ts";

/** A run that a mandate belongs to, as found or to be made. */
export interface Run {
  readonly id: number;
  readonly key: string;
  /** Steps so far. */
  readonly size: number;
  /** Not in the database yet. */
  readonly isNew: boolean;
  /** The same of the mandate that it was found for. */
  readonly mandateIsNew: boolean;
}

/** A step whose jti is used. */
export interface KnownStep {
  readonly attempt: string;
  /** Id of its run, or `NO_RUN`. */
  readonly run: number;
  /** Why it was denied; null where it was admitted. */
  readonly reason: Reason | null;
}

/** Where a step is whose parents were not all confirmed: it is spent, and no other can name it. Ids of runs begin with 1. */
export const NO_RUN = 0;

/**
 * The run graphs of one principal. A step is one row that is both its place in the graph and the mark that its
 * jti was used. Every check is a look-up by key: no walk, so a call costs the same in a run of ten and of
 * ten thousand.
 */
export class Runs {
  readonly #sql: SqlStorage;
  readonly #nodes: WindowedTable<NodeRow & Record<string, SqlStorageValue>>;
  readonly #recent = new Recent<NodeRow>();
  /** By key: runs whose size is newer than the one in the database. The id is null where it is to be looked up there. */
  readonly #grown: Map<string, { readonly id: number | null; readonly size: number }>;
  readonly #live: LiveCounts;
  readonly #mandates: Mandates;

  constructor(sql: SqlStorage, journal: Journal, mandates: Mandates) {
    this.#sql = sql;
    this.#mandates = mandates;
    sql.exec(`CREATE TABLE IF NOT EXISTS runs (key TEXT PRIMARY KEY, id INTEGER NOT NULL, issuer TEXT NOT NULL,
      expires INTEGER NOT NULL, size INTEGER NOT NULL) STRICT, WITHOUT ROWID`);
    this.#nodes = new WindowedTable(sql, {
      prefix: "nodes",
      key: "jti",
      columns:
        "jti TEXT PRIMARY KEY, run INTEGER NOT NULL, iat INTEGER NOT NULL, level INTEGER NOT NULL, attempt TEXT NOT NULL, reason TEXT",
      span: NODE_WINDOW,
      horizon: NODE_HORIZON,
    });
    this.#grown = new Map([...journal.runSizes].map(([run, size]) => [run, { id: null, size }]));
    this.#live = new LiveCounts(sql, "runs");
  }

  /** Whether nothing is left that could expire. */
  get isEmpty(): boolean {
    return this.#nodes.isEmpty && this.#live.isEmpty;
  }

  /** The step with this jti, under whatever mandate or run it was first seen. */
  find(jti: string): KnownStep | null {
    return this.#node(jti);
  }

  /**
   * The run of a mandate.
   *
   * @param newId id for a run that is not known yet; never used before and never again
   */
  resolve(mandate: MandateFacts, newId: number): Result<Run, Reason> {
    const known = this.#mandates.find(mandate.iss, mandate.jti);
    if (known !== null && known.digest !== mandate.digest) return fail("run.mandate_changed");
    const key = runKey(mandate);
    const mandateIsNew = known === null;
    const run = this.#run(key);
    if (run === null) {
      if (this.#live.of(mandate.iss) >= MAX_LIVE_RUNS) return fail("run.too_many");
      return ok({ id: newId, key, size: 0, isNew: true, mandateIsNew });
    }
    return run.size >= MAX_RUN_SIZE ? fail("run.full") : ok({ ...run, key, isNew: false, mandateIsNew });
  }

  /**
   * Checks every parent that the run has, or that others have confirmed.
   *
   * @returns the parents that nobody knows, beyond what is tolerated
   */
  checkParents(step: Step, run: Run, mandate: MandateFacts): Result<readonly string[], Reason> {
    const foreign = new Map(step.foreignParents.map((parent) => [parent.jti, parent]));
    const unknown: string[] = [];
    for (const jti of step.pred) {
      const parent =
        jti === mandate.jti
          ? rootParent(mandate)
          : (this.parent(jti, run.id, mandate.iss) ?? foreign.get(jti));
      if (parent === undefined) unknown.push(jti);
      else if (step.iat < parent.earliestChild) return fail("run.parent_after_child");
      else if (parent.level < step.parents.level) return fail("run.parent_level");
      else if (parent.denied && !step.parents.denied) return fail("run.parent_denied");
    }
    const tolerated = step.toleratesUnknownParents ? MAX_UNKNOWN_PARENTS : 0;
    return ok(unknown.length > tolerated ? unknown : []);
  }

  /** A step of the run, or another mandate of the same workflow, as a parent; null if it is neither. */
  parent(jti: string, run: number, iss: string): Parent | null {
    const node = this.#node(jti);
    if (node?.run === run)
      return { earliestChild: node.iat - CLOCK_SKEW, level: node.level, denied: node.reason !== null };
    const root = this.#mandates.find(iss, jti);
    return root?.run === run ? rootParent(root) : null;
  }

  /** Those of the steps that a run has, for another agent's ledger to name as parents. */
  findIn(key: string, jtis: readonly string[]): FoundStep[] {
    const run = this.#run(key);
    if (run === null) return [];
    return jtis.flatMap((jti) => {
      const node = this.#node(jti);
      if (node?.run !== run.id) return [];
      return [{ jti, iat: node.iat, level: node.level, denied: node.reason !== null }];
    });
  }

  /** Writes a run and the mandate that it was found for, as far as they are new. Belongs into a transaction. */
  open(run: Run, mandate: MandateFacts): void {
    if (run.isNew) {
      this.#sql.exec("INSERT INTO runs VALUES (?, ?, ?, ?, 0)", run.key, run.id, mandate.iss, mandate.exp);
      this.#live.added(mandate.iss);
    }
    if (!run.mandateIsNew) return;
    this.#mandates.write(mandate, run.id);
    this.#sql.exec("UPDATE runs SET expires = ?1 WHERE key = ?2 AND expires < ?1", mandate.exp, run.key);
  }

  /** Writes a step of a run that is open, or, with null, one of no run. Belongs into a transaction. */
  write(run: Run | null, step: Step, attempt: string, reason: Reason | null): void {
    const table = this.#nodes.tableFor(step.iat);
    const { jti, iat, level } = step;
    const node = { run: run?.id ?? NO_RUN, iat, level, attempt, reason };
    this.#sql.exec(
      `INSERT INTO ${table} VALUES (?, ?, ?, ?, ?, ?)`,
      jti,
      node.run,
      iat,
      level,
      attempt,
      reason,
    );
    this.#recent.set(jti, node);
    if (run !== null) this.#grown.set(run.key, { id: run.id, size: run.size + 1 });
  }

  /** Drops finished runs and node tables that no live run can need. `now` in seconds. */
  purge(now: number): void {
    this.#nodes.dropExpired(now);
    this.#recent.clear();
    const finished = this.#sql
      .exec<{ key: string; issuer: string }>(
        "DELETE FROM runs WHERE expires < ? RETURNING key, issuer",
        now - 2 * CLOCK_SKEW,
      )
      .toArray();
    for (const { key, issuer } of finished) {
      this.#grown.delete(key);
      this.#live.removed(issuer);
    }
  }

  #run(key: string): { readonly id: number; readonly size: number } | null {
    const grown = this.#grown.get(key);
    if (grown !== undefined && grown.id !== null) return { id: grown.id, size: grown.size };
    const row = this.#sql
      .exec<{ id: number; size: number }>("SELECT id, size FROM runs WHERE key = ?", key)
      .toArray()[0];
    return row === undefined ? null : { id: row.id, size: grown?.size ?? row.size };
  }

  #node(jti: string): NodeRow | null {
    return this.#recent.get(jti) ?? this.#nodes.find(jti);
  }
}

interface NodeRow extends KnownStep {
  readonly iat: number;
  readonly level: EctLevel;
}

/** A mandate as a parent. Two clocks are at work, the issuer's and the agent's, and each may be wrong by the skew. */
export const rootParent = ({ iat }: { readonly iat: number }): Parent => ({
  earliestChild: iat - 2 * CLOCK_SKEW,
  level: 3,
  denied: false,
});
