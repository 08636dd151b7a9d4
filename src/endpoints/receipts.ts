/** `GET <tenant>/receipts/<decision>`: what was decided about a call and what became of it, with all that proves it. */

import { findCover } from "../audit/prove.ts";
import { queryLog } from "../audit/query.ts";
import { type Covers, writeDocument } from "../audit/receipts/write.ts";
import type { AuditRecord } from "../audit/record.ts";
import { type Row, recordOf } from "../audit/rows.ts";
import { readSigningKeys } from "../audit/signing-keys.ts";
import { streamOf } from "../bytes/stream-of.ts";
import { principalOf } from "../evidence/caller.ts";
import { settle } from "../ledger/client.ts";
import { ledgerName } from "../ledger/names.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Visit } from "./visit.ts";

export async function showReceipt(
  decision: string,
  { tenant, caller, isAuditor }: Visit,
  env: Env,
): Promise<Result<Response, Reason>> {
  const principal = principalOf(caller);
  // A call that the caller has just made is in its ledger, and on its way.
  const settled = await Promise.all(
    [...caller.agent.lanes].map((lane) => settle(env, ledgerName(tenant.id, principal, lane))),
  );
  if (settled.some((lane) => !lane.ok)) return fail("endpoint.log_unavailable");

  const keys = await readSigningKeys(env.SIGNING_KEYS);
  if (keys === null) return fail("signing.unconfigured");
  const found = await findRecords(env.AUDIT, tenant.id, decision);
  if (!found.ok) return found;
  const [record, outcome] = found.value;
  if (record === null || !(isAuditor || record.principal === principal)) return fail("endpoint.not_found");

  const covers = await findCovers(env.AUDIT, record, outcome);
  if (!covers.ok) return covers;
  const text = writeDocument(
    { decision: record, outcome, covers: covers.value },
    { db: env.AUDIT, keys, retryAfter: tenant.audit.checkpointInterval / 1000 },
  );
  return ok(new Response(streamOf(text), { headers: { "Content-Type": "application/json" } }));
}

const RECORDS = "SELECT * FROM audit_records WHERE tenant = ? AND id IN (?, ?)";
const SET_ASIDE = "SELECT record FROM audit_set_aside WHERE tenant = ? AND record ->> '$.id' IN (?, ?)";

/** The records of a decision and of its outcome, as the log has them. */
async function findRecords(
  db: D1Database,
  tenant: string,
  decision: string,
): Promise<Result<readonly [AuditRecord | null, AuditRecord | null], Reason>> {
  const ids = [decision, `${decision}.outcome`] as const;
  const rows = await queryLog<Row>(db, RECORDS, tenant, ...ids);
  if (!rows.ok) return rows;
  const aside = await queryLog<{ record: string }>(db, SET_ASIDE, tenant, ...ids);
  if (!aside.ok) return aside;
  const records: readonly AuditRecord[] = [
    ...rows.value.map(recordOf),
    ...aside.value.map(({ record }) => JSON.parse(record)),
  ];
  // The columns beside a record that was set aside are not what its hash is of.
  const named = (id: string) => records.find((one) => one.tenant === tenant && one.id === id) ?? null;
  return ok([named(ids[0]), named(ids[1])]);
}

/** The outcome is mostly under the same checkpoint. */
async function findCovers(
  db: D1Database,
  record: AuditRecord,
  outcome: AuditRecord | null,
): Promise<Result<Covers, Reason>> {
  const decision = await findCover(db, record);
  if (!decision.ok) return decision;
  const cover = decision.value;
  if (outcome === null) return ok({ decision: cover, outcome: "not_yet" });
  const isSame = typeof cover === "object" && outcome.chain === record.chain && outcome.seq <= cover.head.seq;
  const other = isSame ? decision : await findCover(db, outcome);
  return other.ok ? ok({ decision: cover, outcome: other.value }) : other;
}
