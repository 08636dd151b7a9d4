import { DurableObject } from "cloudflare:workers";
import { DenialMeter } from "../audit/denial-meter.ts";
import { seconds } from "../clock.ts";
import { withDeadline } from "../deadline.ts";
import { randomId } from "../encoding.ts";
import {
  CLAIM_WINDOW,
  DENIAL_WINDOW_MS,
  DRAIN_DELAY_MS,
  DRAIN_RETRY_MS,
  LEDGER_DEADLINE_MS,
  MAX_DENIALS_PER_WINDOW,
  MAX_DRAIN_RETRY_MS,
  MAX_JOURNAL_BACKLOG,
  MAX_REPEATABLE_DENIALS_PER_WINDOW,
  OUTCOME_DELAY_MS,
  PURGE_INTERVAL_MS,
} from "../limits.ts";
import type { Reason } from "../reasons.ts";
import { decisionDraft, outcomeDraft, rulingOf, summaryDraft } from "./drafts.ts";
import { drain, openShelf } from "./drain.ts";
import { type Holdings, hasExpiring, openHoldings, purge, spend } from "./holdings.ts";
import { type Item, Journal } from "./journal.ts";
import { judge } from "./judge.ts";
import { hasBegun, Meta } from "./meta.ts";
import {
  type Attempt,
  type FoundStep,
  isQuestion,
  type Outcome,
  type Question,
  type Ruling,
} from "./protocol.ts";

/** What the object holds in memory of its storage. */
interface State extends Holdings {
  /** When the ledger began, seconds. */
  readonly since: number;
  readonly journal: Journal;
}

/**
 * The home of one principal of one tenant: everything it may do only once, the graphs of its runs, and the
 * journal of what was decided about it. One request needs one call of `decide`, which is one transaction; two where the first is
 * answered with a question, which writes nothing.
 */
export class Ledger extends DurableObject<Env> {
  #state: State | null = null;
  /** Work that reads the head of the chain and then writes behind it; one at a time. */
  #turn: Promise<unknown> = Promise.resolve();
  #outcomes: Outcome[] = [];
  /** Denials that use up a step: each can come only once. */
  readonly #denials = new DenialMeter(MAX_DENIALS_PER_WINDOW);
  /** All others. Anybody who has captured a request can cause these, so they may not push the agent's own ones out. */
  readonly #repeatable = new DenialMeter(MAX_REPEATABLE_DENIALS_PER_WINDOW);
  #alarmAt = Number.POSITIVE_INFINITY;
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
      const { ruling, run, joins } = judgement;
      if (judgement.repeated) return ruling;
      if (state.journal.backlog >= MAX_JOURNAL_BACKLOG)
        return unwritten(ruling.reason ?? "ledger.backlog_full");
      const meter = run === null ? this.#repeatable : this.#denials;
      if (ruling.verdict === "denied" && !meter.admits(now)) {
        this.#armAlarm(DENIAL_WINDOW_MS);
        return { ...ruling, stepRecorded: false };
      }
      const item = { draft: decisionDraft(attempt, ruling), runSize: run && joins ? run.size + 1 : null };
      await this.#commit(state, now, [item], () => spend(state, attempt, judgement));
      return ruling;
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
      if (isLate || (this.#state === null && !hasBegun(this.ctx.storage.sql))) return [];
      return (await this.#load()).runs.findIn(run, jtis);
    });
  }

