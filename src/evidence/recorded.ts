import { RECORD_HEADER } from "../evidence-headers.ts";
import type { Facts } from "../facts.ts";
import type { KeyFinder } from "../keys/source.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Tenant } from "../tenant/tenant.ts";
import { parseRecord, type VerifiedRecord, verifyRecord } from "./act/record.ts";
import { agentKeys } from "./agent-key.ts";
import { type Caller, covers } from "./caller.ts";

export interface RecordContext {
  readonly tenant: Tenant;
  readonly facts: Facts;
  readonly caller: Caller;
  readonly keys: KeyFinder;
  /** Seconds. */
  readonly now: number;
}

/**
 * Parses and verifies an execution record that comes with a call. It is about work of the caller's, not about this call,
 * so it must be covered by the caller's signature, whatever the profile: else anybody who saw it could add it.
 *
 * @returns null where there is none
 */
export async function verifyRecorded(context: RecordContext): Promise<Result<VerifiedRecord | null, Reason>> {
  const { tenant, facts, caller, keys, now } = context;
  const record = parseRecord(facts.headers);
  if (record.state === "absent") return ok(null);
  if (!covers(caller, RECORD_HEADER)) return fail("signature.coverage");
  if (record.state === "malformed") return fail(record.reason);
  // Each lane has a ledger of its own, and each would take one record of the mandate.
  if (caller.agent.lanes.size > 1) return fail("record.several_lanes");
  return verifyRecord(record.value, caller.agent, tenant, agentKeys(caller.agent, tenant, keys), now);
}
