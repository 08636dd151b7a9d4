/** Who calls how often. */

import { ledgerName } from "../../src/ledger/names.ts";
import { MAX_TENANT_KEYS } from "../../src/limits.ts";
import { ZIPF_EXPONENT } from "./parameters.ts";
import { exponential, type Random, randomOf, zipf } from "./random.ts";

/** The calls that have one home. */
export interface Stream {
  readonly tenant: string;
  /** `ledgerName` of their home. */
  readonly ledger: string;
  /** Calls in a second. */
  readonly rate: number;
}

export interface Mix {
  readonly tenants: number;
  /** Of each tenant. */
  readonly agents: number;
  /** Over how many an agent spreads its keys that makes so many calls in a second. */
  readonly lanes: (rate: number) => number;
  /** All calls in a second. */
  readonly rate: number;
}

/** A few large tenants and many small ones, in each of which a few agents do most. */
export function mixOf({ tenants, agents, lanes, rate }: Mix, seed: number): Stream[] {
  const random = randomOf(seed);
  const shares = zipf(agents, ZIPF_EXPONENT);
  return zipf(tenants, ZIPF_EXPONENT).flatMap((tenantShare, t) =>
    shares.flatMap((agentShare, a) => {
      const ofAgent = rate * tenantShare * agentShare;
      return streamsOf(`tenant-${t}`, `agent-${a}`, laneShares(lanes(ofAgent), random), ofAgent);
    }),
  );
}

/** The calls of one agent, whose lanes have these shares. */
export const streamsOf = (tenant: string, agent: string, shares: readonly number[], rate: number): Stream[] =>
  shares.map((share, lane) => ({
    tenant,
    ledger: ledgerName(tenant, `agent:${agent}`, lane),
    rate: rate * share,
  }));

/**
 * What each lane of a fleet gets, where its instances have a key each, as many as an agent can have, and the keys are dealt out to the
 * lanes one by one. Some instances do much more than others: their shares are exponential.
 */
export function laneShares(lanes: number, random: Random): number[] {
  if (lanes === 1) return [1];
  const shares = Array.from({ length: lanes }, () => 0);
  for (let key = 0; key < MAX_TENANT_KEYS; key += 1)
    shares[key % lanes] = (shares[key % lanes] ?? 0) + exponential(random, 1);
  const total = shares.reduce((sum, share) => sum + share, 0);
  return shares.map((share) => share / total);
}
