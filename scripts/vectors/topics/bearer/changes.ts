import type { Call } from "../../make/call.ts";

export const PROFILE = "Countersign profile, ACT mandate";

export const HEADER = `${PROFILE}: JOSE header`;

export const TRUST = `${PROFILE}: trust`;

export const mandate = (changes: NonNullable<Call["mandate"]>) => ({ mandate: changes });

export const claims = (changes: Record<string, unknown>) => mandate({ claims: changes });
