import type { Reason } from "../reasons.ts";

/** Breaks a stream for a reason of ours: so it is told from a sender that breaks off. */
export class BrokenStream extends Error {
  readonly reason: Reason;

  constructor(reason: Reason) {
    super(reason);
    this.reason = reason;
  }
}
