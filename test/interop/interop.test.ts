/** The published vectors, set by set; `npm run test:interop` shows the same as a table. */

import { expect, test } from "vitest";
import { SETS } from "./all.ts";
import { runSet } from "./set.ts";

test.for(SETS)("$name", async (set, { skip }) => {
  const tally = await runSet(set);
  if (tally === null) return skip("no copy lies beside the checkout");
  expect(tally.failed).toEqual([]);
});
