import type { Reason } from "./reasons.ts";

/** What ends a response that is still open, and how to be rid of it once the response has ended by itself. */
export interface Supervision {
  /** Aborted when the response must end; its reason is the reason code. */
  readonly stop: AbortSignal;
  end(): void;
}

/**
 * Watches over an open response: it must end once its bearer is out of time, and when its caller would no longer be
 * let in. What cannot be found out is no leave to go on.
 *
 * @param options.expiresIn milliseconds until the bearer is out of time
 * @param options.every milliseconds between two checks
 * @param options.check why the caller would be refused now; null where it would not
 */
export function supervise(options: {
  readonly expiresIn: number;
  readonly every: number;
  readonly check: () => Promise<Reason | null>;
}): Supervision {
  const stop = new AbortController();
  const end = (): void => {
    clearTimeout(expiry);
    clearInterval(checks);
  };
  const stopFor = (reason: Reason): void => {
    end();
    stop.abort(reason);
  };
  const check = async (): Promise<void> => {
    const reason = await options.check().catch((): Reason => "internal.error");
    if (reason !== null) stopFor(reason);
  };
  const expiry = setTimeout(() => stopFor("act.expired"), options.expiresIn);
  const checks = setInterval(() => void check(), options.every);
  return { stop: stop.signal, end };
}
