import type { Trail } from "./trail.ts";

/** Names of all that a request rests on and that may have been revoked; see `ledger/revocations.ts`. */
export const revocableIn = (_trail: Trail): readonly string[] => [];
