import { LOST_ALARM_MS } from "../limits.ts";

/** The one alarm that an object has. It is in storage, so it comes also where the object has been stopped meanwhile. */
export class AlarmClock {
  readonly #storage: DurableObjectStorage;
  /** Milliseconds. */
  #at = Number.POSITIVE_INFINITY;
  #rings = false;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /** Learns what was set before the object was stopped. One whose time is over may never come: it does not count. */
  async restore(): Promise<void> {
    const at = (await this.#storage.getAlarm()) ?? 0;
    this.#at = at > Date.now() ? at : Number.POSITIVE_INFINITY;
  }

  /** Sees to it that the alarm comes at `time` (milliseconds, or Infinity for never) at the latest. */
  setBy(time: number): void {
    // The platform gives an alarm up in the end, where the object was ended again and again while it rang.
    const isLost = Date.now() > this.#at + LOST_ALARM_MS;
    if (this.#rings || time === Number.POSITIVE_INFINITY || (time >= this.#at && !isLost)) return;
    this.#at = time;
    void this.#storage.setAlarm(time);
  }

  /**
   * Does what the alarm has come for. Meanwhile none is set, since whoever does it sets the next one afterwards; and should the
   * object be stopped before that, the platform repeats the alarm.
   */
  async ring(work: () => Promise<void>): Promise<void> {
    this.#rings = true;
    try {
      await work();
    } finally {
      this.#rings = false;
      this.#at = Number.POSITIVE_INFINITY;
    }
  }
}
