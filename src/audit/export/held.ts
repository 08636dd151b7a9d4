/** What others hold against an export: receipts and checkpoints that must be in it. */

import { claimsIn } from "../receipts/decision-receipt.ts";
import type { AuditRecord } from "../record.ts";
import type { ExportClaims } from "./format.ts";
import type { Means, Receipts } from "./means.ts";
import { about, general, type Problem } from "./report.ts";
import { type Bounds, type Place, placeKey } from "./spans.ts";

/** A checkpoint or a receipt that the export cannot have; null where there is none. */
export function absentFault(
  claims: ExportClaims,
  bounds: Bounds,
  { receipts, checkpoints }: Means,
): Problem | null {
  for (const number of checkpoints.keys()) {
    const why = whyNoCheckpoint(claims, number);
    if (why !== null)
      return general(`checkpoint ${number}, which somebody holds, is not in the export: ${why}`);
  }
  for (const receipt of receipts.all) {
    const why = whyNoRecord(bounds, receipt);
    if (why !== null) return about(receipt, `there is a receipt for decision ${receipt.jti}, but ${why}`);
  }
  return null;
}

/** Why an export does not have a checkpoint; null where it does. */
function whyNoCheckpoint({ base, last, latest }: ExportClaims, number: number): string | null {
  if (number > latest.number) return `it is newer than the latest one, ${latest.number}; export again`;
  const isHere = (number >= (base ?? 1) && number <= last.number) || number === latest.number;
  return isHere ? null : "it is outside of its time range";
}

/** Why no record is to be at a place; null where one is. */
function whyNoRecord({ base, last, latest }: Bounds, { chain, seq }: Place): string | null {
  const [end, kept] = [last.get(chain), latest.get(chain)];
  if (end === undefined || kept === undefined) return "no checkpoint knows its chain";
  if (seq > end.seq) return `the export has its chain up to record ${end.seq}`;
  if (seq < kept.start) return `its chain is kept from record ${kept.start} on`;
  const before = base?.get(chain)?.seq ?? 0;
  return seq > before ? null : `the export has its chain from record ${before + 1} on`;
}

/** A receipt says of the record what its first holder was told; a later one also which record its outcome is. */
export function receiptFault(record: AuditRecord, { byPlace, outcomes }: Receipts): string | null {
  for (const { iss, outcome: _, ...told } of byPlace.get(placeKey(record)) ?? []) {
    const claims: Readonly<Record<string, unknown>> = { ...claimsIn(iss, record) };
    const isSame = Object.entries(told).every(([name, value]) => claims[name] === value);
    if (!isSame || record.kind !== "decision") return "a receipt for it says something else";
  }
  return (outcomes.get(record.id) ?? []).every((hash) => hash === record.hash)
    ? null
    : "a receipt for its decision says that another record is the outcome";
}
