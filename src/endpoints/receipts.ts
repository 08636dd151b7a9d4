/** `GET <tenant>/receipts/<decision>`: what was decided about a call and what became of it, with all that proves it. */

import { recordFault } from "../audit/chain.ts";
import { type Cover, digestsBehind, findCover } from "../audit/prove.ts";
import { queryLog } from "../audit/query.ts";
import { signLater } from "../audit/receipts/decision-receipt.ts";
import type { ReceiptDocument } from "../audit/receipts/document.ts";
import { executionIn } from "../audit/receipts/execution.ts";
import type { AuditRecord } from "../audit/record.ts";
import { type Row, recordOf } from "../audit/rows.ts";
import { readSigningKeys } from "../audit/signing-keys.ts";
import { streamOf } from "../bytes/stream-of.ts";
import { utf8 } from "../encoding.ts";
import { principalOf } from "../evidence/caller.ts";
import { settle } from "../ledger/client.ts";
import { ledgerName } from "../ledger/protocol.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Tenant } from "../tenant/tenant.ts";
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

  const found = await findRecords(env.AUDIT, tenant.id, decision);
  if (!found.ok) return found;
  const { decision: record, outcome } = found.value;
  if (record === null || !(isAuditor || record.principal === principal)) return fail("endpoint.not_found");

  const covers = await findCovers(env.AUDIT, record, outcome);
  if (!covers.ok) return covers;
  const head = await headOf({ record, outcome }, covers.value, tenant, env);
  const body = streamOf(write(env.AUDIT, head, { record, outcome }, covers.value));
  return ok(new Response(body, { headers: { "Content-Type": "application/json" } }));
}

/** A decision, and what became of it. */
interface Records {
  readonly record: AuditRecord;
  readonly outcome: AuditRecord | null;
}

const RECORDS = "SELECT * FROM audit_records WHERE tenant = ? AND id IN (?, ?)";
const SET_ASIDE = "SELECT record FROM audit_set_aside WHERE tenant = ? AND record ->> '$.id' IN (?, ?)";

async function findRecords(
  db: D1Database,
  tenant: string,
  decision: string,
): Promise<Result<{ readonly decision: AuditRecord | null; readonly outcome: AuditRecord | null }, Reason>> {
  const ids = [decision, `${decision}.outcome`] as const;
  const rows = await queryLog<Row>(db, RECORDS, tenant, ...ids);
  if (!rows.ok) return rows;
  const aside = await queryLog<{ record: string }>(db, SET_ASIDE, tenant, ...ids);
  if (!aside.ok) return aside;
  const records: readonly AuditRecord[] = [
    ...rows.value.map(recordOf),
    ...aside.value.map(({ record }) => JSON.parse(record)),
  ];
  const [first, second] = ids.map((id) => records.find((record) => record.id === id) ?? null);
  return ok({ decision: first ?? null, outcome: second ?? null });
}

interface Covers {
  readonly decision: Cover | null;
  readonly outcome: Cover | null;
}

/** The outcome is mostly under the same checkpoint. */
async function findCovers(
  db: D1Database,
  record: AuditRecord,
  outcome: AuditRecord | null,
): Promise<Result<Covers, Reason>> {
  const decision = await findCover(db, record);
  if (!decision.ok || outcome === null)
    return decision.ok ? ok({ decision: decision.value, outcome: null }) : decision;
  const { value: cover } = decision;
  const isSame = cover !== null && outcome.chain === record.chain && outcome.seq <= cover.head.seq;
  const other = isSame ? decision : await findCover(db, outcome);
  return other.ok ? ok({ decision: cover, outcome: other.value }) : other;
}

/** All but the proofs. */
async function headOf(
  { record, outcome }: Records,
  covers: Covers,
  tenant: Tenant,
  env: Env,
): Promise<Omit<ReceiptDocument, "proof">> {
  const keys = await readSigningKeys(env.SIGNING_KEYS);
  if (keys === null) throw new Error("nothing is admitted without signing keys");
  for (const shown of outcome === null ? [record] : [record, outcome]) {
    const fault = await recordFault(shown, shown.prev_hash);
    if (fault !== null) throw new Error(`the audit log was changed: ${fault} of ${shown.id}`);
  }
  const isOpen = record.verdict === "admitted" && outcome === null;
  const isPending = isOpen || covers.decision === null || (outcome !== null && covers.outcome === null);
  return {
    receipt: await signLater(tenant.publicUrl, record, outcome, keys),
    decision: record,
    outcome,
    execution: executionIn(record, outcome),
    retry_after: isPending ? tenant.audit.checkpointInterval / 1000 : null,
  };
}

/** The text of the document, piece by piece: a proof is as long as its chain has grown between two checkpoints. */
async function* write(
  db: D1Database,
  head: Omit<ReceiptDocument, "proof">,
  { record, outcome }: Records,
  covers: Covers,
): AsyncGenerator<Uint8Array> {
  yield utf8(`${opened(head)},"proof":{"decision":`);
  yield* writeProof(db, record, covers.decision);
  yield utf8(`,"outcome":`);
  yield* writeProof(db, outcome, covers.outcome);
  yield utf8("}}");
}

async function* writeProof(
  db: D1Database,
  record: AuditRecord | null,
  cover: Cover | null,
): AsyncGenerator<Uint8Array> {
  if (record === null || cover === null) return yield utf8("null");
  yield utf8(`${opened(cover)},"digests":"`);
  for await (const digests of digestsBehind(db, record, cover.head.seq)) yield utf8(digests);
  yield utf8('"}');
}

/** An object's text, to which more members can be added. */
const opened = (object: object): string => JSON.stringify(object).slice(0, -1);