  /** Takes the outcome of an admitted call; it is committed with the next admission, or within a second. */
  async outcome(outcome: Outcome): Promise<void> {
    this.#outcomes.push(outcome);
    if (this.#outcomes.length > 1) return;
    const flush = () => this.#flush().catch((error: unknown) => this.#log("ledger.flush_failed", error));
    setTimeout(() => this.ctx.waitUntil(flush()), OUTCOME_DELAY_MS);
  }

  /**
   * Writes what waits, drops what has expired and drains the journal into D1. Never throws, or the platform would
   * give the alarm up in the end: a D1 outage only makes the journal grow.
   */
  override async alarm(): Promise<void> {
    this.#alarmAt = Number.POSITIVE_INFINITY;
    try {
      await this.#flush();
      await this.#purge();
      const state = await this.#inTurn(() => this.#load());
      await drain(state.journal, this.ctx.storage.sql, this.env.AUDIT, (error) =>
        this.#log("ledger.record_refused", error),
      );
      this.#drainDelayMs = DRAIN_DELAY_MS;
      if (this.#isOwing) this.#armAlarm(DENIAL_WINDOW_MS);
      if (hasExpiring(state)) this.#armAlarm(CLAIM_WINDOW * 1000);
    } catch (error) {
      this.#log("ledger.drain_failed", error);
      this.#drainDelayMs = Math.min(Math.max(2 * this.#drainDelayMs, DRAIN_RETRY_MS), MAX_DRAIN_RETRY_MS);
      this.#armAlarm(this.#drainDelayMs);
    }
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

  /** Writes the outcomes and the summary of denials that wait, when no admission has taken them along. */
  #flush(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#outcomes.length === 0 && !this.#isOwing) return;
      const state = await this.#load();
      await this.#commit(state, state.journal.now(Date.now()), [], () => {});
    });
  }

  /** Appends records, behind those that wait, and runs `write` in the same transaction. */
  async #commit(state: State, now: number, decisions: readonly Item[], write: () => void): Promise<void> {
    const outcomes = this.#outcomes;
    this.#outcomes = [];
    const due = [this.#denials, this.#repeatable].map((meter) => ({ meter, count: meter.takeDue(now) }));
    const suppressed = due.reduce((sum, { count }) => sum + count, 0);
    const summaries = suppressed > 0 ? [summaryDraft(this.ctx.id.name ?? "", suppressed)] : [];
    const waiting = [...outcomes.map(outcomeDraft), ...summaries].map((draft) => ({ draft, runSize: null }));
    const entries = await state.journal.chain([...waiting, ...decisions], now);
    if (entries.length === 0) return;
    try {
      this.#transaction(state, () => {
        write();
        state.journal.append(entries);
      });
    } catch (error) {
      this.#outcomes.unshift(...outcomes);
      for (const { meter, count } of due) meter.giveBack(count);
      this.#armAlarm(this.#drainDelayMs);
      throw error;
    }
    state.journal.committed(entries);
    this.#armAlarm(this.#drainDelayMs);
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
    openShelf(sql);
    if (meta.number("enrolled") === 0) await this.#enrol(meta);
    const journal = new Journal(sql, meta, meta.text("incarnation") ?? "");
    this.#state = { since: meta.number("enrolled"), journal, ...openHoldings(sql, journal) };
    return this.#state;
  }

  /**
   * Before the first record: the directory must know of this chain, or losing it whole would go unseen. The
   * incarnation is kept first, so that an enrolment that failed is repeated under the same one.
   */
  async #enrol(meta: Meta): Promise<void> {
    const name = this.ctx.id.name;
    if (name === undefined) throw new Error("a ledger is always addressed by name");
    const [, tenant] = JSON.parse(name) as [string, string];
    const incarnation = meta.text("incarnation") ?? randomId();
    meta.set("incarnation", incarnation);
    await withDeadline(this.env.DIRECTORY.getByName(tenant).enrol(name, incarnation), LEDGER_DEADLINE_MS);
    meta.set("enrolled", seconds());
  }

  get #isOwing(): boolean {
    return this.#denials.isOwing || this.#repeatable.isOwing;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }

  /** Sees to it that the alarm comes within `delayMs`. */
  #armAlarm(delayMs: number): void {
    const at = Date.now() + delayMs;
    if (at >= this.#alarmAt) return;
    this.#alarmAt = at;
    void this.ctx.storage.setAlarm(at);
  }

  #log(event: string, error: unknown): void {
    console.error(JSON.stringify({ event, ledger: this.ctx.id.name, error: String(error) }));
  }
}

/** A refusal that leaves no trace. */
const unwritten = (reason: Reason): Ruling => ({ verdict: "denied", reason, stepRecorded: false });
