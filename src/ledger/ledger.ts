import { DurableObject } from "cloudflare:workers";
import { canonical } from "../json/canonical.ts";
import type { JsonObject } from "../json/strict-json.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import { turns } from "../turns.ts";
import { hear } from "./approve.ts";
import { ruleWithLeases } from "./borrow.ts";
import { decisionItem, outcomeDraft, unwritten } from "./drafts.ts";
import { Following } from "./following.ts";
import { emptyHead, type KnownHead, type LedgerHead, tellHead } from "./head.ts";
import { spend } from "./holdings.ts";
import { isLate, Opening } from "./opening.ts";
import type { ApprovalEntry, ApprovalFault, Attempt, Outcome, Question, Ruling } from "./protocol.ts";
import type { Resting } from "./revocations.ts";
import type { Bulletin, KnownNotices } from "./revoked.ts";
import { ruleOn } from "./rule-on.ts";
import type { State } from "./state.ts";
import { emptyStatus, type LedgerStatus, statusOf } from "./status.ts";
import type { FoundStep } from "./step.ts";
import { Upkeep } from "./upkeep.ts";
import { Waiting } from "./waiting.ts";

/**
 * The home of one principal of one tenant: everything it may do only once, the graphs of its runs, and the
 * journal of what was decided about it. One request needs one call of `decide`, which is one transaction; two where the first is
 * answered with a question, which writes nothing.
 *
 * What is answered leaves when all that was written before is durable, and so does what is sent to D1 and to the directory: that is
 * the platform's output gate.
 */
