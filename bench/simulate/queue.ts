/** From when to when something was done, milliseconds. */
export interface Visit {
  readonly start: number;
  readonly end: number;
}

/**
 * Does one thing after the other, in the order in which they come: a Durable Object, and D1, which is one. What is asked when too many
 * wait is refused at once ("overloaded").
 */
export class Queue {
  readonly #limit: number;
  #freeAt = 0;
  #busy = 0;
  /** When each of those begins that have not begun when it was last looked, from `#begun` on. */
  #starts: number[] = [];
  #begun = 0;

  /** @param limit how many may wait */
  constructor(limit = Number.POSITIVE_INFINITY) {
    this.#limit = limit;
  }

  /** All the time that it works or is going to for what has come so far, milliseconds. */
  get busy(): number {
    return this.#busy;
  }

  /**
   * Comes at `now`, never before the last one came.
   *
   * @param work what it takes, milliseconds, for who has waited so long
   * @returns null where too many wait
   */
  visit(now: number, work: (waited: number) => number): Visit | null {
    if (this.#waiting(now) >= this.#limit) return null;
    const start = Math.max(now, this.#freeAt);
    const took = work(start - now);
    this.#freeAt = start + took;
    this.#busy += took;
    if (start > now) this.#starts.push(start);
    return { start, end: this.#freeAt };
  }

  #waiting(now: number): number {
    while ((this.#starts[this.#begun] ?? Number.POSITIVE_INFINITY) <= now) this.#begun += 1;
    if (this.#begun > 1_000 && 2 * this.#begun > this.#starts.length) {
      this.#starts = this.#starts.slice(this.#begun);
      this.#begun = 0;
    }
    return this.#starts.length - this.#begun;
  }
}
