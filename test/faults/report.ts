/** What a scenario has to say in the end. */

/**
 * `lost`: calls that the origin saw, and records, that the log does not have. `doubled`: calls that are in it twice. `replayed`: requests
 * that reached the origin once more. `tampered`: records of a log that nobody touched which do not verify. `undetected`: changes of an
 * export, or of the state, that nothing showed.
 */
export const COUNTS = ["requests", "kills", "lost", "doubled", "replayed", "tampered", "undetected"] as const;

const MUST_BE_ZERO = COUNTS.slice(2);

export type Counts = { -readonly [Name in (typeof COUNTS)[number]]: number };

export interface Report {
  readonly counts: Partial<Counts>;
  /** What else was counted, for people. */
  readonly shown: Readonly<Record<string, number | string>>;
  /** What should not have happened, in words; nothing where all is well. */
  readonly faults: readonly string[];
}

export interface Scenario {
  readonly name: string;
  run(): Promise<Report>;
}

export const sumOf = (reports: readonly Report[]): Counts => {
  const sum: Counts = {
    requests: 0,
    kills: 0,
    lost: 0,
    doubled: 0,
    replayed: 0,
    tampered: 0,
    undetected: 0,
  };
  for (const { counts } of reports) for (const name of COUNTS) sum[name] += counts[name] ?? 0;
  return sum;
};

export const isClean = ({ counts, faults }: Report): boolean =>
  faults.length === 0 && MUST_BE_ZERO.every((name) => (counts[name] ?? 0) === 0);

/** How often each name is there. */
export function countOf(names: Iterable<string>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** A whole number from the environment, such as `FAULTS_KILLS=3`. */
export function sizeOf(variable: string, usual: number): number {
  const value = Number(process.env[variable] ?? usual);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${variable} is no number`);
  return value;
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Of parts of one scenario. */
export const merge = (...reports: readonly Report[]): Report => ({
  counts: sumOf(reports),
  shown: Object.assign({}, ...reports.map(({ shown }) => shown)),
  faults: reports.flatMap(({ faults }) => faults),
});
