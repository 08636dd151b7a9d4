import { LEDGER_DEADLINE_MS, MAX_JOURNAL_BACKLOG, RETRY_AFTER } from "../../src/limits.ts";
import type { Agenda } from "./agenda.ts";
import type { Database } from "./database.ts";
import { Journal } from "./journal.ts";
import { OBJECT_QUEUE, ORIGIN_MS, PASS_MS } from "./parameters.ts";
import { Queue } from "./queue.ts";
import { exponential, type Random } from "./random.ts";

/** What becomes of a call at its ledger; `latency` is what it waits there and what it takes, ms. A refused one may come again in `retry` ms. */
export type Ruling =
  | { readonly kind: "admitted"; readonly latency: number }
  | {
      readonly kind: "overloaded" | "late" | "backlog_full";
      readonly latency: number;
      readonly retry: number;
    };

/** A ledger: one object that admits calls and takes their outcomes, and a journal that goes to D1. */
export class Ledger {
  readonly queue = new Queue(OBJECT_QUEUE);
  readonly journal: Journal;
  readonly #agenda: Agenda;
  readonly #admissionMs: number;
  readonly #random: Random;
  outcomesLost = 0;

  constructor(agenda: Agenda, database: Database, admissionMs: number, random: Random) {
    this.#agenda = agenda;
    this.#random = random;
    this.#admissionMs = admissionMs;
    this.journal = new Journal(agenda, database);
  }

  /** A call comes now. @param onEnd told when it is over, with its outcome if it had one */
  call(onEnd: (ruling: Ruling) => void): void {
    const { now } = this.#agenda;
    const ruling = this.#rule(now);
    const admittedAt = now + ruling.latency;
    if (ruling.kind !== "admitted") {
      this.#agenda.at(admittedAt, () => onEnd(ruling));
      return;
    }
    this.#agenda.at(admittedAt, () => this.journal.append(1));
    this.#agenda.at(admittedAt + exponential(this.#random, ORIGIN_MS), () => {
      this.#outcome();
      onEnd(ruling);
    });
  }

  /** The directory asks for the head of the chain, which is one row more. */
  tellHead(): void {
    this.queue.visit(this.#agenda.now, () => this.#admissionMs);
  }

  #rule(now: number): Ruling {
    const retry = RETRY_AFTER * 1000;
    const isFull = this.journal.backlog >= MAX_JOURNAL_BACKLOG;
    const isLate = (waited: number) => waited > LEDGER_DEADLINE_MS;
    const visit = this.queue.visit(now, (waited) => (isFull || isLate(waited) ? PASS_MS : this.#admissionMs));
    if (visit === null) return { kind: "overloaded", latency: 0, retry };
    // Who asks does not wait longer, whatever the ledger says then.
    if (isLate(visit.start - now)) return { kind: "late", latency: LEDGER_DEADLINE_MS, retry };
    const latency = visit.end - now;
    return isFull ? { kind: "backlog_full", latency, retry } : { kind: "admitted", latency };
  }

  /** An outcome is reported. Where the object is overloaded it is lost, and will be written as unknown. */
  #outcome(): void {
    if (this.queue.visit(this.#agenda.now, () => PASS_MS) === null) this.outcomesLost += 1;
    this.journal.append(1);
  }
}
