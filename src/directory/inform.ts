import { withDeadline } from "../deadline.ts";
import { inform } from "../ledger/client.ts";
import {
  LEDGERS_ASKED_AT_ONCE,
  LEDGERS_TOLD_IN_ONE_GO,
  MAX_REVOCATIONS_RETRY_MS,
  REVOCATIONS_RETRY_MS,
  REVOKE_WAIT_MS,
} from "../limits.ts";
import { mapAtMost } from "../parallel.ts";
import type { Informed } from "./informed.ts";
import type { Registry } from "./registry.ts";
import type { Revocation, Revoking } from "./revocation.ts";
import type { Revocations } from "./revocations.ts";

/** What it takes to tell ledgers. */
export interface Means {
  readonly revocations: Revocations;
  readonly informed: Informed;
  readonly registry: Registry;
  readonly storage: DurableObjectStorage;
  readonly env: () => Env;
  /** Whether there is no ledger but those of the registry. */
  readonly knowsAll: () => Promise<boolean>;
  /** Calls `tellSome` as an invocation of its own. */
  readonly tellSomeApart: () => Promise<boolean>;
}

/** Tells the ledgers of a tenant what is revoked and lifted, until each has confirmed it. */
export class Informer {
  readonly #means: Means;
  /** Ledgers that did not follow when they were told last, with the version that they were told; 0 where it is time to tell them again. */
  readonly #failed = new Map<string, number>();
  #retryMs = REVOCATIONS_RETRY_MS;

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
    return this.#means.informed.list(this.#ledgers, isAll, Date.now());
  }

  /** Tells all that have not confirmed everything, also those that did not follow before. */
  async inform(): Promise<void> {
    for (const ledger of this.#failed.keys()) this.#failed.set(ledger, 0);
    for (let more = this.#untold().length > 0; more; ) more = await this.#means.tellSomeApart();
  }

  /** Has the alarm come for those that are to be told again, each time after a longer pause. */
  async comeBack(): Promise<void> {
    await this.#setAlarm();
    this.#retryMs = Math.min(2 * this.#retryMs, MAX_REVOCATIONS_RETRY_MS);
  }

  /**
   * Tells some of those that have not confirmed everything: no more than one invocation can make requests to. One that does not answer
   * in time keeps no other from being told, and comes last the next time.
   *
   * @returns whether there are more that were not told
   */
  async tellSome(): Promise<boolean> {
    const untold = this.#untold();
    untold.sort((a, b) => Number(this.#failed.has(a.ledger)) - Number(this.#failed.has(b.ledger)));
    const some = untold.slice(0, LEDGERS_TOLD_IN_ONE_GO);
    await mapAtMost(some, LEDGERS_ASKED_AT_ONCE, async ({ ledger, version }) => {
      const told = this.#means.revocations.known.version;
      let stands = await this.#tell(ledger, version);
      // A ledger that was restored from a copy may know less than it has confirmed.
      if (typeof stands === "number") stands = await this.#tell(ledger, stands);
      if (stands === "follows") this.#failed.delete(ledger);
      else this.#failed.set(ledger, told);
    });
    return this.#untold().length > 0;
  }

  /** Tells the ledgers, waits a while for them, and says how it stands. */
  async #settle(number: number): Promise<Revoking | null> {
    this.#retryMs = REVOCATIONS_RETRY_MS;
    // Also should the object be ended meanwhile.
    await this.#setAlarm();
    // They go on being told when the time is over.
    await withDeadline(this.inform(), REVOKE_WAIT_MS).catch(() => {});
    return (await this.list()).find((revoking) => revoking.number === number) ?? null;
  }

  async #setAlarm(): Promise<void> {
    const { storage } = this.#means;
    if (this.#behind().length === 0) return;
    const [at, soon] = [await storage.getAlarm(), Date.now() + this.#retryMs];
    if (at === null || at > soon) await storage.setAlarm(soon);
  }

  /** @returns whether the ledger follows, or where it stands, if that is before what it was told */
  async #tell(ledger: string, since: number | null): Promise<number | "follows" | "fails"> {
    const { revocations, informed, env } = this.#means;
    const bulletin = revocations.bulletin(since);
    const answer = await inform(env(), ledger, bulletin);
    if (!answer.ok) return "fails";
    // One that has not begun asks before it admits anything.
    const { epoch, version } = answer.value ?? bulletin;
    if (epoch !== bulletin.epoch) return "fails";
    if (version < bulletin.version) return version;
    if (version > revocations.known.version) return "fails";
    informed.confirm(ledger, version);
    return "follows";
  }

  /** Those who have not confirmed everything, and were not told in vain. */
  #untold(): ReturnType<Informed["behind"]> {
    const { version } = this.#means.revocations.known;
    return this.#behind().filter(({ ledger }) => this.#failed.get(ledger) !== version);
  }

  #behind(): ReturnType<Informed["behind"]> {
    return this.#means.informed.behind(this.#ledgers);
  }

  get #ledgers(): string[] {
    return this.#means.registry.asked().map(({ name }) => name);
  }
}
