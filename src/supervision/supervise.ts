import type { Reason } from "../reasons.ts";
import type { Result } from "../result.ts";

/** What ends an answer that is still open, and how to be rid of it once the answer has ended by itself. */
export interface Supervision {
  /** Aborted when the answer must end; its reason is the reason code. */
  readonly stop: AbortSignal;
  end(): void;
}

/**
 * Watches over an open answer: it must end once its bearer is out of time, and when its caller would no longer be let in.
 * What cannot be found out is no leave to go on.
 *
 * @param options.expiresIn milliseconds until the bearer is out of time
 * @param options.expired what is said then
 * @param options.pause milliseconds from one check to the next
 * @param options.check whether the caller is still trusted
 */
export function supervise(options: {
  readonly expiresIn: number;
  readonly expired: Reason;
  readonly pause: number;
  readonly check: () => Promise<Result<void, Reason>>;
}): Supervision {
  const stop = new AbortController();
  let isOver = false;
  let next: ReturnType<typeof setTimeout>;
  const end = (): void => {
    isOver = true;
    clearTimeout(expiry);
    clearTimeout(next);
  };
  const stopFor = (reason: Reason): void => {
    if (isOver) return;
    end();
    stop.abort(reason);
  };
  const check = async (): Promise<void> => {
    try {
      const trusted = await options.check();
      if (!trusted.ok) return stopFor(trusted.error);
    } catch (error) {
      console.error(JSON.stringify({ event: "supervise.failed", error: String(error) }));
      return stopFor("internal.error");
    }
    if (!isOver) next = setTimeout(check, options.pause);
  };
  const expiry = setTimeout(() => stopFor(options.expired), options.expiresIn);
  next = setTimeout(check, options.pause);
  return { stop: stop.signal, end };
}
