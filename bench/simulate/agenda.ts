/** What happens next: a clock that jumps from one event to the next. Times are milliseconds. */
export class Agenda {
  /** A binary heap, earliest first. Of two at one time, the one that was noted first. */
  readonly #events: Event[] = [];
  #noted = 0;
  #now = 0;

  get now(): number {
    return this.#now;
  }

  /** Notes what is to be done at a time that is not over. */
  at(time: number, action: () => void): void {
    if (time < this.#now) throw new Error("that is over");
    this.#noted += 1;
    this.#rise({ time, order: this.#noted, action });
  }

  /** Does, in order, what is to be done until `end`. */
  runUntil(end: number): void {
    for (let next = this.#events[0]; next !== undefined && next.time <= end; next = this.#events[0]) {
      this.#removeFirst();
      this.#now = next.time;
      next.action();
    }
    this.#now = end;
  }

  #rise(event: Event): void {
    const events = this.#events;
    let place = events.length;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = events[above] as Event;
      if (!isBefore(event, parent)) break;
      events[place] = parent;
      place = above;
    }
    events[place] = event;
  }

  #removeFirst(): void {
    const events = this.#events;
    const last = events.pop() as Event;
    if (events.length === 0) return;
    let place = 0;
    for (let below = 1; below < events.length; below = 2 * place + 1) {
      const right = events[below + 1];
      if (right !== undefined && isBefore(right, events[below] as Event)) below += 1;
      const child = events[below] as Event;
      if (!isBefore(child, last)) break;
      events[place] = child;
      place = below;
    }
    events[place] = last;
  }
}

interface Event {
  readonly time: number;
  readonly order: number;
  readonly action: () => void;
}

const isBefore = (a: Event, b: Event): boolean => a.time < b.time || (a.time === b.time && a.order < b.order);
