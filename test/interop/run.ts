/**
 * `npm run test:interop`: runs every set of vectors that other people published and that lies beside the checkout
 * (`../shared/vectors`), and prints for each how many cases passed, how many differ for a reason with a name, and how
 * many differ for none. A set that is not there is skipped. The exit code is 1 where a difference has no reason.
 */

import { table } from "../../demo/table.ts";
import { SETS } from "./all.ts";
import { runSet } from "./set.ts";

const results = await Promise.all(SETS.map(async (set) => ({ set, tally: await runSet(set) })));

console.log(
  table(
    ["set", "cases", "passed", "explained", "failed"],
    results.map(({ set, tally }) =>
      tally === null
        ? [set.name, String(set.size), "skipped", "", ""]
        : [
            set.name,
            String(set.size),
            String(tally.passed),
            String([...tally.explained.values()].reduce((sum, count) => sum + count, 0)),
            String(tally.failed.length),
          ],
    ),
  ),
);

const found = results.flatMap(({ set, tally }) => (tally === null ? [] : [{ set, tally }]));
if (found.some(({ tally }) => tally.explained.size > 0)) console.log("\nexplained:");
for (const { set, tally } of found) {
  for (const [policy, count] of tally.explained) {
    console.log(`  ${set.name}: ${count} × ${policy} (${set.policies[policy]})`);
  }
}
for (const { set, tally } of found)
  for (const line of tally.failed) console.log(`FAILED ${set.name}: ${line}`);

const sum = (of: (tally: (typeof found)[number]["tally"]) => number): number =>
  found.reduce((total, { tally }) => total + of(tally), 0);
const failures = sum((tally) => tally.failed.length);
const explanations = sum((tally) => [...tally.explained.values()].reduce((total, count) => total + count, 0));
const absent = results.filter(({ tally }) => tally === null);
const skipped = absent.reduce((total, { set }) => total + set.size, 0);
if (absent.length > 0)
  console.log(`\nskipped: ${absent.length} of ${SETS.length} sets are not beside the checkout`);
console.log(
  `\n${sum((tally) => tally.passed)} passed, ${explanations} explained, ${failures} failed, ${skipped} skipped`,
);
process.exitCode = failures === 0 ? 0 : 1;
