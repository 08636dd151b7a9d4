import { latestNumber } from "../audit/stored-checkpoint.ts";
import { seconds } from "../clock.ts";
import { withDeadline } from "../deadline.ts";
import { LEASE_DEADLINE_MS, REVOCATIONS_HOLD_MS, REVOKE_WAIT_MS } from "../limits.ts";
import { shared } from "../turns.ts";
import type { Checkpoints } from "./checkpoints.ts";
import type { Informed } from "./informed.ts";
import type { Leases } from "./leases.ts";
import type { Revocations } from "./revocations.ts";
import type { Schedule } from "./schedule.ts";

/** What it takes to find out what was lost. */
export interface Means {
  readonly tenant: () => string;
  readonly storage: DurableObjectStorage;
  readonly env: () => Env;
  readonly checkpoints: Checkpoints;
  readonly schedule: Schedule;
  readonly leases: Leases;
  readonly revocations: Revocations;
  readonly informed: Informed;
  readonly log: (event: string, details: object) => void;
}

/** Whether a directory has forgotten anything: it is in the place of one that was lost, or was put back as it was before. D1 says. */
export class Loss {
  readonly #means: Means;
  readonly #compareOnce = shared(() => this.#compare());
  /** Whether D1 has said so since the object was loaded. */
  #isCompared = false;
  /** Whether leases go by what was known before, because D1 does not answer. */
  #doesWithout = false;

  constructor(means: Means) {
    this.#means = means;
  }

  /** Before anything is handed out. What was known once will do where D1 does not answer; throws where nothing was. */
  async beforeLease(): Promise<void> {
    if (this.#isCompared || this.#doesWithout) return;
    try {
      await this.#compareOnce();
    } catch (error) {
      if (!this.#means.leases.hasBegun) throw error;
      this.#means.log("directory.not_compared", { error: String(error) });
      this.#doesWithout = true;
    }
  }

  /** Before anything is revoked or lifted: changes must not have numbers that were given before. That does not wait for D1 for long. */
  async beforeRevoking(): Promise<void> {
    if (this.#isCompared) return;
    await this.#compareOnce().catch((error: unknown) =>
      this.#means.log("directory.not_compared", { error: String(error) }),
    );
  }

  /**
   * Whether there is no ledger but those that are known here. After a loss that cannot be told before each has had to ask; and that there
   * was none says D1, which has the first checkpoint of a tenant seconds after its first ledger.
   */
  async knowsAll(): Promise<boolean> {
    const { storage, log } = this.#means;
    try {
      await withDeadline(this.#recall(), REVOKE_WAIT_MS);
    } catch (error) {
      log("directory.resume_failed", { error: String(error) });
      return false;
    }
    const resumed = storage.kv.get<number>("resumed");
    return resumed === undefined || Date.now() - resumed > REVOCATIONS_HOLD_MS;
  }

  async #recall(): Promise<void> {
    if (!this.#isCompared) await this.#compareOnce();
    if (this.#means.checkpoints.last === null) await this.#means.schedule.lastOrResumed();
  }

  async #compare(): Promise<void> {
    if (this.#isCompared) return;
    const { tenant, storage, env, checkpoints, leases, revocations, informed, log } = this.#means;
    const stored = await withDeadline(latestNumber(env().AUDIT, tenant()), LEASE_DEADLINE_MS / 2);
    const own = checkpoints.last?.number ?? 0;
    storage.transactionSync(() => {
      if (!leases.compare(stored, own, seconds())) return;
      revocations.renew();
      informed.clear();
      storage.kv.put("resumed", Date.now());
      log("directory.lost", { stored, own });
    });
    this.#isCompared = true;
  }
}
