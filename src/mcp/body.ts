import { type ReadFault, readWhole } from "../bytes/read-whole.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";

const REASONS: Record<ReadFault, Reason> = {
  too_large: "message.too_large",
  timeout: "message.body_timeout",
  // Nobody stops the reading of a request.
  stopped: "message.body_timeout",
  broken: "message.body_broken",
};

/**
 * Reads a request body whole, because it must be hashed before anything is forwarded.
 *
 * @param maxBytes the cap, enforced on what arrives and, early, on what Content-Length announces
 * @param deadlineMs how long the sender may take, milliseconds
 */
export async function readBody(
  body: ReadableStream<Uint8Array> | null,
  headers: ReadonlyMap<string, string>,
  maxBytes: number,
  deadlineMs: number,
): Promise<Result<Uint8Array<ArrayBuffer>, Reason>> {
  if (Number(headers.get("content-length") ?? 0) > maxBytes) return fail("message.too_large");
  if (body === null) return ok(new Uint8Array());
  const read = await readWhole(body, maxBytes, deadlineMs);
  return read.ok ? read : fail(REASONS[read.error]);
}
