/**
 * `npm run test:conformance`: shows that Countersign is transparent. The official conformance suite of MCP runs against a
 * real MCP server directly, and then against the same server through a hop that signs (the suite cannot) and Countersign
 * in workerd, for each revision at its own wire version. Every check of every scenario must come out the same; there is
 * no list of exceptions.
 *
 * It prints a table, then each difference with what the suite says about it, and in the end `N passed, N failed`, where
 * one is counted for each check compared. The exit code is 1 where anything differs, where a scenario leaves no result,
 * and where the server itself fails a check (for then equality would prove nothing).
 *
 * The Worker must be built (`npm run build:worker`). It takes about half a minute, most of it waiting: the suite polls
 * tasks and lets subscriptions run out.
 */

import { table } from "../../demo/table.ts";
import { type Compared, type Comparison, compare } from "./compare.ts";
import { startFixture } from "./fixture/server.ts";
import { startGateway } from "./gateway.ts";
import { runSuite } from "./suite.ts";

const REVISIONS = ["2025-11-25", "2026-07-28"];

const fixture = await startFixture();
try {
  const direct = await runAll(fixture.url);
  const gateway = await startGateway(fixture.url, fixture.tools);
  try {
    const through = await runAll(gateway.url);
    process.exitCode = report(
      REVISIONS.map((revision, index) => ({
        revision,
        ...compare(direct[index] ?? new Map(), through[index] ?? new Map()),
      })),
    );
  } finally {
    await gateway.close();
  }
} finally {
  await fixture.close();
}

/** The revisions at once: their runs share nothing but the server, and mostly wait. */
function runAll(url: string) {
  return Promise.all(REVISIONS.map((revision) => runSuite(url, revision)));
}

/** @returns the exit code */
function report(comparisons: readonly (Comparison & { readonly revision: string })[]): number {
  console.log(
    table(
      ["revision", "scenarios", "checks", "passed directly", "passed through Countersign", "differences"],
      comparisons.map(({ revision, scenarios, checks, passedDirectly, passedThrough, differences }) => [
        revision,
        ...[scenarios, checks, passedDirectly, passedThrough, differences.length].map(String),
      ]),
    ),
  );
  let passed = 0;
  let failed = 0;
  for (const { revision, checks, differences, missing, failedDirectly } of comparisons) {
    for (const difference of differences) console.log(`${revision} ${describe(difference)}`);
    for (const scenario of missing) console.log(`${revision} ${scenario}: no result on at least one side`);
    for (const { scenario, check, direct } of failedDirectly) {
      console.log(
        `${revision} ${scenario}: ${check}: the server itself fails: ${direct?.errorMessage ?? ""}`,
      );
    }
    const wrong = new Set([...differences, ...failedDirectly]).size;
    passed += checks - wrong;
    failed += wrong + missing.length;
  }
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

function describe({ scenario, check, direct, through }: Compared): string {
  const side = (name: string, result: Compared["direct"]) =>
    `\n  ${name}: ${result === null ? "not made" : [result.status, result.errorMessage].filter(Boolean).join(": ")}`;
  return `${scenario}: ${check}${side("directly", direct)}${side("through Countersign", through)}`;
}