export class Ledger extends DurableObject<Env> {
  /** Work that reads the head of the chain and then writes behind it; one at a time. */
  readonly #inTurn = turns();
  readonly #waiting = new Waiting(this.ctx.id.name ?? "");
  readonly #following = new Following(this.ctx.id.name, this.#inTurn);
  readonly #means = {
    ctx: this.ctx,
    env: () => this.env,
    inTurn: this.#inTurn,
    log: (event: string, error: unknown) => this.#log(event, error),
  };
  readonly #opening = new Opening({ ...this.#means, start: (state) => this.#upkeep.start(state) });
  readonly #upkeep: Upkeep = new Upkeep({ ...this.#means, opening: this.#opening, waiting: this.#waiting });
  /** Whether the directory was told of this chain again since the object was loaded. */
  #isEnrolled = false;

  /**
   * Admits an attempt or says why not, and writes it down.
   *
   * @param again true where an earlier try of the same attempt may have been ruled on
   */
  async decide(attempt: Attempt, again = false): Promise<Ruling | Question> {
    const arrived = Date.now();
    const state = await this.#opening.loadFor(arrived);
    if (state === null)
      return unwritten(attempt.denial ?? (isLate(arrived) ? "ledger.overloaded" : "ledger.unavailable"));
    // What is refused already is only written down.
    if (attempt.denial === null && !(await this.#following.isRecent(state, this.env)))
      return unwritten("ledger.revocations_unknown");
    return this.#inTurn(async () => {
      // Admitting now would only spend the caller's evidence.
      if (isLate(arrived)) return unwritten(attempt.denial ?? "ledger.overloaded");
      const now = state.journal.now(Date.now());
      const { denials } = this.#waiting;
      const rule = () => ruleOn(attempt, state, denials, again, now);
      const ruled = await ruleWithLeases(rule, state, this.ctx.id.name, this.env, now);
      if (isLate(arrived)) return unwritten(attempt.denial ?? "ledger.overloaded");
      if (ruled.kind === "answered") {
        this.#upkeep.sumUpSoon();
        return ruled.answer;
      }
      const { judgement } = ruled;
      const item = decisionItem(attempt, judgement);
      const place = await this.#upkeep.commit(state, [item], now, () =>
        spend(state.holdings, attempt, judgement, Math.floor(now / 1000)),
      );
      return { ...judgement.ruling, place };
    });
  }

  /**
   * Says which of these steps a run has, for a call of an agent that this one delegated to.
   *
   * @param run as `runKey` names it
   */
  findSteps(run: string, jtis: readonly string[]): Promise<FoundStep[]> {
    const arrived = Date.now();
    return this.#ask(
      ({ holdings }) => (isLate(arrived) ? [] : holdings.runs.findIn(run, jtis)),
      () => [],
    );
  }

  /**
   * Takes in what was revoked or lifted. That is done in turn, and answered when it is durable: what is admitted from then on is
   * admitted knowing it.
   *
   * @returns how far the ledger has followed by now; null where it has not begun, and so will ask before it admits anything
   */
  revoke(bulletin: Bulletin): Promise<KnownNotices | null> {
    return this.#ask<KnownNotices | null>(
      (state) => {
        state.transaction(() => state.holdings.revocations.take(bulletin, false));
        const { known } = state.holdings.revocations;
        // A directory that has lost what this ledger knows has to be taught before it can be followed.
        if (known.epoch !== bulletin.epoch) this.ctx.waitUntil(this.#following.ask(state, this.env));
        return known;
      },
      () => null,
    );
  }

  /** Why a call that was admitted here may not go on; null where it may. */
  async standing(resting: Resting): Promise<Reason | null> {
    if (!this.#opening.hasBegun) return "ledger.unavailable";
    const state = await this.#inTurn(() => this.#opening.load());
    if (!(await this.#following.isRecent(state, this.env))) return "ledger.revocations_unknown";
    return this.#ask<Reason | null>(
      ({ holdings, journal }) =>
        holdings.revocations.fault(resting, Math.floor(journal.now(Date.now()) / 1000)),
      () => "ledger.unavailable",
    );
  }

  /** What people are asked under an id; null where they are asked nothing (any more). */
  findApproval(id: string): Promise<ApprovalEntry | null> {
    return this.#ask(
      ({ holdings, journal }) => holdings.approvals.find(id, Math.floor(journal.now(Date.now()) / 1000)),
      () => null,
    );
  }

  /**
   * Takes what a person says to a call; see `signApproval`. The same statement again changes nothing.
   *
   * @returns what is known of the call then
   */
  approve(statement: string): Promise<Result<ApprovalEntry, ApprovalFault>> {
    return this.#ask<Result<ApprovalEntry, ApprovalFault>>(
      async (state) => {
        const now = state.journal.now(Date.now());
        const heard = await hear(statement, state, this.ctx.id.name ?? "", this.env, now);
        if (!heard.ok) return heard;
        const { entry, items, repeated } = heard.value;
        if (!repeated)
          await this.#upkeep.commit(state, items, now, () => state.holdings.approvals.keep(entry));
        return ok(entry);
      },
      () => fail("unknown"),
    );
  }

  /**
   * Takes the outcome of an admitted call; it is committed with the next admission, or within a second. One of a call that has its
   * outcome, or that this ledger has not admitted, is dropped: so a report can be repeated.
   */
  async outcome(outcome: Outcome): Promise<void> {
    const isOpen = this.#opening.state?.open.has(outcome.decision) ?? this.#opening.hasBegun;
    if (!isOpen) return;
    const draft = outcomeDraft(outcome);
    // One that cannot be hashed would keep all from being written that is written with it.
    canonical(draft as unknown as JsonObject);
    this.#waiting.add(draft);
    this.#upkeep.flushSoon();
  }

  /**
   * Tells the end of the chain, with all that is reported by now.
   *
   * @param known what the directory was told last and has kept; see `tellHead`
   */
  head(known: KnownHead | null): Promise<LedgerHead> {
    return this.#ask(
      async (state) => {
        if (this.#waiting.hasOutcomes) await this.#upkeep.commit(state, []);
        return tellHead(state, known);
      },
      (sql) => emptyHead(sql, known),
    );
  }

  /** Moves everything that is decided or reported by now into D1. Throws where D1 does not take it. */
  async settle(): Promise<void> {
    if (!this.#opening.hasBegun) return;
    await this.#upkeep.settle();
  }

  /** What is not in D1. */
  status(): Promise<LedgerStatus> {
    return this.#ask(statusOf, emptyStatus);
  }

  /**
   * Writes what waits, closes calls that nothing is heard of, drops what has expired and drains the journal into D1. Never throws,
   * or the platform would give the alarm up in the end: a D1 outage only makes the journal grow.
   */
  override async alarm(): Promise<void> {
    await this.#upkeep.ring(() => this.#enrolAgain());
  }

  /** Asks in turn. A ledger that has not begun does not begin with a question. */
  #ask<T>(of: (state: State) => T | Promise<T>, ofNone: (sql: SqlStorage) => T): Promise<T> {
    return this.#inTurn(async () =>
      this.#opening.hasBegun ? of(await this.#opening.load()) : ofNone(this.ctx.storage.sql),
    );
  }

  /** Once in the life of an object in memory: a directory that has lost what it knew learns of its ledgers again. */
  async #enrolAgain(): Promise<void> {
    const { state, hasEnrolled } = this.#opening;
    if (this.#isEnrolled || hasEnrolled || state === null) return;
    this.#isEnrolled = await this.#following.ask(state, this.env);
  }

  #log(event: string, error: unknown): void {
    console.error(JSON.stringify({ event, ledger: this.ctx.id.name, error: String(error) }));
  }
}
