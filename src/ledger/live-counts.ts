/** How many rows of a table live under each issuer, so that no call counts them. The table has a column `issuer`; rows without one do not count. */
export class LiveCounts {
  readonly #counts: Map<string, number>;

  constructor(sql: SqlStorage, table: "runs" | "uses" | "limits" | "leases") {
    const rows = sql.exec<{ issuer: string; live: number }>(
      `SELECT issuer, COUNT(*) AS live FROM ${table} WHERE issuer IS NOT NULL GROUP BY issuer`,
    );
    this.#counts = new Map([...rows].map(({ issuer, live }) => [issuer, live]));
  }

  get isEmpty(): boolean {
    return this.#counts.size === 0;
  }

  of(issuer: string): number {
    return this.#counts.get(issuer) ?? 0;
  }

  added(issuer: string): void {
    this.#counts.set(issuer, this.of(issuer) + 1);
  }

  removed(issuer: string): void {
    const left = this.of(issuer) - 1;
    if (left > 0) this.#counts.set(issuer, left);
    else this.#counts.delete(issuer);
  }
}
