/** `npm run simulate`: what a deployment does beyond one machine. Prints tables, in Markdown, the same for the same seed. docs/scale.md */

import { backlogTable, manyTable } from "./backlog.ts";
import { balanceTable, lanesTable } from "./balance.ts";
import { lifetimeTable, ratesTable } from "./capacity.ts";
import { costTable, upkeepTable } from "./cost.ts";
import { hotRunTable } from "./hot-run.ts";
import { hotTenantTable } from "./hot-tenant.ts";
import { leasesTable } from "./leases.ts";
import { SEED } from "./parameters.ts";

const report = [
  "### Balance over ledgers",
  balanceTable(SEED),
  lanesTable(SEED),
  "### One hot tenant",
  hotTenantTable(SEED),
  "### Shared limits",
  leasesTable(),
  "### One database",
  backlogTable(SEED),
  manyTable(SEED),
  "### A hot run",
  hotRunTable(SEED),
  "### Cost of a million calls",
  costTable(),
  upkeepTable(),
  "### How long a database lasts",
  lifetimeTable(),
  "### Limits as rates",
  ratesTable(),
];
console.log(report.join("\n\n"));
