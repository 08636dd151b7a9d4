import { withDeadline } from "../deadline.ts";
import { inform } from "../ledger/client.ts";
import { LEDGERS_ASKED_AT_ONCE, REVOCATIONS_RETRY_MS, REVOKE_WAIT_MS } from "../limits.ts";
import { mapAtMost } from "../parallel.ts";
import type { Registry } from "./registry.ts";
import type { Revocation, Revoking } from "./revocation.ts";
import type { Revocations } from "./revocations.ts";

/** What it takes to tell ledgers. */
export interface Means {
  readonly revocations: Revocations;
  readonly registry: Registry;
  readonly storage: DurableObjectStorage;
  readonly env: () => Env;
  /** Whether there is no ledger but those of the registry. */
  readonly knowsAll: () => Promise<boolean>;
}

/** Tells the ledgers of a tenant what is revoked and lifted, until each has confirmed it. */
export class Informer {
  readonly #means: Means;

  constructor(means: Means) {
    this.#means = means;
  }

  /** See `Directory.revoke`. */
  async revoke(revocation: Revocation, by: string): Promise<Revoking | null> {
    const number = this.#means.revocations.revoke(revocation, by, Date.now());
    return number === null ? null : this.#settle(number);
  }

  /** See `Directory.lift`. */
  async lift(number: number, by: string): Promise<Revoking | null> {
    return this.#means.revocations.lift(number, by, Date.now()) ? this.#settle(number) : null;
  }

  async list(): Promise<Revoking[]> {
    const isAll = await this.#means.knowsAll();
    return this.#means.revocations.list(this.#ledgers, isAll, Date.now());
  }

  /** Tells all that have not confirmed everything. One that does not answer in time keeps no other from being told. */
  async inform(): Promise<void> {
    const behind = this.#means.revocations.behind(this.#ledgers);
    await mapAtMost(behind, LEDGERS_ASKED_AT_ONCE, async ({ ledger, version }) => {
      const missing = await this.#tell(ledger, version);
      // A ledger that was restored from a copy may know less than it has confirmed.
      if (missing !== null) await this.#tell(ledger, missing);
    });
  }

  /** Has the alarm come soon, where somebody is to be told again. */
  async tellAgain(): Promise<void> {
    const { revocations, storage } = this.#means;
    if (revocations.behind(this.#ledgers).length === 0) return;
    const [at, soon] = [await storage.getAlarm(), Date.now() + REVOCATIONS_RETRY_MS];
    if (at === null || at > soon) await storage.setAlarm(soon);
  }

  /** Tells the ledgers, waits a while for them, and says how it stands. */
  async #settle(number: number): Promise<Revoking | null> {
    // Also should the object be ended meanwhile.
    await this.tellAgain();
    // They go on being told when the time is over.
    await withDeadline(this.inform(), REVOKE_WAIT_MS).catch(() => {});
    return (await this.list()).find((revoking) => revoking.number === number) ?? null;
  }

  /** @returns where the ledger stands, if that is before what it was told; null where it has it, and where it does not answer */
  async #tell(ledger: string, since: number | null): Promise<number | null> {
    const { revocations, env } = this.#means;
    const bulletin = revocations.bulletin(since);
    const answer = await inform(env(), ledger, bulletin);
    if (!answer.ok) return null;
    // One that has not begun asks before it admits anything.
    const { epoch, version } = answer.value ?? bulletin;
    if (epoch !== bulletin.epoch) return null;
    if (version < bulletin.version) return version;
    if (version <= revocations.known.version) revocations.confirm(ledger, version);
    return null;
  }

  get #ledgers(): string[] {
    return this.#means.registry.asked().map(({ name }) => name);
  }
}
