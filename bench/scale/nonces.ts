/** A call whose ledger remembers very many nonces and steps against one whose ledger has begun just now. */

import { storedTenant } from "../../src/cli/local/tenants.ts";
import { tenantDocument, type World } from "../harness/world.ts";
import { type Bench, send } from "./compare.ts";
import { claimsIn, fill, onlyLedger } from "./fill.ts";
import { plainCall, startGateway, stateDirOf, times } from "./gateway.ts";
import { CALLS, compareTwo, type Growth } from "./growth.ts";

/** Of each kind. */
const LIVE = 1_000_000;

/** Calls before those that are measured. */
const WARM_UP = 30;

const FILLED = 0;
const EMPTY = 1;

/** Attested, because it is attestations whose nonces are kept: the nonce of a signature that covers an ECT is used with its step. */
const call = (agent: number) => plainCall({ profile: "attested", tenant: "attested", agent });

export async function compareNonces(bench: Bench): Promise<Growth> {
  const name = "nonces";
  const tenants = (world: World) => [storedTenant(tenantDocument(world, "attested"))];
  {
    await using running = new AsyncDisposableStack();
    await send(bench, await startGateway(bench, name, tenants, running), [call(FILLED)]);
  }
  const ledger = await onlyLedger(stateDirOf(bench, name));
  bench.onProgress(`nonces: ${LIVE} nonces and as many steps are filled in`);
  fill(ledger, LIVE);
  const filled = claimsIn(ledger);

  const growth = await (async () => {
    await using running = new AsyncDisposableStack();
    const gateway = await startGateway(bench, name, tenants, running);
    const side = (name: string, agent: number) => ({
      name,
      gateway,
      plan: () => ({ opening: times(WARM_UP, () => call(agent)), calls: times(CALLS, () => call(agent)) }),
    });
    return await compareTwo(bench, "live nonces and steps", side("0", EMPTY), side(`${LIVE}`, FILLED));
  })();
  if (claimsIn(ledger) !== filled + (bench.rounds + 1) * (WARM_UP + CALLS))
    throw new Error("the ledger that was filled is not the one that had the calls");
  return growth;
}
