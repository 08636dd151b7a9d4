/** The smallest of what `npm run test:faults` does. */

import { expect, test } from "vitest";
import { killUnderLoad } from "./kill.ts";
import { isClean } from "./report.ts";

test("workerd is killed twice under load: nothing is lost, doubled or admitted again", async () => {
  const report = await killUnderLoad({ kills: 2, width: 3, pause: 300 });
  expect(report.faults).toEqual([]);
  expect(isClean(report), JSON.stringify(report.counts)).toBe(true);
  expect(report.counts.kills).toBe(2);
  expect(report.counts.requests).toBeGreaterThan(20);
});
