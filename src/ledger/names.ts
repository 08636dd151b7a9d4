/**
 * The home of a principal. Made of verified values alone, so that nothing a caller can vary (header, mandate,
 * run) carries a one-time value to another object. The version guards a later change of layout.
 */
export const ledgerName = (tenant: string, principal: string, lane: number): string =>
  JSON.stringify(["v1", tenant, principal, lane]);

/** What the name of a ledger says. */
export function readLedgerName(name: string): { tenant: string; principal: string; lane: number } {
  const [, tenant, principal, lane] = JSON.parse(name) as [string, string, string, number];
  return { tenant, principal, lane };
}

/** Whether a ledger is of a holder of access tokens; see `tokenPrincipal`. */
export const isHolders = (name: string): boolean => /^\["v1","[^"]*","oauth:/.test(name);

/** The principal of callers that nothing is verified of; their refusals are sampled. */
export const UNVERIFIED = "unverified";
