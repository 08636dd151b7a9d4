/**
 * What a call must pass. `evidence`: it is there, verifies and is of this call. Then the tenant's policy, in this order. What the ledger
 * says comes last: `admission` (only once), `limits` (how often), and `approval`, because nobody should be asked about a call that
 * something else refuses.
 */
export const GATES = [
  "evidence",
  "agent",
  "tool",
  "environment",
  "arguments",
  "admission",
  "limits",
  "approval",
] as const;

export type Gate = (typeof GATES)[number];
