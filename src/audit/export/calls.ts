/** What records say of calls: each outcome belongs to an admitted decision before it, and SEP-2828 records to their attestation. */

import { fail, ok, type Result } from "../../result.ts";
import type { AttestationKey } from "../../tenant/tenant.ts";
import { sameLink } from "../receipts/link.ts";
import { pair } from "../receipts/pair.ts";
import {
  type DecisionRecord,
  type ExecutionReceipt,
  parseDecisionRecord,
  parseExecutionReceipt,
} from "../receipts/record.ts";
import { type Verified, verifyRecord } from "../receipts/verify.ts";
import { type AuditRecord, isForwarded } from "../record.ts";

/** The decisions of one chain. */
export type Calls = Map<string, Call>;

interface Call {
  /** `denied` and `over` have no outcome (any more). */
  readonly state: "open" | "over" | "denied";
  readonly execution: Verified<DecisionRecord> | null;
}

type ExecutionKeys = ReadonlyMap<string, AttestationKey>;

/**
 * Judges a record behind those of its chain, and notes it in `calls`.
 *
 * @param fromStart whether all records of the chain before it were there
 * @returns how many SEP-2828 records it has; else what is wrong, in words that follow the record's place
 */
export async function takeCall(
  record: AuditRecord,
  calls: Calls,
  fromStart: boolean,
  keys: ExecutionKeys,
): Promise<Result<number, string>> {
  const { kind, id, decision, verdict } = record;
  if (id !== (kind === "decision" ? decision : `${decision}.${kind}`))
    return fail("its id is not that of its decision");
  switch (kind) {
    case "decision": {
      if (verdict === null) return fail("it is a decision without a verdict");
      if (calls.has(id)) return fail("it decides again what was decided before");
      const read = await readExecution(record, keys);
      if (!read.ok) return read;
      const { decided, executed } = read.value;
      const fault = decidedFault(record, decided, executed);
      if (fault !== null) return fail(fault);
      calls.set(id, { state: isForwarded(verdict) ? "open" : "denied", execution: decided });
      return ok(Number(decided !== null) + Number(executed !== null));
    }
    case "outcome": {
      const call = calls.get(decision);
      if (call === undefined && fromStart) return fail("it is the outcome of a decision that is not there");
      if (call?.state === "denied") return fail("it is the outcome of a call that was denied");
      if (call?.state === "over") return fail("it is a second outcome of one call");
      if (verdict !== null) return fail("it is an outcome with a verdict");
      const read = await readExecution(record, keys);
      if (!read.ok) return read;
      const { decided, executed } = read.value;
      if (decided !== null) return fail("it is an outcome with a decision record");
      if (
        call &&
        executed !== null &&
        (call.execution === null || pair(call.execution, executed) !== "paired")
      )
        return fail("its execution receipt is not about the decision record of its call");
      calls.set(decision, { state: "over", execution: null });
      return ok(Number(executed !== null));
    }
    case "summary":
      return verdict === "denied" && record.execution === null ? ok(0) : fail("it is no summary of denials");
  }
}

interface Execution {
  readonly decided: Verified<DecisionRecord> | null;
  readonly executed: Verified<ExecutionReceipt> | null;
}

async function readExecution(
  { execution, principal }: AuditRecord,
  keys: ExecutionKeys,
): Promise<Result<Execution, string>> {
  let decided: Execution["decided"] = null;
  let executed: Execution["executed"] = null;
  for (const text of execution ?? []) {
    const asDecision = parseDecisionRecord(text);
    const parsed = asDecision.ok ? asDecision : parseExecutionReceipt(text);
    if (!parsed.ok) return fail("it has an execution record that cannot be read");
    const verified = await verifyRecord<DecisionRecord | ExecutionReceipt>(parsed.value, keys);
    if (!verified.ok)
      return fail(`it has an execution record that these keys have not signed (${verified.error})`);
    const { value } = verified;
    if (value.sub !== principal) return fail("it has an execution record about another principal");
    const isSecond = value.kind === "decision" ? decided !== null : executed !== null;
    if (isSecond) return fail("it has two execution records of one kind");
    if (value.kind === "decision") decided = value;
    else executed = value;
  }
  return ok({ decided, executed });
}

/** What is wrong with the execution records of a decision. */
function decidedFault(
  { evidence, verdict }: AuditRecord,
  decided: Execution["decided"],
  executed: Execution["executed"],
): string | null {
  if (decided === null)
    return executed === null ? null : "it has an execution receipt without a decision record";
  if ((decided.decision === "allow") !== isForwarded(verdict))
    return "its decision record says another verdict";
  const { digest: attestationDigest = "", nonce: attestationNonce = "" } = evidence?.attestation ?? {};
  if (!sameLink(decided.backLink, { attestationDigest, attestationNonce, fallbackProjection: null }))
    return "its decision record is about another attestation";
  if (executed === null) return null;
  if (isForwarded(verdict)) return "it has an execution receipt before its outcome";
  return pair(decided, executed) === "paired"
    ? null
    : "its execution receipt is not about its decision record";
}
