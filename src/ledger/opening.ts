import { LEDGER_DEADLINE_MS, REVOCATIONS_RETRY_MS } from "../limits.ts";
import type { turns } from "../turns.ts";
import { begin } from "./enrolment.ts";
import { hasBegun, Meta } from "./meta.ts";
import { State } from "./state.ts";

/** What the opening has of its ledger. */
export interface Means {
  readonly ctx: DurableObjectState;
  readonly env: () => Env;
  readonly inTurn: ReturnType<typeof turns>;
  /** Called before a state is used. */
  readonly start: (state: State) => Promise<void>;
  readonly log: (event: string, error: unknown) => void;
}

/** What a ledger holds in memory: read from storage when it is first asked for, and begun where there is nothing yet. */
export class Opening {
  readonly #means: Means;
  #state: State | null = null;
  #hasEnrolled = false;
  /** When the ledger could not begin, milliseconds. */
  #failedAt = Number.NEGATIVE_INFINITY;

  constructor(means: Means) {
    this.#means = means;
  }

  /** Null before it was asked for. */
  get state(): State | null {
    return this.#state;
  }

  /** Whether the ledger has begun, now or ever. */
  get hasBegun(): boolean {
    return this.#state !== null || hasBegun(this.#means.ctx.storage.sql);
  }

  /** Whether it began in this life of the object, and so the directory was told of it. */
  get hasEnrolled(): boolean {
    return this.#hasEnrolled;
  }

  /** Belongs into a turn. Throws where the ledger cannot begin. */
  async load(): Promise<State> {
    if (this.#state !== null) return this.#state;
    const { ctx, env, start } = this.#means;
    const meta = new Meta(ctx.storage.sql);
    if (meta.number("enrolled") === 0) {
      await begin(ctx.id.name, ctx.storage.sql, env());
      this.#hasEnrolled = true;
    }
    const state = new State(ctx.storage, meta);
    await start(state);
    this.#state = state;
    return state;
  }

  /**
   * The state for a call; null where the ledger cannot begin. Then it leaves the directory alone for a while, and no call waits for another
   * that waits for it.
   *
   * @param arrived milliseconds: when the call came
   */
  async loadFor(arrived: number): Promise<State | null> {
    if (this.#state !== null) return this.#state;
    return this.#means.inTurn(async () => {
      const hasJustFailed = Math.abs(Date.now() - this.#failedAt) < REVOCATIONS_RETRY_MS;
      if (this.#state === null && (hasJustFailed || isLate(arrived))) return null;
      try {
        return await this.load();
      } catch (error) {
        this.#failedAt = Date.now();
        this.#means.log("ledger.begin_failed", error);
        return null;
      }
    });
  }
}

/** Whether nobody waits any more for the answer to what came at a time, in milliseconds. */
export const isLate = (arrived: number): boolean => Date.now() - arrived > LEDGER_DEADLINE_MS;
