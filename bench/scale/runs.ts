/** A call in a long run against one in a short run. */

import { type Bench, send } from "./compare.ts";
import { plainCall, startGateway, tenantOf, times } from "./gateway.ts";
import { CALLS, compareTwo, type Growth } from "./growth.ts";

const LONG = 10_000;
const SHORT = 10;

/** Short runs in one turn: the first call of each, whose mandate is new, is not measured. */
const SHORT_RUNS = Math.ceil(CALLS / (SHORT - 1));

export async function compareRuns(bench: Bench): Promise<Growth> {
  await using running = new AsyncDisposableStack();
  const gateway = await startGateway(bench, "runs", (world) => [tenantOf(world, "full")], running);
  // Of an agent, and so of a ledger, of its own.
  const ofLong = plainCall({ agent: 1, run: "long" });
  bench.onProgress(`runs: one of ${LONG} calls is made`);
  await send(
    bench,
    gateway,
    times(LONG, () => ofLong),
  );
  const ofShort = (round: number, index: number) => plainCall({ run: `${round}, ${index}` });
  return await compareTwo(
    bench,
    "calls in the run",
    {
      name: `${SHORT}`,
      gateway,
      plan: (round) => ({
        opening: times(SHORT_RUNS, (i) => ofShort(round, i)),
        calls: times(SHORT_RUNS * (SHORT - 1), (i) => ofShort(round, Math.floor(i / (SHORT - 1)))),
      }),
    },
    {
      name: `${LONG}`,
      gateway,
      plan: () => ({
        opening: times(SHORT_RUNS, () => ofLong),
        calls: times(SHORT_RUNS * (SHORT - 1), () => ofLong),
      }),
    },
  );
}
