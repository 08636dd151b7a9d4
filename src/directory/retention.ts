import { deleteExpired, planRetention } from "../audit/retention.ts";
import type { Made, Store } from "../audit/stored-checkpoint.ts";
import { RETENTION_DELETES, RETENTION_INTERVAL_MS } from "../limits.ts";
import type { Registry } from "./registry.ts";

/** What is still to be announced, or was announced and is still to be deleted. */
export class Retention {
  readonly #storage: DurableObjectStorage;
  readonly #registry: Registry;

  constructor(storage: DurableObjectStorage, registry: Registry) {
    this.#storage = storage;
    this.#registry = registry;
  }

  /** The lowest number of a checkpoint whose heads are kept. */
  get retained(): number {
    return this.#storage.kv.get<number>("retained") ?? 1;
  }

  /** Goes on from a checkpoint that D1 has. Belongs into a transaction. */
  resume({ number, claims: { retained } }: Made): void {
    this.#storage.kv.put("retained", retained);
    this.#storage.kv.put("announced", number);
  }

  /**
   * Deletes what the last checkpoint announced, and finds what the next one has to announce.
   *
   * @param last the last checkpoint; D1 has it
   * @param retention milliseconds; null where all is kept
   * @param now milliseconds
   * @returns false where there is more to delete now
   */
  async step(store: Store, last: Made, retention: number | null, now: number): Promise<boolean> {
    const { kv } = this.#storage;
    const announcedIn = kv.get<number>("announced") ?? null;
    if (announcedIn !== null) {
      if (announcedIn > last.number) return true;
      const { heads, claims } = last;
      const isDone = await deleteExpired(store, { heads, retained: claims.retained }, RETENTION_DELETES);
      if (!isDone) return false;
      kv.delete("announced");
    }
    const plannedAt = kv.get<number>("planned") ?? Number.NEGATIVE_INFINITY;
    // Also where the clock was set back meanwhile.
    if (retention === null || Math.abs(now - plannedAt) < RETENTION_INTERVAL_MS) return true;
    const plan = await planRetention(store, last, now - retention);
    this.#storage.transactionSync(() => {
      kv.put("planned", now);
      if (plan === null || (plan.starts.length === 0 && plan.retained === last.claims.retained)) return;
      for (const start of plan.starts) this.#registry.begin(start);
      kv.put("retained", plan.retained);
      kv.put("announced", last.number + 1);
    });
    return true;
  }
}
