/**
 * What a call must pass, in this order. `evidence`: it is there, verifies and is of this call. The next six are the tenant's policy, and
 * `limits` and `admission` what the ledger says: how often, and only once.
 */
export const GATES = [
  "evidence",
  "agent",
  "tool",
  "environment",
  "arguments",
  "approval",
  "limits",
  "admission",
] as const;

export type Gate = (typeof GATES)[number];
