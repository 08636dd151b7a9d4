import { DurableObject } from "cloudflare:workers";
import { insertRecords } from "../audit/d1.ts";
import { randomId } from "../encoding.ts";
import {
  DRAIN_BATCH,
  DRAIN_DELAY_MS,
  DRAIN_RETRY_MS,
  MAX_DRAIN_RETRY_MS,
  MAX_JOURNAL_BACKLOG,
  OUTCOME_DELAY_MS,
} from "../limits.ts";
import { Claims } from "./claims.ts";
import { DenialMeter } from "./denial-meter.ts";
import { decisionDraft, outcomeDraft, summaryDraft } from "./drafts.ts";
import { type Draft, type Entry, Journal } from "./journal.ts";
import { type Judgement, judge } from "./judge.ts";
import { Meta } from "./meta.ts";
import type { Attempt, Outcome, Ruling } from "./protocol.ts";
import { Runs } from "./runs.ts";

/** What the object holds in memory of its storage. */
interface State {
  readonly meta: Meta;
  readonly journal: Journal;
  readonly claims: Claims;
  readonly runs: Runs;
}

/**
 * The home of one principal of one tenant: everything it may do only once, the graphs of its runs, and the
 * journal of what was decided about it. One request needs one call of `decide`, which is one transaction.
 */
export class Ledger extends DurableObject<Env> {
  #state: State | null = null;
  /** Work that reads the head of the chain and then writes behind it; one at a time. */
  #turn: Promise<unknown> = Promise.resolve();
  #outcomes: Outcome[] = [];
  readonly #denials = new DenialMeter();
  #alarmSet = false;
  #drainRetryMs = DRAIN_RETRY_MS;

