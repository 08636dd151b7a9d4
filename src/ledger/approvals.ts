import type { Reason } from "../reasons.ts";
import type { ApprovalAsk } from "./protocol.ts";

/** What people have said to a call so far. */
export type ApprovalVerdict =
  /** They have approved it, and it may be made once. */
  | { readonly kind: "approved"; readonly id: string; readonly approvals: readonly string[] }
  /** They are being asked; `isNew` where they are from now on. */
  | { readonly kind: "pending"; readonly id: string; readonly isNew: boolean }
  /** Nobody can be asked, or somebody has refused. */
  | { readonly kind: "refused"; readonly reason: Reason };

/** What people were asked about calls of this principal, and what they said. */
export class Approvals {
  /** @param now seconds */
  judge(_ask: ApprovalAsk, _decision: string, _now: number): ApprovalVerdict {
    return { kind: "refused", reason: "approval.unavailable" };
  }

  /** Writes who is asked from now on, or that an approval is used up. Belongs into a transaction. `now` in seconds. */
  write(_ask: ApprovalAsk, _verdict: ApprovalVerdict, _now: number): void {}

  /** Whether nothing is left that could expire. */
  get isEmpty(): boolean {
    return true;
  }

  /** `now` in seconds. */
  purge(_now: number): void {}
}
