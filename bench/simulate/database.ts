import { D1_DEADLINE_MS } from "../../src/limits.ts";
import type { Agenda } from "./agenda.ts";
import { D1_QUERY_MS, D1_QUEUE, D1_RECORD_MS } from "./parameters.ts";
import { Queue } from "./queue.ts";

/** The one D1 database of a deployment: all ledgers of all tenants hand it their records. */
export class Database {
  readonly queue = new Queue(D1_QUEUE);
  readonly #agenda: Agenda;

  constructor(agenda: Agenda) {
    this.#agenda = agenda;
  }

  /**
   * Inserts a batch. One that nobody waits for any more is worked on all the same.
   *
   * @param onEnd told whether it is known to be there
   */
  insert(records: number, onEnd: (isThere: boolean) => void): void {
    const { now } = this.#agenda;
    const visit = this.queue.visit(now, () => D1_QUERY_MS + records * D1_RECORD_MS);
    const isInTime = visit !== null && visit.end - now <= D1_DEADLINE_MS;
    const end = visit === null ? now : isInTime ? visit.end : now + D1_DEADLINE_MS;
    this.#agenda.at(end, () => onEnd(isInTime));
  }
}
