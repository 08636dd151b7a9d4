/** What the cases of constraints have in common. */

import type { Call } from "../../make/call.ts";

export const PAGE = "Countersign docs/act.md";
export const ARGUMENTS = `${PAGE}, Constraints on arguments`;
export const PATHS = `${PAGE}, Paths`;

export type Rules = Readonly<Record<string, unknown>>;

export const entry = (constraints: unknown) => ({ action: "mcp.search", constraints });

/** A mandate for the tool `search`, with an entry for each of these. */
export const granting = (...constraints: readonly unknown[]): Call => ({
  mandate: { claims: { cap: constraints.map(entry) } },
});

/** The arguments of a call that does not say others. */
export const TIDES = { query: "tides" };
