import { type AuditRecord, digestRecord, linkHash } from "./record.ts";

export type RecordFault = "digest" | "prev_hash" | "hash";

/** What is wrong with a record behind the hash `prevHash`; null where nothing is. */
export async function recordFault(record: AuditRecord, prevHash: string): Promise<RecordFault | null> {
  if ((await digestRecord(record)) !== record.digest) return "digest";
  if (record.prev_hash !== prevHash) return "prev_hash";
  return (await linkHash(prevHash, record.digest)) === record.hash ? null : "hash";
}
