/** What the directory asks of every ledger of its tenant. One that does not answer in time keeps no other from being asked. */

import type { ChainFault } from "../audit/checkpoint.ts";
import { headOf, settle, statusOf } from "../ledger/client.ts";
import type { LedgerStatus } from "../ledger/status.ts";
import { LEDGERS_ASKED_AT_ONCE } from "../limits.ts";
import { mapAtMost } from "../parallel.ts";
import type { Answer, Chain, Registry } from "./registry.ts";

/** Where their chains end. */
export const askHeads = (registry: Registry, env: Env): Promise<Answer[]> =>
  mapAtMost(registry.asked(), LEDGERS_ASKED_AT_ONCE, async (asked) => {
    const { seq, hash } = asked.expected.head;
    const head = await headOf(env, asked.name, seq === 0 ? null : { seq, hash });
    return { ...asked, head: head.ok ? head.value : null };
  });

/** Has those that have told their heads write into D1 what it does not have. Throws where one cannot. */
export async function settleAll(answers: readonly Answer[], env: Env): Promise<void> {
  const unsettled = answers.filter(({ head }) => head?.isInD1 === false);
  const settled = await mapAtMost(unsettled, LEDGERS_ASKED_AT_ONCE, ({ name }) => settle(env, name));
  if (!settled.every(({ ok }) => ok))
    throw new Error("a ledger that answers could not hand its records to D1");
}

export interface ChainStatus {
  /** Null where it is not known; see `Chain`. */
  readonly ledger: string | null;
  readonly chain: string;
  /** Of the head that is known. */
  readonly seq: number;
  readonly fault: ChainFault | null;
  /** Null where the ledger does not answer, or has another chain. */
  readonly status: LedgerStatus | null;
}

/** How it stands with every chain that there ever was. */
export async function askStatus(registry: Registry, env: Env): Promise<ChainStatus[]> {
  const asked = await mapAtMost(registry.asked(), LEDGERS_ASKED_AT_ONCE, async ({ name, chains }) => {
    const status = await statusOf(env, name);
    return chains.map((chain) => chainStatus(chain, status.ok ? status.value : null));
  });
  const nameless = registry.chains().filter(({ name }) => name === null);
  return [...asked.flat(), ...nameless.map((chain) => chainStatus(chain, null))];
}

/** @param status what its ledger says; null where it does not answer */
const chainStatus = (
  { name, head: { chain, seq }, fault }: Chain,
  status: LedgerStatus | null,
): ChainStatus => ({
  ledger: name,
  chain,
  seq,
  fault: fault ?? (status === null ? "unreachable" : null),
  status: status?.chain === chain ? status : null,
});
