/** The few values of a ledger that are not rows of something. `enrolled` and `watermark` are times, 0 before they are set. */
export class Meta {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(
      "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID",
    );
  }

  text(key: "incarnation"): string | null {
    const value = this.#read(key);
    return typeof value === "string" ? value : null;
  }

  number(key: "enrolled" | "drained" | "watermark"): number {
    const value = this.#read(key);
    return typeof value === "number" ? value : 0;
  }

  set(key: "incarnation" | "enrolled" | "drained" | "watermark", value: string | number): void {
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
export function hasBegun(sql: SqlStorage): boolean {
  const tables = sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'meta'").toArray();
  return tables.length > 0 && new Meta(sql).number("enrolled") !== 0;
}
