import { type Head, readCheckpoint } from "../audit/checkpoint.ts";
import type { Made } from "../audit/stored-checkpoint.ts";
import { withDeadline } from "../deadline.ts";
import { D1_DEADLINE_MS } from "../limits.ts";

// A repeated one changes nothing. Another one of the same number is refused: that takes a value which the column cannot have.
const INSERT = `INSERT INTO checkpoints (tenant, number, time, jws, heads) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (tenant, number) DO UPDATE SET jws = NULL WHERE checkpoints.jws <> excluded.jws`;

/** The checkpoints that D1 does not have yet, and the last one, which the next is linked to. */
export class Outbox {
  readonly #storage: DurableObjectStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    storage.sql.exec(
      `CREATE TABLE IF NOT EXISTS checkpoints (number INTEGER PRIMARY KEY, time INTEGER NOT NULL, jws TEXT NOT NULL,
        heads TEXT NOT NULL) STRICT`,
    );
  }

  last(): Made | null {
    const row = this.#rows("ORDER BY number DESC LIMIT 1")[0];
    if (row === undefined) return null;
    const claims = readCheckpoint(row.jws);
    if (!claims.ok) throw new Error("a checkpoint of our own cannot be read");
    return { number: row.number, jws: row.jws, heads: JSON.parse(row.heads) as Head[], claims: claims.value };
  }

  add({ number, jws, heads, claims: { time } }: Made): void {
    this.#storage.sql.exec(
      "INSERT INTO checkpoints VALUES (?, ?, ?, ?)",
      number,
      time,
      jws,
      JSON.stringify(heads),
    );
  }

  /** Goes on from a checkpoint that D1 has. Belongs into a transaction. */
  resume(made: Made): void {
    this.add(made);
    this.#storage.kv.put("delivered", made.number);
  }

  /** How many D1 does not have. */
  get waiting(): number {
    const { n } = this.#storage.sql
      .exec<{ n: number | null }>("SELECT MAX(number) AS n FROM checkpoints")
      .one();
    return (n ?? 0) - this.delivered;
  }

  /**
   * Hands checkpoints to D1, in order, as many as `limit`. Throws where D1 does not take one: then it comes again.
   *
   * @param tenant id
   */
  async deliver(tenant: string, db: D1Database, limit: number): Promise<void> {
    for (let left = limit; left > 0; left -= 1) {
      // One at a time: each may have 2 MB.
      const [next] = this.#rows("WHERE number > ? ORDER BY number LIMIT 1", this.delivered);
      if (next === undefined) return;
      const { number, time, jws, heads } = next;
      await withDeadline(db.prepare(INSERT).bind(tenant, number, time, jws, heads).run(), D1_DEADLINE_MS);
      this.#storage.transactionSync(() => {
        this.#storage.kv.put("delivered", number);
        this.#storage.sql.exec(
          "DELETE FROM checkpoints WHERE number <= ? AND number < (SELECT MAX(number) FROM checkpoints)",
          number,
        );
      });
    }
  }

  /** Number of the last one that D1 has. */
  get delivered(): number {
    return this.#storage.kv.get<number>("delivered") ?? 0;
  }

  #rows(rest: string, ...bindings: number[]): Row[] {
    return this.#storage.sql.exec<Row>(`SELECT * FROM checkpoints ${rest}`, ...bindings).toArray();
  }
}

type Row = { number: number; time: number; jws: string; heads: string };