  /** Admits an attempt or says why not, and writes it down. The answer leaves when the write is durable. */
  decide(attempt: Attempt): Promise<Ruling> {
    return this.#inTurn(async () => {
      const state = await this.#load();
      const now = state.journal.now(Date.now());
      if (state.journal.backlog >= MAX_JOURNAL_BACKLOG)
        return { verdict: "denied", reason: attempt.denial ?? "ledger.backlog_full", stepRecorded: false };

      const judgement = judge(
        attempt,
        state.claims,
        state.runs,
        Math.floor(now / 1000),
        state.journal.seq + 1,
      );
      if (judgement.repeated) return judgement.ruling;
      if (judgement.ruling.verdict === "denied" && !this.#denials.admits(now)) {
        this.#armAlarm(DRAIN_DELAY_MS);
        return { ...judgement.ruling, stepRecorded: false };
      }
      const draft = decisionDraft(attempt, judgement.ruling);
      const growth = judgement.run && { run: judgement.run.id, size: judgement.run.size + 1 };
      await this.#commit(state, now, [{ draft, growth }], () => spend(state, attempt, judgement));
      return judgement.ruling;
    });
  }

  /** Takes the outcome of an admitted call; it is committed with the next admission, or within a second. */
  async outcome(outcome: Outcome): Promise<void> {
    this.#outcomes.push(outcome);
    if (this.#outcomes.length === 1) setTimeout(() => this.ctx.waitUntil(this.#flush()), OUTCOME_DELAY_MS);
  }

  /** Drains the journal into D1 and drops what has expired. Never throws: a D1 outage only makes the journal grow. */
  override async alarm(): Promise<void> {
    this.#alarmSet = false;
    try {
      await this.#flush();
      const { journal } = await this.#inTurn(() => this.#load());
      await this.#drain(journal);
      this.#drainRetryMs = DRAIN_RETRY_MS;
      await this.#purge();
    } catch (error) {
      console.error(
        JSON.stringify({ event: "ledger.drain_failed", ledger: this.ctx.id.name, error: String(error) }),
      );
      this.#armAlarm(this.#drainRetryMs);
      this.#drainRetryMs = Math.min(2 * this.#drainRetryMs, MAX_DRAIN_RETRY_MS);
    }
  }

  async #drain(journal: Journal): Promise<void> {
    for (let batch = journal.next(DRAIN_BATCH); batch.length > 0; batch = journal.next(DRAIN_BATCH)) {
      const refused = await insertRecords(
        this.env.AUDIT,
        batch.map(({ record }) => record),
      );
      for (const { record, error } of refused) this.#shelve(record, error);
      journal.drained(batch.at(-1)?.seq ?? journal.seq);
    }
  }

  #purge(): Promise<void> {
    return this.#inTurn(async () => {
      const { meta, journal, claims, runs } = await this.#load();
      const now = journal.now(Date.now());
      this.ctx.storage.transactionSync(() => {
        // Before anything is dropped the time is written down, so that it cannot become acceptable again.
        meta.set("watermark", now);
        claims.purge(Math.floor(now / 1000));
        runs.purge(Math.floor(now / 1000));
      });
    });
  }

  /** Sets aside a record that D1 will not take, so that it is kept, shown, and blocks no other. */
  #shelve(record: string, error: string): void {
    this.ctx.storage.sql.exec("INSERT INTO refused VALUES (?, ?)", record, error);
    console.error(JSON.stringify({ event: "ledger.record_refused", ledger: this.ctx.id.name, error }));
  }

  /** Writes the outcomes and the summary of denials that wait, when no admission has taken them along. */
  #flush(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#outcomes.length === 0 && !this.#denials.hasSummary(Date.now())) return;
      const state = await this.#load();
      await this.#commit(state, state.journal.now(Date.now()), [], () => {});
    });
  }

  /** Appends records, together with what waits, and runs `write` in the same transaction. */
  async #commit(
    state: State,
    now: number,
    decisions: readonly { draft: Draft; growth: Entry["growth"] }[],
    write: () => void,
  ): Promise<void> {
    const outcomes = this.#outcomes;
    this.#outcomes = [];
    const suppressed = this.#denials.takeSummary(now);
    const waiting = [
      ...outcomes.map(outcomeDraft),
      ...(suppressed > 0 ? [summaryDraft(this.ctx.id.name ?? "", suppressed)] : []),
    ].map((draft) => ({ draft, growth: null }));
    const entries = await state.journal.chain([...waiting, ...decisions], now);
    try {
      this.ctx.storage.transactionSync(() => {
        write();
        state.journal.append(entries);
      });
    } catch (error) {
      // The transaction was rolled back; what the two remember of it was not.
      this.#state = { ...state, ...remember(this.ctx.storage.sql, state.journal) };
      this.#outcomes.unshift(...outcomes);
      throw error;
    }
    state.journal.committed(entries);
    this.#armAlarm(DRAIN_DELAY_MS);
  }

  async #load(): Promise<State> {
    if (this.#state !== null) return this.#state;
    const { sql } = this.ctx.storage;
    const meta = new Meta(sql);
    sql.exec("CREATE TABLE IF NOT EXISTS refused (record TEXT NOT NULL, error TEXT NOT NULL) STRICT");
    const chain = meta.text("incarnation") ?? (await this.#enrol(meta));
    const journal = new Journal(sql, meta, chain);
    this.#state = { meta, journal, ...remember(sql, journal) };
    return this.#state;
  }

  /** Before the first record: the directory must know of this chain, or losing it whole would go unseen. */
  async #enrol(meta: Meta): Promise<string> {
    const name = this.ctx.id.name;
    if (name === undefined) throw new Error("a ledger is always addressed by name");
    const [, tenant] = JSON.parse(name) as [string, string];
    const incarnation = randomId();
    await this.env.DIRECTORY.getByName(tenant).enrol(name, incarnation);
    meta.set("incarnation", incarnation);
    return incarnation;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }

  #armAlarm(delayMs: number): void {
    if (this.#alarmSet) return;
    this.#alarmSet = true;
    void this.ctx.storage.setAlarm(Date.now() + delayMs);
  }
}

const remember = (sql: SqlStorage, journal: Journal): Pick<State, "claims" | "runs"> => ({
  claims: new Claims(sql),
  runs: new Runs(sql, journal),
});

/** Writes what the judgement uses up. A denied call keeps its nonces; only its step is spent. */
function spend(state: State, attempt: Attempt, { ruling, run }: Judgement): void {
  const { step, mandate, decision } = attempt;
  if (run && step && mandate) state.runs.write(run, mandate, step, decision, ruling.reason);
  if (ruling.verdict === "admitted") for (const claim of attempt.claims) state.claims.write(claim, decision);
}
