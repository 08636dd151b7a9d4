/** The execution records (SEP-2828) that come with a receipt. */

import type { JsonObject } from "../../json/strict-json.ts";
import { fail, ok, type Result } from "../../result.ts";
import { type AuditRecord, isForwarded } from "../record.ts";
import type { ReceiptDocument } from "./document.ts";
import type { Fault } from "./faults.ts";
import { sameLink } from "./link.ts";
import { pair } from "./pair.ts";
import { parseDecisionRecord, parseExecutionReceipt } from "./record.ts";
import { executionKeys, verifyRecord } from "./verify.ts";

/** The decision record and the execution receipt of a call, as far as its audit records hold them. */
export const executionIn = (decision: AuditRecord, outcome: AuditRecord | null): readonly string[] => [
  ...(decision.execution ?? []),
  ...(outcome?.execution ?? []),
];

type ExecutionFault = Extract<Fault, `execution.${string}`>;

/**
 * Checks that execution records are those of the audit records, signed, paired and about the attestation that the decision rests on.
 *
 * @param iss the tenant's public URL
 * @param jwks its keys
 */
export async function checkExecution(
  { decision, outcome, execution }: Pick<ReceiptDocument, "decision" | "outcome" | "execution">,
  iss: string,
  jwks: { readonly keys: readonly JsonObject[] },
  notes: { readonly checked: string[]; readonly unchecked: string[] },
): Promise<Result<void, ExecutionFault>> {
  const held = executionIn(decision, outcome);
  if (execution.length !== held.length || !execution.every((text, i) => text === held[i]))
    return fail("execution.records");
  const [first, second, ...others] = execution;
  if (first === undefined) return ok(undefined);
  const record = parseDecisionRecord(first);
  const receipt = second === undefined ? null : parseExecutionReceipt(second);
  if (!record.ok || receipt?.ok === false || others.length > 0) return fail("execution.malformed");

  const keys = await executionKeys(iss, jwks);
  const decided = await verifyRecord(record.value, keys);
  const executed = receipt && (await verifyRecord(receipt.value, keys));
  if (!decided.ok || executed?.ok === false) return fail("execution.signature");
  const about = [decided.value, ...(executed ? [executed.value] : [])];
  if (about.some(({ sub }) => sub !== decision.principal)) return fail("execution.subject");
  const isAllowed = isForwarded(decision.verdict);
  if (decided.value.decision !== (isAllowed ? "allow" : "block")) return fail("execution.verdict");
  if (executed && (executed.value.status === "refused") === isAllowed) return fail("execution.verdict");
  const attestation = decision.evidence?.attestation;
  const link = attestation && {
    attestationDigest: attestation.digest,
    attestationNonce: attestation.nonce,
    fallbackProjection: null,
  };
  if (!link || !about.every(({ backLink }) => sameLink(backLink, link))) return fail("execution.link");
  notes.checked.push(
    "The decision record (SEP-2828) is signed, and is about the attestation of the decision.",
  );
  if (executed === null) return ok(undefined);
  if (pair(decided.value, executed.value) !== "paired") return fail("execution.pairing");
  notes.checked.push("The execution receipt (SEP-2828) is signed, and names that decision record.");
  if (executed.value.result !== null)
    notes.unchecked.push(
      "The result that the execution receipt commits to: only who has the answer can compare it.",
    );
  return ok(undefined);
}
