import type { Made } from "../audit/stored-checkpoint.ts";
import { CHECKPOINT_RETRY_MS, MAX_CHECKPOINT_RETRY_MS } from "../limits.ts";
import { shared, turns } from "../turns.ts";
import type { Checkpoints } from "./checkpoints.ts";
import type { Retention } from "./retention.ts";

/** When checkpoints are made, handed on and applied: one at a time. */
export class Schedule {
  readonly #checkpoints: Checkpoints;
  readonly #retention: Retention;
  readonly #inTurn = turns();
  /** Where many ask at once while ledgers are slow, they are given the same one. */
  readonly #makeOne = shared(() =>
    this.#inTurn(async () => this.#checkpoints.make(await this.#checkpoints.settings())),
  );
  /** When the ledgers were asked last, milliseconds. */
  #askedAt = Number.NEGATIVE_INFINITY;
  #retryMs = CHECKPOINT_RETRY_MS;
  #problem: string | null = null;

  constructor(checkpoints: Checkpoints, retention: Retention) {
    this.#checkpoints = checkpoints;
    this.#retention = retention;
  }

  /** Why the last try failed; null where it did not. */
  get problem(): string | null {
    return this.#problem;
  }

  /** Makes a checkpoint now; see `Checkpoints.make`. */
  make(): ReturnType<Checkpoints["make"]> {
    return this.#makeOne();
  }

  /** Hands on those that wait. */
  deliver(): Promise<void> {
    return this.#inTurn(() => this.#checkpoints.deliver());
  }

  /** See `Checkpoints.lastOrResumed`. */
  lastOrResumed(): Promise<Made | null> {
    return this.#inTurn(() => this.#checkpoints.lastOrResumed());
  }

  /**
   * Does what is due. Never throws: `problem` says what went wrong.
   *
   * @returns the pause after it, milliseconds
   */
  async round(): Promise<number> {
    try {
      const pause = await this.#inTurn(() => this.#round());
      this.#retryMs = CHECKPOINT_RETRY_MS;
      this.#problem = null;
      return pause;
    } catch (error) {
      this.#problem = String(error);
      const pause = this.#retryMs;
      this.#retryMs = Math.min(2 * this.#retryMs, MAX_CHECKPOINT_RETRY_MS);
      return pause;
    }
  }

  /** Makes a checkpoint if it is time, hands on those that wait, and lets go what is too old. */
  async #round(): Promise<number> {
    const settings = await this.#checkpoints.settings();
    // Also where the clock was set back meanwhile.
    const isDue = Math.abs(Date.now() - this.#askedAt) >= settings.checkpointInterval;
    try {
      if (isDue) {
        await this.#checkpoints.make(settings);
        this.#askedAt = Date.now();
      }
    } finally {
      // Those of before, also where there is no other one.
      await this.#checkpoints.deliver();
    }
    const { last, waiting } = this.#checkpoints;
    if (last === null || waiting > 0) return CHECKPOINT_RETRY_MS;
    const store = await this.#checkpoints.store();
    const isDone = await this.#retention.step(store, last, settings.retention, Date.now());
    // It may have come early, to tell ledgers what was revoked.
    const left = this.#askedAt + settings.checkpointInterval - Date.now();
    return isDone ? Math.min(Math.max(left, 0), settings.checkpointInterval) : CHECKPOINT_RETRY_MS;
  }
}
