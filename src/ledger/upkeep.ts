import {
  DENIAL_WINDOW_MS,
  DRAIN_RETRY_MS,
  MAX_DRAIN_RETRY_MS,
  OUTCOME_DELAY_MS,
  PURGE_INTERVAL_MS,
} from "../limits.ts";
import { shared, type turns } from "../turns.ts";
import { AlarmClock } from "./alarm-clock.ts";
import { commit } from "./commit.ts";
import { drain } from "./drain.ts";
import { drainDelay, nextDue } from "./due.ts";
import { purge } from "./holdings.ts";
import type { Item } from "./journal.ts";
import type { Opening } from "./opening.ts";
import type { Place } from "./protocol.ts";
import type { State } from "./state.ts";
import type { Waiting } from "./waiting.ts";

/** What the upkeep has of its ledger. */
export interface Means {
  readonly ctx: DurableObjectState;
  readonly env: () => Env;
  readonly waiting: Waiting;
  readonly inTurn: ReturnType<typeof turns>;
  readonly opening: Opening;
  readonly log: (event: string, error: unknown) => void;
}

/**
 * What a ledger does beside its answers: it writes what waits, closes calls that nothing is heard of, drops what has expired, drains the
 * journal into D1, and has the alarm come for all that.
 */
export class Upkeep {
  readonly #means: Means;
  readonly #alarm: AlarmClock;
  /** Waits for D1, and so is no work in turn. */
  readonly #drain = shared(() => this.#drainNow());
  #drainDelayMs = drainDelay();
  /** Whether outcomes will be written in a while, if nothing else has taken them along by then. */
  #flushIsDue = false;
  #purgedAt = 0;

  constructor(means: Means) {
    this.#means = means;
    this.#alarm = new AlarmClock(means.ctx.storage);
  }

  /** Learns what was set before the object was stopped, and has the alarm come when there is something to do. */
  async start(state: State): Promise<void> {
    await this.#alarm.restore();
    this.#setAlarm(state);
  }

  /** Has it come for denials that are only counted, where there are any. */
  sumUpSoon(): void {
    if (this.#means.waiting.denials.isOwing) this.#alarm.setBy(Date.now() + DENIAL_WINDOW_MS);
  }

  /** Has outcomes written a while later, if nothing else that is written has taken them along. One timer is for all that come meanwhile. */
  flushSoon(): void {
    if (this.#flushIsDue) return;
    this.#flushIsDue = true;
    const { ctx, log } = this.#means;
    setTimeout(() => {
      this.#flushIsDue = false;
      ctx.waitUntil(this.#flush().catch((error: unknown) => log("ledger.flush_failed", error)));
    }, OUTCOME_DELAY_MS);
  }

  /** See `commit`: what it has written is to be drained, and what it could not write is to be written. */
  async commit(
    state: State,
    items: readonly Item[],
    now = state.journal.now(Date.now()),
    write = () => {},
  ): Promise<Place | null> {
    try {
      return await commit(state, this.#means.waiting, now, items, write);
    } finally {
      this.#alarm.setBy(Date.now() + this.#drainDelayMs);
    }
  }

  /** Moves everything that is decided or reported by now into D1. Throws where D1 does not take it. */
  async settle(): Promise<void> {
    await this.#flush();
    await this.#drain();
  }

  /** Does what the alarm has come for, and `more`. Never throws where that does not: a D1 outage only makes the journal grow. */
  async ring(more: () => Promise<void>): Promise<void> {
    await this.#alarm.ring(async () => {
      try {
        await this.#flush();
        await this.#purge();
        await this.#drain();
        this.#drainDelayMs = drainDelay();
      } catch (error) {
        this.#means.log("ledger.drain_failed", error);
        this.#drainDelayMs = Math.min(Math.max(2 * this.#drainDelayMs, DRAIN_RETRY_MS), MAX_DRAIN_RETRY_MS);
      }
      await more();
    });
    this.#setAlarm(this.#means.opening.state);
  }

  #setAlarm(state: State | null): void {
    const [now, delay] = [Date.now(), this.#drainDelayMs];
    this.#alarm.setBy(state === null ? now + delay : nextDue(state, this.#means.waiting, now, delay));
  }

  /** Into D1 with all that is written when its turn comes. */
  async #drainNow(): Promise<void> {
    const { ctx, env, inTurn, opening, log } = this.#means;
    const state = await inTurn(() => opening.load());
    await drain(state, ctx.storage, env().AUDIT, (error) => log("ledger.record_refused", error));
  }

  #purge(): Promise<void> {
    return this.#means.inTurn(async () => {
      const state = await this.#means.opening.load();
      const now = state.journal.now(Date.now());
      if (now - this.#purgedAt < PURGE_INTERVAL_MS) return;
      state.transaction(() => {
        state.journal.mark(now);
        purge(state.holdings, Math.floor(now / 1000));
      });
      this.#purgedAt = now;
    });
  }

  /** Writes outcomes, also those that are overdue, and the summary of denials, when no admission has taken them along. */
  #flush(): Promise<void> {
    const { inTurn, opening, waiting } = this.#means;
    return inTurn(async () => {
      const state = await opening.load();
      const overdue = waiting.overdue(state.open, Date.now());
      if (overdue.length === 0 && !waiting.hasOutcomes && !waiting.denials.isOwing) return;
      await this.commit(state, overdue);
    });
  }
}
