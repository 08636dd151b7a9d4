/** Writes the document of a receipt while its proofs come from D1, and signs what they prove. */

import { utf8 } from "../../encoding.ts";
import { recordFault } from "../chain.ts";
import { type Cover, follow, type ProofFault, verifyCover } from "../proof.ts";
import { digestsBehind, type Uncovered } from "../prove.ts";
import { type AuditRecord, isForwarded } from "../record.ts";
import type { SigningKeys } from "../signing-keys.ts";
import { isOutcomeOf, signLater } from "./decision-receipt.ts";
import type { ReceiptDocument } from "./document.ts";
import { executionIn } from "./execution.ts";

/** What D1 has of a call. Nothing in it is verified. */
export interface Found {
  readonly decision: AuditRecord;
  readonly outcome: AuditRecord | null;
  readonly covers: Covers;
}

/** That of an outcome which is not there does not matter. */
export interface Covers {
  readonly decision: Cover | Uncovered;
  readonly outcome: Cover | Uncovered;
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
  const ended = yield* writeEnd(found, means);
  const last = await receiptOf(found, ended === null ? [decided] : [decided, ended], means);
  yield utf8(`},${JSON.stringify(last).slice(1)}`);
}

/** Whose checkpoint a record is under, why it is under none, or what does not fit. */
type Proven =
  | { readonly kind: "under"; readonly issuer: string }
  | { readonly kind: Uncovered }
  | { readonly kind: "unfit"; readonly fault: string };

const unfit = (fault: ProofFault | "other"): Proven => ({ kind: "unfit", fault });

/** @returns null where nothing is to be proven: a denial ends nothing */
async function* writeEnd(
  { decision, outcome, covers }: Found,
  means: Means,
): AsyncGenerator<Uint8Array, Proven | null> {
  if (outcome === null) {
    yield utf8("null");
    return isForwarded(decision.verdict) ? { kind: "not_yet" } : null;
  }
  const proven = yield* writeProof(outcome, covers.outcome, means);
  return isOutcomeOf(outcome, decision) ? proven : unfit("other");
}

async function* writeProof(
  record: AuditRecord,
  cover: Cover | Uncovered,
  { db, keys }: Means,
): AsyncGenerator<Uint8Array, Proven> {
  const isAltered = (await recordFault(record, record.prev_hash)) !== null;
  if (typeof cover === "string") {
    yield utf8("null");
    return isAltered ? unfit("record") : { kind: cover };
  }
  yield utf8(`${opened(cover)},"digests":"`);
  let [hash, isFirst] = [record.hash, true];
  for await (const digests of digestsBehind(db, record, cover.head.seq)) {
    hash = await follow(hash, digests);
    const text = digests.join(" ");
    // Within a JSON string, whatever the log has there.
    yield utf8(JSON.stringify(isFirst ? text : ` ${text}`).slice(1, -1));
    isFirst = false;
  }
  yield utf8('"}');
  if (isAltered) return unfit("record");
  if (hash !== cover.head.hash) return unfit("head");
  const claims = await verifyCover(cover, record.tenant, keys.verifying);
  return claims.ok ? { kind: "under", issuer: claims.value.iss } : unfit(claims.error);
}

/** Signs what is proven, and nothing else: what became of an admitted call is known only with its outcome. */
async function receiptOf(
  { decision, outcome }: Found,
  proven: readonly Proven[],
  { keys, retryAfter }: Means,
): Promise<Pick<ReceiptDocument, "receipt" | "retry_after">> {
  const kinds = new Set(proven.map(({ kind }) => kind));
  const issuers = new Set(proven.flatMap((one) => (one.kind === "under" ? [one.issuer] : [])));
  const [issuer, ...others] = issuers;
  const [fault = others.length > 0 ? "issuer" : null] = proven.flatMap((one) =>
    one.kind === "unfit" ? [one.fault] : [],
  );
  if (fault !== null) {
    const { tenant, id } = decision;
    console.error(JSON.stringify({ event: "receipt.unproven", tenant, decision: id, fault }));
  }
  if (fault !== null || kinds.has("too_far")) return { receipt: null, retry_after: null };
  if (kinds.has("not_yet") || issuer === undefined) return { receipt: null, retry_after: retryAfter };
  return { receipt: await signLater(issuer, decision, outcome, keys), retry_after: null };
}

/** An object's text, to which more members can be added. */
const opened = (object: object): string => JSON.stringify(object).slice(0, -1);
