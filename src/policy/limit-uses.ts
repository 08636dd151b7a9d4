import type { LimitUse } from "../ledger/protocol.ts";
import type { Trail } from "../trail.ts";

/** The limits of the tenant that count a call. */
export const limitUses = (_trail: Trail): readonly LimitUse[] => [];
