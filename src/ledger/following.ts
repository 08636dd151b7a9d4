import { withDeadline } from "../deadline.ts";
import {
  LEDGER_DEADLINE_MS,
  REVOCATIONS_FRESH_MS,
  REVOCATIONS_RETRY_MS,
  REVOCATIONS_STALE_MS,
} from "../limits.ts";
import { directoryOf, enrol } from "./enrolment.ts";
import type { Bulletin } from "./revoked.ts";
import type { State } from "./state.ts";

/**
 * Follows the revocations of the tenant. The directory tells a ledger of each; asking it is for what it cannot tell, because it has lost
 * which ledgers there are or does not reach this one.
 */
export class Following {
  readonly #name: string | undefined;
  readonly #inTurn: (work: () => Promise<void>) => Promise<void>;
  #asking: Promise<boolean> | null = null;
  /** Milliseconds. */
  #failedAt = Number.NEGATIVE_INFINITY;

  /** @param inTurn what no other work of the ledger is done beside */
  constructor(name: string | undefined, inTurn: (work: () => Promise<void>) => Promise<void>) {
    this.#name = name;
    this.#inTurn = inTurn;
  }

  /**
   * Whether the ledger knows what was revoked until a while ago. It asks where that becomes old, and waits for the answer where it is
   * too old.
   */
  async isRecent(state: State, env: Env): Promise<boolean> {
    // Also where the clock was set back meanwhile.
    const age = Math.abs(Date.now() - state.holdings.revocations.askedAt);
    if (age < REVOCATIONS_FRESH_MS) return true;
    const hasJustFailed = Math.abs(Date.now() - this.#failedAt) < REVOCATIONS_RETRY_MS;
    const answered = hasJustFailed ? false : this.ask(state, env);
    return age < REVOCATIONS_STALE_MS || answered;
  }

  /** Asks now. @returns whether there was an answer */
  ask(state: State, env: Env): Promise<boolean> {
    this.#asking ??= this.#ask(state, env).finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #ask(state: State, env: Env): Promise<boolean> {
    // What is revoked from here on may be missing in the answer.
    const askedAt = Date.now();
    try {
      const { chain } = state.journal;
      const { known } = state.holdings.revocations;
      const { teaches, bulletin } = await enrol(this.#name, chain, env, known);
      const told = teaches ? await this.#teach(state, env) : bulletin;
      await this.#inTurn(async () =>
        state.transaction(() => {
          const { revocations } = state.holdings;
          revocations.take(told, teaches);
          revocations.askedAt = askedAt;
        }),
      );
      return true;
    } catch (error) {
      this.#failedAt = Date.now();
      console.error(
        JSON.stringify({ event: "ledger.enrol_failed", ledger: this.#name, error: String(error) }),
      );
      return false;
    }
  }

  #teach({ holdings: { revocations } }: State, env: Env): Promise<Bulletin> {
    const directory = directoryOf(this.#name, env);
    return withDeadline(directory.teach(revocations.known, revocations.all()), LEDGER_DEADLINE_MS);
  }
}
