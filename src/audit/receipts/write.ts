/** Writes the document of a receipt while its proofs come from D1, and signs what they prove. */

import { utf8 } from "../../encoding.ts";
import { fail, ok, type Result } from "../../result.ts";
import { recordFault } from "../chain.ts";
import { type Cover, follow, type ProofFault, verifyCover } from "../proof.ts";
import { digestsBehind, type Uncovered } from "../prove.ts";
import type { AuditRecord } from "../record.ts";
import type { SigningKeys } from "../signing-keys.ts";
import { isOutcomeOf, signLater } from "./decision-receipt.ts";
import type { ReceiptDocument } from "./document.ts";
import { executionIn } from "./execution.ts";

/** What D1 has of a call. Nothing in it is verified. */
export interface Found {
  readonly decision: AuditRecord;
  readonly outcome: AuditRecord | null;
  /** Where there is no outcome, what it says of that does not matter. */
  readonly covers: { readonly decision: Cover | Uncovered; readonly outcome: Cover | Uncovered };
}

interface Means {
  readonly db: D1Database;
  readonly keys: SigningKeys;
  /** Seconds until what is not covered yet may be. */
  readonly retryAfter: number;
}

/**
 * The text of a `ReceiptDocument`, piece by piece: a proof is as long as its chain has grown between two checkpoints. The receipt comes
 * last, when all of the proofs has been seen.
 *
 * @throws where D1 stops answering: the text then breaks off
 */
export async function* writeDocument(found: Found, means: Means): AsyncGenerator<Uint8Array> {
  const { decision, outcome, covers } = found;
  const records = { decision, outcome, execution: executionIn(decision, outcome) };
  yield utf8(`${opened(records)},"proof":{"decision":`);
  const decided = yield* writeProof(decision, covers.decision, means);
  yield utf8(`,"outcome":`);
  const ended = outcome === null ? null : yield* writeProof(outcome, covers.outcome, means);
  if (outcome === null) yield utf8("null");
  const last = await receiptOf(found, decided, ended, means);
  yield utf8(`},${JSON.stringify(last).slice(1)}`);
}

/** The issuer of the checkpoint that a record is under; why it is under none; or what does not fit. */
type Proven = Result<{ readonly issuer: string } | Uncovered, ProofFault>;

async function* writeProof(
  record: AuditRecord,
  cover: Cover | Uncovered,
  { db, keys }: Means,
): AsyncGenerator<Uint8Array, Proven> {
  const altered = (await recordFault(record, record.prev_hash)) !== null;
  if (typeof cover === "string") {
    yield utf8("null");
    return altered ? fail("record") : ok(cover);
  }
  yield utf8(`${opened(cover)},"digests":"`);
  let [hash, isFirst] = [record.hash, true];
  for await (const digests of digestsBehind(db, record, cover.head.seq)) {
    hash = await follow(hash, digests);
    const text = `${isFirst ? "" : " "}${digests.join(" ")}`;
    isFirst = false;
    // As a part of a JSON string, whatever stands in the log.
    yield utf8(JSON.stringify(text).slice(1, -1));
  }
  yield utf8('"}');
  if (altered) return fail("record");
  if (cover.head.chain !== record.chain) return fail("chain");
  if (hash !== cover.head.hash) return fail("head");
  const claims = await verifyCover(cover, record.tenant, keys.verifying);
  return claims.ok ? ok({ issuer: claims.value.iss }) : claims;
}

/** Signs what is proven, and nothing else: what became of an admitted call is known only with its outcome. */
async function receiptOf(
  { decision, outcome }: Found,
  decided: Proven,
  ended: Proven | null,
  { keys, retryAfter }: Means,
): Promise<Pick<ReceiptDocument, "receipt" | "retry_after">> {
  const unsigned = (record: AuditRecord, fault: ProofFault | "other" | "issuer") => {
    const { tenant, id } = record;
    console.error(JSON.stringify({ event: "log.altered", tenant, record: id, fault }));
    return { receipt: null, retry_after: null };
  };
  if (!decided.ok) return unsigned(decision, decided.error);
  if (outcome !== null && !isOutcomeOf(outcome, decision)) return unsigned(outcome, "other");
  if (outcome !== null && ended?.ok === false) return unsigned(outcome, ended.error);
  const proven = [decided.value, ended?.ok ? ended.value : null];
}

/** An object's text, to which more members can be added. */
const opened = (object: object): string => JSON.stringify(object).slice(0, -1);
