import { TABLES_AT_ONCE } from "../limits.ts";

/**
 * One-time values, and the steps of runs, in a table per window of their signed issue time. A look-up asks every live table; a table is
 * dropped whole once its last value can no longer be acceptable, which costs no row writes. Windows come from
 * signed values only: by arrival time the same value would land in two tables.
 */
export class WindowedTable<Row extends Record<string, SqlStorageValue>> {
  readonly #sql: SqlStorage;
  readonly #prefix: string;
  readonly #columns: string;
  /** Seconds of issue time one table covers, and from issue to the end of acceptability. */
  readonly #span: number;
  readonly #horizon: number;
  readonly #key: string;
  /** Newest first: most look-ups find what they seek in the first statement. */
  #windows: readonly number[] = [];
  /** One statement for each `TABLES_AT_ONCE` tables. */
  #lookUps: readonly string[] = [];

  /** @param options `key` is the name of the column that is the primary key */
  constructor(
    sql: SqlStorage,
    options: { prefix: string; key: string; columns: string; span: number; horizon: number },
  ) {
    this.#sql = sql;
    this.#key = options.key;
    this.#prefix = options.prefix;
    this.#columns = options.columns;
    this.#span = options.span;
    this.#horizon = options.horizon;
    const tables = sql
      .exec<{ name: string }>(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB ?",
        `${options.prefix}_[0-9]*`,
      )
      .toArray();
    this.#setWindows(tables.map(({ name }) => Number(name.slice(options.prefix.length + 1))));
  }

  get isEmpty(): boolean {
    return this.#windows.length === 0;
  }

  /** The row with a key; null where no table has it. */
  find(key: string): Row | null {
    for (const lookUp of this.#lookUps) {
      const row = this.#sql.exec<Row>(lookUp, key).toArray()[0];
      if (row !== undefined) return row;
    }
    return null;
  }

  /** The table for a value issued at `issuedAt` (seconds), made when it is the first of its window. */
  tableFor(issuedAt: number): string {
    const window = Math.floor(issuedAt / this.#span);
    if (!this.#windows.includes(window)) {
      this.#sql.exec(
        `CREATE TABLE IF NOT EXISTS ${this.#name(window)} (${this.#columns}) STRICT, WITHOUT ROWID`,
      );
      this.#setWindows([...this.#windows, window]);
    }
    return this.#name(window);
  }

  /** Drops the tables in which nothing can be acceptable at `now` (seconds) any more. */
  dropExpired(now: number): void {
    const expired = this.#windows.filter((window) => (window + 1) * this.#span + this.#horizon < now);
    for (const window of expired) this.#sql.exec(`DROP TABLE ${this.#name(window)}`);
    if (expired.length > 0) this.#setWindows(this.#windows.filter((window) => !expired.includes(window)));
  }

  #setWindows(windows: readonly number[]): void {
    this.#windows = windows.toSorted((a, b) => b - a);
    const selects = this.#windows.map(
      (window) => `SELECT * FROM ${this.#name(window)} WHERE ${this.#key} = ?1`,
    );
    this.#lookUps = Array.from({ length: Math.ceil(selects.length / TABLES_AT_ONCE) }, (_, i) =>
      selects.slice(i * TABLES_AT_ONCE, (i + 1) * TABLES_AT_ONCE).join(" UNION ALL "),
    );
  }

  #name(window: number): string {
    return `${this.#prefix}_${window}`;
  }
}
