import { deleteExpired, planRetention } from "../audit/retention.ts";
import { RETENTION_DELETES, RETENTION_INTERVAL_MS } from "../limits.ts";
import type { Made } from "./outbox.ts";
import type { Registry } from "./registry.ts";

/** What is still to be announced, or was announced and is still to be deleted. */
export class Retention {
  readonly #storage: DurableObjectStorage;
  readonly #registry: Registry;
  /** When D1 was looked through for what is too old, milliseconds. */
  #plannedAt = Number.NEGATIVE_INFINITY;

  constructor(storage: DurableObjectStorage, registry: Registry) {
    this.#storage = storage;
    this.#registry = registry;
  }

  /** The lowest number of a checkpoint whose heads are kept. */
  get retained(): number {
    return this.#storage.kv.get<number>("retained") ?? 1;
  }

  /**
   * Deletes what the last checkpoint announced, and finds what the next one has to announce.
   *
   * @param last the last checkpoint; D1 has it
   * @param retention milliseconds; null where all is kept
   * @param tenant id
   * @returns false where there is more to delete now
   */
  async step(
    { number, heads, claims: { retained } }: Made,
    retention: number | null,
    tenant: string,
    db: D1Database,
  ): Promise<boolean> {
    const { kv } = this.#storage;
    const announcedIn = kv.get<number>("announced") ?? null;
    if (announcedIn !== null) {
      if (announcedIn > number) return true;
      if (!(await deleteExpired(db, tenant, { heads, retained }, RETENTION_DELETES))) return false;
      kv.delete("announced");
    }
    const now = Date.now();
    if (retention === null || now < this.#plannedAt + RETENTION_INTERVAL_MS) return true;
    const plan = await planRetention(db, tenant, { number, heads, retained }, now - retention);
    // What is left is for the next checkpoint but one, after this has been announced and deleted.
    this.#plannedAt = plan.isPartial ? Number.NEGATIVE_INFINITY : now;
    if (plan.starts.length === 0 && plan.retained === retained) return true;
    this.#storage.transactionSync(() => {
      for (const start of plan.starts) this.#registry.begin(start);
      kv.put("retained", plan.retained);
      kv.put("announced", number + 1);
    });
    return true;
  }
}
