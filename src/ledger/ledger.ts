import { DurableObject } from "cloudflare:workers";
import type { AuditRecord } from "../audit/record.ts";
import {
  CLAIM_WINDOW,
  DENIAL_WINDOW_MS,
  DRAIN_DELAY_MS,
  DRAIN_RETRY_MS,
  LEDGER_DEADLINE_MS,
  MAX_DRAIN_RETRY_MS,
  MAX_JOURNAL_BACKLOG,
  OUTCOME_DELAY_MS,
  PURGE_INTERVAL_MS,
} from "../limits.ts";
import { AlarmClock } from "./alarm-clock.ts";
import { decisionItem, placeOf, rulingOf, unwritten } from "./drafts.ts";
import { drain } from "./drain.ts";
import { enrol } from "./enrolment.ts";
import { emptyHead, tellHead } from "./head.ts";
import { hasExpiring, openHoldings, purge, spend } from "./holdings.ts";
import type { Item } from "./journal.ts";
import { judge } from "./judge.ts";
import { hasBegun, Meta } from "./meta.ts";
import {
  type Attempt,
  type FoundStep,
  isQuestion,
  type KnownHead,
  type LedgerHead,
  type LedgerStatus,
  type Outcome,
  type Question,
  type Ruling,
} from "./protocol.ts";
import { openState, type State } from "./state.ts";
import { emptyStatus, statusOf } from "./status.ts";
import { turns } from "./turns.ts";
import { Waiting } from "./waiting.ts";

/**
 * The home of one principal of one tenant: everything it may do only once, the graphs of its runs, and the
 * journal of what was decided about it. One request needs one call of `decide`, which is one transaction; two where the first is
 * answered with a question, which writes nothing.
 */
export class Ledger extends DurableObject<Env> {
  #state: State | null = null;
  /** Work that reads the head of the chain and then writes behind it; one at a time. */
  readonly #inTurn = turns();
  /** Drains, which wait for D1 and so are no part of the work above; two at once would send everything twice. */
  readonly #oneDrain = turns();
  readonly #waiting = new Waiting(this.ctx.id.name ?? "");
  readonly #alarm = new AlarmClock(this.ctx.storage);
  #drainDelayMs = DRAIN_DELAY_MS;
  #purgedAt = 0;

