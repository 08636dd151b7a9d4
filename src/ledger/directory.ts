import { DurableObject } from "cloudflare:workers";

/** One object per tenant, off the hot path: it knows which ledgers exist. */
export class Directory extends DurableObject<Env> {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    ctx.storage.sql.exec(
      `CREATE TABLE IF NOT EXISTS ledgers (incarnation TEXT PRIMARY KEY, name TEXT NOT NULL, since INTEGER NOT NULL)
        STRICT, WITHOUT ROWID`,
    );
  }

  /**
   * Notes a ledger before its first record. A name with two incarnations is a ledger that was lost and made
   * anew; both stay here. Safe to repeat.
   */
  enrol(name: string, incarnation: string): void {
    this.ctx.storage.sql.exec(
      "INSERT INTO ledgers VALUES (?, ?, ?) ON CONFLICT (incarnation) DO NOTHING",
      incarnation,
      name,
      Date.now(),
    );
  }

  /** Every incarnation that was ever enrolled, oldest first. */
  ledgers(): { name: string; incarnation: string }[] {
    return this.ctx.storage.sql
      .exec<{ name: string; incarnation: string }>("SELECT name, incarnation FROM ledgers ORDER BY since")
      .toArray();
  }
}
