/** Reason codes that no request alone can show, each with why. */
export const NOT_SHOWN: Readonly<Record<string, string>> = {
  "internal.error": "It means a bug.",
  "message.body_timeout": "A sender would have to be slow for as long as a verifier waits.",
  "message.body_broken":
    "The connection would have to end in the middle of the body, and then nobody reads an answer.",
  "attestation.claim_too_late": "The clock would have to move between two steps of one verification.",
  "run.parent_level": "The tenant would have to ask for more between two requests.",
  "limit.too_many_counted": "100,000 counted mandates would come first.",
  "limit.unavailable": "A part of the verifier would have to be down.",
  "capability.too_many_counted": "100,000 counted capabilities would come first.",
  "endpoint.run_too_large": "A run of 100,000 decisions would come first.",
  "run.full": "A run of 100,000 steps would come first.",
  "run.too_many": "100,000 runs would come first.",
  "ledger.revocations_unknown": "The directory would have to be out of reach for ten minutes.",
  "approval.unavailable":
    "Nobody who calls could be unknown and asked about at once, but for what is only observed.",
  "approval.refused": "A person would have to sign in at a provider, and refuse.",
  "revocation.too_many": "4,000 revocations would come first.",
  "revocation.unavailable": "The directory would have to be out of reach.",
  "ledger.overloaded": "It depends on load.",
  "ledger.backlog_full": "100,000 decisions would have to wait for an audit log that is down.",
  "origin.client_gone": "The caller goes away, so it is told nothing.",
  "origin.broken":
    "The origin breaks off in the middle of its answer, whose status has been passed on by then.",
  "outcome.unknown": "It closes a call in the audit log; nobody waits for an answer.",
};
