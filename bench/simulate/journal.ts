import {
  DRAIN_BATCH,
  DRAIN_DELAY_MS,
  DRAIN_RETRY_MS,
  JOURNAL_WINDOW,
  MAX_DRAIN_MS,
  MAX_DRAIN_RETRY_MS,
} from "../../src/limits.ts";
import type { Agenda } from "./agenda.ts";
import type { Database } from "./database.ts";

/**
 * The journal of a ledger on its way to D1, as in `src/ledger/upkeep.ts` and `drain.ts`: an alarm a second after a record was written (a
 * ledger's comes up to half a second earlier or later) sends all that is there by then, batch by batch, each of one table and never two at
 * once; where one fails, the next try comes later.
 */
export class Journal {
  readonly #agenda: Agenda;
  readonly #database: Database;
  /** How long records that came at one time waited until D1 had them, ms. */
  readonly delays: number[] = [];
  /** Written at once, and still here, oldest first. */
  #waiting: { readonly time: number; readonly last: number }[] = [];
  #seq = 0;
  #drained = 0;
  #isSet = false;
  #delay = DRAIN_DELAY_MS;

  constructor(agenda: Agenda, database: Database) {
    this.#agenda = agenda;
    this.#database = database;
  }

  /** Records that D1 does not have. */
  get backlog(): number {
    return this.#seq - this.#drained;
  }

  /** Writes so many records now. */
  append(records: number): void {
    this.#seq += records;
    this.#waiting.push({ time: this.#agenda.now, last: this.#seq });
    this.#setAlarm();
  }

  #setAlarm(): void {
    if (this.#isSet) return;
    this.#isSet = true;
    this.#agenda.at(this.#agenda.now + this.#delay, () => this.#send(this.#seq, this.#agenda.now));
  }

  #send(end: number, startedAt: number): void {
    if (this.#drained >= end) this.#rest(DRAIN_DELAY_MS);
    else if (this.#agenda.now - startedAt > MAX_DRAIN_MS) this.#fail();
    else this.#sendNext(end, startedAt);
  }

  #sendNext(end: number, startedAt: number): void {
    const ofTable = JOURNAL_WINDOW - (this.#drained % JOURNAL_WINDOW);
    const batch = Math.min(DRAIN_BATCH, ofTable, end - this.#drained);
    this.#database.insert(batch, (isThere) => {
      if (isThere) {
        this.#drained += batch;
        this.#note();
        this.#send(end, startedAt);
      } else this.#fail();
    });
  }

  #fail(): void {
    this.#rest(Math.min(Math.max(2 * this.#delay, DRAIN_RETRY_MS), MAX_DRAIN_RETRY_MS));
  }

  #rest(delay: number): void {
    this.#delay = delay;
    this.#isSet = false;
    if (this.backlog > 0) this.#setAlarm();
  }

  #note(): void {
    const still = this.#waiting.findIndex(({ last }) => last > this.#drained);
    const there = this.#waiting.splice(0, still === -1 ? this.#waiting.length : still);
    for (const { time } of there) this.delays.push(this.#agenda.now - time);
  }
}
