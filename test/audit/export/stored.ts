/** A log in D1. */

import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { insertRecords } from "../../../src/audit/d1.ts";
import type { AuditRecord } from "../../../src/audit/record.ts";
import { type Log, TENANT } from "./log.ts";

const DB = env.AUDIT;

export async function emptyLog(): Promise<void> {
  for (const table of ["audit_records", "audit_set_aside", "checkpoints"])
    await DB.prepare(`DELETE FROM ${table}`).run();
}

export async function store(log: Log, records = [...log.chains.values()].flat()): Promise<void> {
  for (let i = 0; i < records.length; i += 400) {
    const batch = records.slice(i, i + 400).map((record) => JSON.stringify(record));
    expect(await insertRecords(DB, batch)).toEqual([]);
  }
  for (const { number, jws, heads, claims } of log.checkpoints)
    await DB.prepare("INSERT INTO checkpoints (tenant, number, time, jws, heads) VALUES (?, ?, ?, ?, ?)")
      .bind(TENANT, number, claims.time, jws, number < claims.retained ? null : JSON.stringify(heads))
      .run();
}

export const setAside = (record: AuditRecord) =>
  DB.prepare(
    "INSERT INTO audit_set_aside (hash, tenant, chain, seq, record, error) VALUES (?, ?, ?, ?, ?, ?)",
  )
    .bind(record.hash, TENANT, record.chain, record.seq, JSON.stringify(record), "refused")
    .run();

/** D1 that counts what it is asked, and fails from a query on. */
export function counting(failAt = Number.POSITIVE_INFINITY) {
  const asked: string[] = [];
  const db = new Proxy(DB, {
    get: (target, name) =>
      name === "prepare"
        ? (query: string) => {
            asked.push(query);
            if (asked.length >= failAt) throw new Error("D1 is down");
            return target.prepare(query);
          }
        : Reflect.get(target, name),
  });
  return { db, asked };
}
