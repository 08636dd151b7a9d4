/** `POST <tenant>/records`: takes the ACT record (phase 2) of a mandate. The ledger has it by now. */

import { runKey } from "../ledger/run-key.ts";
import type { Trail } from "../trail.ts";
import { runId } from "./endpoint.ts";

export function acknowledgeRecord({ decision, record }: Trail): Response {
  if (record === null) throw new Error("a record is admitted with its visit");
  return Response.json({ decision, record: record.digest, run: runId(runKey(record)) }, { status: 201 });
}
