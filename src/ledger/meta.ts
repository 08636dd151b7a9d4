/** The few values of a ledger that are not rows of something. `enrolled`, `countsSince`, `watermark` and `asked` are times, 0 before they are set. */
export class Meta {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(
      "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID",
    );
  }

  text(key: "incarnation" | "told" | "notices"): string | null {
    const value = this.#read(key);
    return typeof value === "string" ? value : null;
  }

  number(key: "enrolled" | "countsSince" | "drained" | "watermark" | "refused" | "asked"): number {
    const value = this.#read(key);
    return typeof value === "number" ? value : 0;
  }

  set(
    key:
      | "incarnation"
      | "told"
      | "notices"
      | "enrolled"
      | "countsSince"
      | "drained"
      | "watermark"
      | "refused"
      | "asked",
    value: string | number,
  ): void {
    this.#sql.exec(
      "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
      key,
      value,
    );
  }

  #read(key: string): SqlStorageValue | undefined {
    return this.#sql.exec("SELECT value FROM meta WHERE key = ?", key).toArray()[0]?.value;
  }
}

/** Whether a ledger has begun. It is asked without making anything: an object that nobody uses keeps no storage. */
export const hasBegun = (sql: SqlStorage): boolean => has(sql) && new Meta(sql).number("enrolled") !== 0;

/** The incarnation of a ledger that may not have begun; empty where it has none. Asked in the same way. */
export const incarnationIn = (sql: SqlStorage): string =>
  (has(sql) ? new Meta(sql).text("incarnation") : null) ?? "";

const has = (sql: SqlStorage): boolean =>
  sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'meta'").toArray().length > 0;
