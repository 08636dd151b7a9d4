/**
 * One-time values, and the steps of runs, in a table per window of their signed issue time. A look-up asks every live table; a table is
 * dropped whole once its last value can no longer be acceptable, which costs no row writes. Windows come from
 * signed values only: by arrival time the same value would land in two tables.
 */
export class WindowedTable {
  readonly #sql: SqlStorage;
  readonly #prefix: string;
  readonly #columns: string;
  /** Seconds of issue time one table covers, and from issue to the end of acceptability. */
  readonly #span: number;
  readonly #horizon: number;
  /** Newest first: most look-ups find what they seek in the newest. */
  #windows: number[];

  constructor(sql: SqlStorage, options: { prefix: string; columns: string; span: number; horizon: number }) {
    this.#sql = sql;
    this.#prefix = options.prefix;
    this.#columns = options.columns;
    this.#span = options.span;
    this.#horizon = options.horizon;
    this.#windows = sql
      .exec<{ name: string }>(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB ?",
        `${options.prefix}_[0-9]*`,
      )
      .toArray()
      .map(({ name }) => Number(name.slice(options.prefix.length + 1)))
      .sort((a, b) => b - a);
  }

  /** Names of all live tables, newest first. */
  get live(): readonly string[] {
    return this.#windows.map((window) => this.#name(window));
  }

  /** The table for a value issued at `issuedAt` (seconds), made when it is the first of its window. */
  tableFor(issuedAt: number): string {
    const window = Math.floor(issuedAt / this.#span);
    if (!this.#windows.includes(window)) {
      this.#sql.exec(
        `CREATE TABLE IF NOT EXISTS ${this.#name(window)} (${this.#columns}) STRICT, WITHOUT ROWID`,
      );
      this.#windows = [...this.#windows, window].sort((a, b) => b - a);
    }
    return this.#name(window);
  }

  /** Drops the tables in which nothing can be acceptable at `now` (seconds) any more. */
  dropExpired(now: number): void {
    const expired = this.#windows.filter((window) => (window + 1) * this.#span + this.#horizon < now);
    for (const window of expired) this.#sql.exec(`DROP TABLE ${this.#name(window)}`);
    if (expired.length > 0) this.#windows = this.#windows.filter((window) => !expired.includes(window));
  }

  #name(window: number): string {
    return `${this.#prefix}_${window}`;
  }
}
