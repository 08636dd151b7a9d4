/** What may be used once, and what was decided: a SQLite database whose commits are durable. */

import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { OUTCOME_DELAY_MS } from "../../../src/limits.ts";
import type { Call } from "./evidence.ts";

/** How often used values that can no longer come again are deleted, in milliseconds. */
const SWEEP_INTERVAL = 60_000;

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS used (jti TEXT PRIMARY KEY, expires INTEGER NOT NULL) WITHOUT ROWID, STRICT;
  CREATE TABLE IF NOT EXISTS decisions (
    id INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    agent TEXT NOT NULL,
    mandate TEXT NOT NULL,
    ect TEXT NOT NULL,
    action TEXT NOT NULL,
    input_hash TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS outcomes (
    decision INTEGER PRIMARY KEY,
    status INTEGER NOT NULL,
    latency_ms REAL NOT NULL
  ) STRICT;
`;

interface Outcome {
  readonly decision: number | bigint;
  readonly status: number;
  readonly latency: number;
}

export class Store {
  readonly #database: DatabaseSync;
  readonly #statements;
  #outcomes: Outcome[] = [];

  /** @param directory one that exists */
  constructor(directory: string) {
    const database = new DatabaseSync(join(directory, "audit.sqlite"));
    database.exec(SCHEMA);
    this.#database = database;
    this.#statements = {
      begin: database.prepare("BEGIN IMMEDIATE"),
      commit: database.prepare("COMMIT"),
      rollback: database.prepare("ROLLBACK"),
      claim: database.prepare("INSERT INTO used VALUES (?, ?) ON CONFLICT DO NOTHING"),
      decide: database.prepare(
        "INSERT INTO decisions (time, agent, mandate, ect, action, input_hash) VALUES (?, ?, ?, ?, ?, ?)",
      ),
      conclude: database.prepare("INSERT INTO outcomes VALUES (?, ?, ?)"),
      sweep: database.prepare("DELETE FROM used WHERE expires < unixepoch()"),
    };
    setInterval(() => this.#statements.sweep.run(), SWEEP_INTERVAL).unref();
  }

  /** @returns the decision's id; null for a call that was made before */
  admit({ agent, mandate, ect, action, inputHash, lastAcceptable }: Call): number | bigint | null {
    const { claim, decide } = this.#statements;
    return this.#transaction(() => {
      this.#writeOutcomes();
      const isFresh = claim.run(ect, lastAcceptable).changes === 1;
      return isFresh ? decide.run(Date.now(), agent, mandate, ect, action, inputHash).lastInsertRowid : null;
    });
  }

  /** @param latency milliseconds */
  conclude(decision: number | bigint, status: number, latency: number): void {
    this.#outcomes.push({ decision, status, latency });
    // As long as Countersign's, an outcome waits for a transaction to be written with.
    if (this.#outcomes.length === 1) setTimeout(() => this.#flush(), OUTCOME_DELAY_MS);
  }

  close(): void {
    this.#flush();
    this.#database.close();
  }

  #flush(): void {
    if (this.#outcomes.length > 0) this.#transaction(() => this.#writeOutcomes());
  }

  #writeOutcomes(): void {
    for (const { decision, status, latency } of this.#outcomes) {
      this.#statements.conclude.run(decision, status, latency);
    }
    this.#outcomes = [];
  }

  #transaction<T>(work: () => T): T {
    const { begin, commit, rollback } = this.#statements;
    begin.run();
    try {
      const result = work();
      commit.run();
      return result;
    } catch (error) {
      rollback.run();
      throw error;
    }
  }
}
