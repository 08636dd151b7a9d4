import { RECORD_HEADER } from "../evidence-headers.ts";
import type { Facts } from "../facts.ts";
import type { KeyFinder } from "../keys/source.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Tenant } from "../tenant/tenant.ts";
import { type ActRecord, parseRecord, type VerifiedRecord, verifyRecord } from "./act/record.ts";
import { agentKeys, onlyKey } from "./agent-key.ts";
import { type AgentCaller, covers } from "./caller.ts";

export interface RecordContext {
  readonly tenant: Tenant;
  readonly facts: Facts;
  readonly caller: AgentCaller;
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
  const { facts, caller } = context;
  const record = parseRecord(facts.headers);
  if (record.state === "absent") return ok(null);
  if (!covers(caller, RECORD_HEADER)) return fail("signature.coverage");
  return record.state === "malformed" ? fail(record.reason) : verifyOwnRecord(record.value, context);
}

/** Verifies an execution record of the caller's, however it came. A workload signs it with the key of the WIT that it presents. */
export async function verifyOwnRecord(
  record: ActRecord,
  { tenant, caller: { agent, signature, wit }, keys, now }: Omit<RecordContext, "facts">,
): Promise<Result<VerifiedRecord, Reason>> {
  // Each lane has a ledger of its own, and each would take one record of the mandate.
  if (agent.lanes.size > 1) return fail("record.several_lanes");
  const findKey = wit && signature ? onlyKey(signature.key) : agentKeys(agent, tenant, keys);
  return verifyRecord(record, agent, tenant, findKey, now);
}
