/** Compares ways to do one thing, in whatever runtime this runs in, also beside noisy neighbours. */

/** Does it so many times. */
export type Work = (times: number) => void | Promise<void>;

/** Nanoseconds per time, one figure for each round; all rounds of one index were measured one after the other. */
export type Times = Readonly<Record<string, readonly number[]>>;

/** Long against the clock of workerd, which has whole milliseconds; short against the moods of a shared machine. */
const ROUND_MS = 20;

let kept: unknown;

/** Keeps what is returned, so that no compiler leaves the work out. */
export const sync =
  (once: () => unknown): Work =>
  (times) => {
    for (let i = 0; i < times; i++) kept = once();
  };

export const asynchronous =
  (once: () => Promise<unknown>): Work =>
  async (times) => {
    for (let i = 0; i < times; i++) kept = await once();
  };

/** What was kept last. */
export const lastResult = (): unknown => kept;

/** Measures contestants in turns, in the opposite order in every other round. */
export async function contest(contestants: Readonly<Record<string, Work>>, rounds: number): Promise<Times> {
  const entered: { work: Work; times: number; figures: number[] }[] = [];
  const result: Record<string, number[]> = {};
  for (const [name, work] of Object.entries(contestants)) {
    const figures: number[] = [];
    result[name] = figures;
    entered.push({ work, times: await timesToFill(work), figures });
  }
  for (let round = 0; round < rounds; round++) {
    for (const { work, times, figures } of round % 2 === 0 ? entered : entered.toReversed()) {
      figures.push(((await duration(work, times)) * 1e6) / times);
    }
  }
  return result;
}

/** How often the work is done in a round. Finding out warms it up. */
async function timesToFill(work: Work): Promise<number> {
  for (let times = 1; times <= 2 ** 30; times *= 2) {
    // Something else may have had the CPU in one of the two.
    const ms = Math.min(await duration(work, times), await duration(work, times));
    if (ms >= ROUND_MS / 2) return Math.ceil((times * ROUND_MS) / ms);
  }
  throw new Error("The clock stands still while this runtime works, so nothing can be measured.");
}

async function duration(work: Work, times: number): Promise<number> {
  const start = performance.now();
  await work(times);
  return performance.now() - start;
}
