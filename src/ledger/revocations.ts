import type { Reason } from "../reasons.ts";
import type { Attempt } from "./protocol.ts";

/** What was revoked of all that requests of this principal may rest on. */
export class Revocations {
  /** Why the request rests on something that is not valid any more; null where it does not. */
  fault(_attempt: Attempt): Reason | null {
    return null;
  }
}
