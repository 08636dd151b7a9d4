/** How far each ledger has followed what was revoked and lifted: the number of the last change that it has confirmed. */
export class Informed {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(
      "CREATE TABLE IF NOT EXISTS informed (ledger TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    );
  }

  /** By the name of the ledger. */
  versions(): Map<string, number> {
    const rows = this.#sql.exec<{ ledger: string; version: number }>("SELECT * FROM informed");
    return new Map([...rows].map(({ ledger, version }) => [ledger, version]));
  }

  /** Never takes back what was confirmed. */
  confirm(ledger: string, version: number): void {
    this.#sql.exec(
      `INSERT INTO informed VALUES (?, ?) ON CONFLICT (ledger)
        DO UPDATE SET version = excluded.version WHERE version < excluded.version`,
      ledger,
      version,
    );
  }
}
