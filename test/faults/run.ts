/**
 * `npm run test:faults`: breaks things under load, and counts what was lost, doubled, admitted twice or not noticed. `npm run
 * test:faults -- kill d1` runs the scenarios of these names alone. The exit code is 1 unless all of that is zero and each scenario
 * found what it expects.
 *
 * The Worker must be built (`npm run build:worker`).
 */

import { table } from "../../demo/table.ts";
import { clock } from "./clock.ts";
import { copies } from "./copies.ts";
import { d1 } from "./d1.ts";
import { kill } from "./kill.ts";
import { ledgerFaults } from "./ledger-faults.ts";
import { loss } from "./loss.ts";
import { COUNTS, countOf, isClean, type Report, type Scenario, sumOf } from "./report.ts";
import { tamper } from "./tamper.ts";

const tamperings: Scenario = {
  name: "tamper",
  async run() {
    const { tampered, undetected } = await tamper();
    return {
      counts: { undetected: undetected.length },
      shown: { "changes of an export": tampered },
      faults: undetected.map((what) => `nobody notices ${what}`),
    };
  },
};

const SCENARIOS: readonly Scenario[] = [kill, d1, ledgerFaults, loss, clock, copies, tamperings];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => SCENARIOS.every((scenario) => scenario.name !== name));
if (unknown.length > 0) {
  console.error(`There is no ${unknown.join(", ")}: ${SCENARIOS.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}

const reports: Report[] = [];
for (const { name, run } of SCENARIOS) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const began = Date.now();
  const report = await run();
  reports.push(report);
  const shown = Object.entries({ ...report.counts, ...report.shown }).map(([what, n]) => `${what}: ${n}`);
  console.log(`${name} (${Math.round((Date.now() - began) / 1000)} s)  ${shown.join(", ")}`);
  for (const [fault, n] of Object.entries(countOf(report.faults))) console.log(`  FAILED ${n} × ${fault}`);
}

const counts = sumOf(reports);
console.log(`\n${table([...COUNTS], [COUNTS.map((name) => String(counts[name]))])}`);
process.exitCode = reports.every(isClean) ? 0 : 1;
