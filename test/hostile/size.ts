/** How large the random runs are, and where they begin. */

/** The same for the same changes; another one with `HOSTILE_SEED`. */
export const SEED = Number(process.env.HOSTILE_SEED ?? 0x2787_9421);

/** 1 in `npm test`; `HOSTILE_SIZE=10` is the nightly size (`npm run test:mutants`). */
export const SIZE = Number(process.env.HOSTILE_SIZE ?? 1);

/** What a failure has to say, so that it can be had again. */
export const again = `again with HOSTILE_SEED=${SEED} HOSTILE_SIZE=${SIZE}`;