  /**
   * Admits an attempt or says why not, and writes it down. The answer leaves when the write is durable.
   *
   * @param again true where an earlier try of the same attempt may have been ruled on
   */
  decide(attempt: Attempt, again = false): Promise<Ruling | Question> {
    const arrived = Date.now();
    return this.#inTurn(async () => {
      // Nobody waits for the answer any more; admitting now would only spend the caller's evidence.
      if (Date.now() - arrived > LEDGER_DEADLINE_MS) return unwritten(attempt.denial ?? "ledger.overloaded");
      const state = await this.#load();
      const earlier = again ? state.journal.find(attempt.decision) : null;
      if (earlier !== null) return rulingOf(earlier, attempt);

      const now = state.journal.now(Date.now());
      const newRunId = state.journal.seq + 1;
      const judgement = judge(attempt, { ...state, now: Math.floor(now / 1000), newRunId });
      if (isQuestion(judgement)) return judgement;
      const { ruling } = judgement;
      if (judgement.repeated) {
        const written = state.journal.find(attempt.decision);
        return written === null ? { ...ruling, place: null } : rulingOf(written, attempt);
      }
      const hasRoom = state.journal.backlog < MAX_JOURNAL_BACKLOG;
      if (!hasRoom && ruling.verdict === "admitted") return unwritten("ledger.backlog_full");
      const standsFor = 1 + (attempt.facts.count ?? 0);
      const denial = { spendsStep: judgement.run !== null, standsFor, now, hasRoom };
      if (ruling.verdict === "denied" && !this.#waiting.denials.admits(denial)) {
        this.#alarm.setBy(Date.now() + DENIAL_WINDOW_MS);
        return { ...ruling, place: null, stepRecorded: false };
      }
      const item = decisionItem(attempt, judgement);
      const last = await this.#commit(state, now, [item], () => spend(state, attempt, judgement));
      return { ...ruling, place: last && placeOf(last) };
    });
  }

  /**
   * Says which of these steps a run has, for a call of an agent that this one delegated to. Only reads: a ledger that has
   * not begun does not begin with a question.
   *
   * @param run as `runKey` names it
   */
  findSteps(run: string, jtis: readonly string[]): Promise<FoundStep[]> {
    const arrived = Date.now();
    return this.#inTurn(async () => {
      const isLate = Date.now() - arrived > LEDGER_DEADLINE_MS;
      if (isLate || !this.#hasBegun) return [];
      return (await this.#load()).runs.findIn(run, jtis);
    });
  }

  /**
   * Takes the outcome of an admitted call; it is committed with the next admission, or within a second. One of a call that has its
   * outcome, or that this ledger has not admitted, is dropped: so a report can be repeated.
   */
  async outcome(outcome: Outcome): Promise<void> {
    if (!this.#hasBegun) return;
    if (!this.#waiting.add(outcome)) return;
    const flush = () => this.#flush().catch((error: unknown) => this.#log("ledger.flush_failed", error));
    setTimeout(() => this.ctx.waitUntil(flush()), OUTCOME_DELAY_MS);
  }

  /**
   * Tells the end of the chain. A ledger that has not begun does not begin with this.
   *
   * @param known what the directory was told last and has kept; see `tellHead`
   */
  head(known: KnownHead | null): Promise<LedgerHead> {
    return this.#inTurn(async () =>
      this.#hasBegun ? tellHead(await this.#load(), known) : emptyHead(this.ctx.storage.sql, known),
    );
  }

  /** Moves everything that is decided or reported by now into D1. Throws where D1 does not take it. */
  async settle(): Promise<void> {
    if (!this.#hasBegun) return;
    await this.#flush();
    await this.#drain();
  }

  /** What is not in D1. A ledger that has not begun does not begin with this. */
  status(): Promise<LedgerStatus> {
    return this.#inTurn(async () =>
      this.#hasBegun ? statusOf(await this.#load()) : emptyStatus(this.ctx.storage.sql),
    );
  }

  /**
   * Writes what waits, closes calls that nothing is heard of, drops what has expired and drains the journal into D1. Never throws,
   * or the platform would give the alarm up in the end: a D1 outage only makes the journal grow.
   */
  override async alarm(): Promise<void> {
    await this.#alarm.ring(async () => {
      try {
        await this.#flush();
        await this.#purge();
        await this.#drain();
        this.#drainDelayMs = DRAIN_DELAY_MS;
      } catch (error) {
        this.#log("ledger.drain_failed", error);
        this.#drainDelayMs = Math.min(Math.max(2 * this.#drainDelayMs, DRAIN_RETRY_MS), MAX_DRAIN_RETRY_MS);
      }
    });
    this.#setAlarm();
  }

  /** For what is to be done although nobody calls. */
  #setAlarm(): void {
    const now = Date.now();
    const soon = now + this.#drainDelayMs;
    const state = this.#state;
    if (state === null || state.journal.backlog > 0 || this.#waiting.hasOutcomes) this.#alarm.setBy(soon);
    if (this.#waiting.denials.isOwing) this.#alarm.setBy(now + DENIAL_WINDOW_MS);
    if (state === null) return;
    if (hasExpiring(state)) this.#alarm.setBy(now + CLAIM_WINDOW * 1000);
    // One that is overdue by now could not be closed.
    this.#alarm.setBy(Math.max(state.open.next, soon));
  }

  /** Into D1 with all that is written when its turn comes. */
  #drain(): Promise<void> {
    return this.#oneDrain(async () => {
      const state = await this.#inTurn(() => this.#load());
      await drain(state, this.env.AUDIT, (error) => this.#log("ledger.record_refused", error));
    });
  }

  #purge(): Promise<void> {
    return this.#inTurn(async () => {
      const state = await this.#load();
      const now = state.journal.now(Date.now());
      if (now - this.#purgedAt < PURGE_INTERVAL_MS) return;
      this.#transaction(state, () => {
        state.journal.mark(now);
        purge(state, Math.floor(now / 1000));
      });
      this.#purgedAt = now;
    });
  }

  /** Writes outcomes, also those that are overdue, and the summary of denials, when no admission has taken them along. */
  #flush(): Promise<void> {
    return this.#inTurn(async () => {
      const state = await this.#load();
      const overdue = this.#waiting.overdue(state.open, Date.now());
      if (overdue.length === 0 && !this.#waiting.hasOutcomes && !this.#waiting.denials.isOwing) return;
      await this.#commit(state, state.journal.now(Date.now()), overdue, () => {});
    });
  }

  /**
   * Appends records, behind those that wait, and runs `write` in the same transaction.
   *
   * @returns the last one; null where there was none
   */
  async #commit(
    state: State,
    now: number,
    items: readonly Item[],
    write: () => void,
  ): Promise<AuditRecord | null> {
    const { journal, open } = state;
    const { items: waiting, giveBack } = this.#waiting.take(open, now);
    try {
      const entries = await journal.place([...waiting, ...items], now);
      if (entries.length === 0) return null;
      this.#transaction(state, () => {
        write();
        journal.append(entries);
        open.write(entries);
      });
      journal.committed(entries);
      open.committed(entries);
      this.#alarm.setBy(Date.now() + this.#drainDelayMs);
      return entries.at(-1)?.record ?? null;
    } catch (error) {
      giveBack();
      this.#alarm.setBy(Date.now() + this.#drainDelayMs);
      throw error;
    }
  }

  /** All or nothing: what the holdings remember of a transaction that was rolled back is read anew. */
  #transaction(state: State, work: () => void): void {
    try {
      this.ctx.storage.transactionSync(work);
    } catch (error) {
      this.#state = { ...state, ...openHoldings(this.ctx.storage.sql, state.journal) };
      throw error;
    }
  }

  async #load(): Promise<State> {
    if (this.#state !== null) return this.#state;
    const { sql } = this.ctx.storage;
    const meta = new Meta(sql);
    if (meta.number("enrolled") === 0) await enrol(this.ctx.id.name, meta, this.env);
    await this.#alarm.restore();
    this.#state = openState(sql, meta);
    this.#setAlarm();
    return this.#state;
  }

  get #hasBegun(): boolean {
    return this.#state !== null || hasBegun(this.ctx.storage.sql);
  }

  #log(event: string, error: unknown): void {
    console.error(JSON.stringify({ event, ledger: this.ctx.id.name, error: String(error) }));
  }
}
