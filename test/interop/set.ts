/** What every set of published vectors has in common: where it lies, its cases, and how each came out. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Published vectors lie beside the checkout, or nowhere: nothing of them is in the repository. */
const VECTORS = join(import.meta.dirname, "../../../shared/vectors");

export type Outcome =
  | { readonly kind: "passed" }
  /** We differ, as a rule of ours with this name says: one of the set's `policies`. */
  | { readonly kind: "explained"; readonly policy: string }
  | { readonly kind: "failed"; readonly detail: string };

export const passed: Outcome = { kind: "passed" };
export const explained = (policy: string): Outcome => ({ kind: "explained", policy });
export const failed = (detail: string): Outcome => ({ kind: "failed", detail });

/** Passed where the two are the same JSON. */
export const compared = (ours: unknown, theirs: unknown): Outcome =>
  JSON.stringify(ours) === JSON.stringify(theirs)
    ? passed
    : failed(`${JSON.stringify(ours)} instead of ${JSON.stringify(theirs)}`);

export interface Case {
  readonly id: string;
  /** An exception is a failure. */
  readonly run: () => Promise<Outcome> | Outcome;
}

export interface VectorSet {
  readonly name: string;
  /** In the folder of vectors. */
  readonly folder: string;
  /** How many cases the pinned revision has: a set that lost some does not pass. */
  readonly size: number;
  /** Where we differ on purpose: name and reason. */
  readonly policies: Readonly<Record<string, string>>;
  /** @param folder where the files are */
  readonly cases: (folder: string) => readonly Case[];
}

/** How a set came out; null where it is not there. */
export interface Tally {
  readonly passed: number;
  /** How often each policy explained a difference. */
  readonly explained: ReadonlyMap<string, number>;
  /** One line for each. */
  readonly failed: readonly string[];
}

export async function runSet(set: VectorSet): Promise<Tally | null> {
  const folder = join(VECTORS, set.folder);
  if (!existsSync(folder)) return null;
  const cases = set.cases(folder);
  const failures = cases.length === set.size ? [] : [`${cases.length} cases instead of ${set.size}`];
  const explanations = new Map<string, number>();
  let passes = 0;
  for (const { id, run } of cases) {
    const outcome = await attempt(run);
    if (outcome.kind === "failed") failures.push(`${id}: ${outcome.detail}`);
    else if (outcome.kind === "passed") passes += 1;
    else if (!Object.hasOwn(set.policies, outcome.policy))
      failures.push(`${id}: no policy ${outcome.policy}`);
    else explanations.set(outcome.policy, (explanations.get(outcome.policy) ?? 0) + 1);
  }
  return { passed: passes, explained: explanations, failed: failures };
}

async function attempt(run: Case["run"]): Promise<Outcome> {
  try {
    return await run();
  } catch (error) {
    return failed(String(error));
  }
}

export const readText = (...path: readonly string[]): string => readFileSync(join(...path), "utf8");
export const readJson = (...path: readonly string[]) => JSON.parse(readText(...path));
export const namesIn = (...path: readonly string[]): readonly string[] => readdirSync(join(...path)).sort();
