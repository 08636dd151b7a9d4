import type { Call } from "../../make/call.ts";

export const PROFILE = "Countersign profile, ECT";

export const HEADER = `${PROFILE}: JOSE header`;

export const CLAIMS = `${PROFILE}: claims`;

export const PRED = `${PROFILE}: pred`;

export const IDENTITY = `${PROFILE}: iss`;

export const ect = (changes: NonNullable<Call["ect"]>): Call => ({ ect: changes });

export const claims = (changes: Record<string, unknown>): Call => ect({ claims: changes });
