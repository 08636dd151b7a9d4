/** An audit log in D1. */

import { env } from "cloudflare:workers";
import type { Head } from "../../../src/audit/checkpoint.ts";
import { insertRecords } from "../../../src/audit/d1.ts";
import type { AuditRecord } from "../../../src/audit/record.ts";
import { DRAIN_BATCH } from "../../../src/limits.ts";
import { chainOf, checkpointOf, draft, headOf } from "./helpers.ts";

let made = 0;

/**
 * A tenant of its own, whose one chain has these records. Nothing is in D1 yet.
 *
 * @param contents of each; their ids begin with that of the tenant
 */
export async function place(contents: readonly Partial<AuditRecord>[]) {
  made += 1;
  const tenant = `place-${made}`;
  const chain = `chain-of-${tenant}`;
  const ids = (i: number) => ({ id: `${tenant}-${i}`, decision: `${tenant}-${i}`, tenant });
  const records = await chainOf(
    chain,
    contents.map((content, i) => draft({ ...ids(i), ...content })),
  );
  const other: Head = { ...headOf(records), chain: "a-chain" };
  /** Checkpoint `number` over the first `seq` records, and a chain beside it. */
  const checkpoint = async (
    number: number,
    seq: number,
    { retained = 1, kept = true, ...changes }: Changes = {},
  ) => {
    const heads = [other, headOf(records.slice(0, seq))];
    const prev = number === 1 ? null : other.hash;
    const jws = await checkpointOf(heads, {
      tenant,
      number,
      retained,
      prev,
      time: 1_000 + number,
      ...changes,
    });
    await storeCheckpoint(tenant, number, jws, kept ? heads : null);
    return jws;
  };
  return { tenant, chain, records, other, checkpoint };
}

type Changes = Parameters<typeof checkpointOf>[1] & { readonly kept?: boolean };

/** In place of the one that has its number. */
export const storeCheckpoint = (tenant: string, number: number, jws: string, heads: readonly Head[] | null) =>
  env.AUDIT.prepare(
    "INSERT OR REPLACE INTO checkpoints (tenant, number, time, jws, heads) VALUES (?, ?, ?, ?, ?)",
  )
    .bind(tenant, number, 1_000 + number, jws, heads && JSON.stringify(heads))
    .run();

export async function store(records: readonly AuditRecord[]): Promise<void> {
  for (let at = 0; at < records.length; at += DRAIN_BATCH) {
    const batch = records.slice(at, at + DRAIN_BATCH);
    await insertRecords(
      env.AUDIT,
      batch.map((record) => JSON.stringify(record)),
    );
  }
}

export const setAside = (record: AuditRecord) =>
  env.AUDIT.prepare(
    "INSERT INTO audit_set_aside (hash, tenant, chain, seq, record, error) VALUES (?, ?, ?, ?, ?, ?)",
  )
    .bind(record.hash, record.tenant, record.chain, record.seq, JSON.stringify(record), "no")
    .run();
