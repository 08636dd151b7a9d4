/** Verification of a receipt, with nothing but the published keys and what somebody has kept. */

import { digestOf } from "../../json/digest.ts";
import type { JsonObject, JsonValue } from "../../json/strict-json.ts";
import { fail, ok, type Result } from "../../result.ts";
import { recordFault } from "../chain.ts";
import { type PublishedKeys, readPublishedKeys } from "../published-keys.ts";
import { type AuditRecord, isForwarded } from "../record.ts";
import type { StatementKeys } from "../statement.ts";
import { checkProofs } from "./check-proofs.ts";
import { claimsIn, isOutcomeOf, type ReceiptClaims, verifyReceipt } from "./decision-receipt.ts";
import { type ReceiptDocument, readDocument } from "./document.ts";
import { checkExecution } from "./execution.ts";
import type { Fault, Whose } from "./faults.ts";
import { isOfIssuer, type Notes, type Report } from "./report.ts";

/** What else the one who checks has. */
export interface Held {
  /** A receipt of the same decision, such as the header of the answer had; null where it is not at hand. */
  readonly receipt: string | null;
  /** Checkpoints (compact JWS) that were kept, from wherever. */
  readonly checkpoints: readonly string[];
  /** The attestation of the call as it was sent; null where it is not at hand. */
  readonly attestation: JsonObject | null;
}

type Checked = Result<void, Fault>;
const DONE: Checked = ok(undefined);

/**
 * Checks a receipt: the JSON of the endpoint, or the value of the header alone.
 *
 * @param published the document at the tenant's well-known path, or a JWK Set (RFC 7517)
 */
export async function checkReceipt(text: string, published: JsonValue, held: Held): Promise<Report> {
  const notes: Notes = { claims: null, issuer: null, checked: [], unchecked: [] };
  const result = await check(text.trim(), published, held, notes);
  const { claims, checked, unchecked } = notes;
  return { claims, checked, unchecked, fault: result.ok ? null : result.error };
}

async function check(text: string, published: JsonValue, held: Held, notes: Notes): Promise<Checked> {
  const keys = await readPublishedKeys(published);
  if (keys === null) return fail("keys.malformed");
  notes.issuer = keys.issuer;
  if (!text.startsWith("{")) return checkAlone(text, keys, held, notes);
  const document = readDocument(text);
  return document === null ? fail("document.malformed") : checkDocument(document, keys, held, notes);
}

/** A receipt by itself: whatever is to be compared needs the records. */
async function checkAlone(
  jws: string,
  { keys }: PublishedKeys,
  { receipt, checkpoints, attestation }: Held,
  notes: Notes,
): Promise<Checked> {
  const read = await readReceipt("receipt", jws, keys, notes);
  if (!read.ok) return read;
  if (receipt !== null || checkpoints.length > 0 || attestation !== null) return fail("document.needed");
  notes.unchecked.push(
    "The record behind its hash, what became of the call, and whether any checkpoint covers it: the endpoint's JSON shows that.",
  );
  return DONE;
}

async function checkDocument(
  document: ReceiptDocument,
  { keys, jwks }: PublishedKeys,
  held: Held,
  notes: Notes,
): Promise<Checked> {
  const receipts = await readReceipts({ receipt: document.receipt, held: held.receipt }, keys, notes);
  if (!receipts.ok) return receipts;
  const records =
    (await checkDecision(document.decision, receipts.value, notes)) ??
    (await checkOutcome(document, receipts.value, notes));
  if (records !== null) return fail(records);
  const proofs = await checkProofs(document, { keys, held: held.checkpoints }, notes);
  if (!proofs.ok) return proofs;
  const vouched = checkVouched(document, receipts.value, notes);
  if (!vouched.ok) return vouched;
  const execution = await checkExecution(document, vouched.value, jwks, notes);
  return execution.ok ? checkAttestation(document.decision, held.attestation, notes) : execution;
}

/** What the receipts say that there are. */
type Receipts = Readonly<Partial<Record<Whose, ReceiptClaims>>>;

async function readReceipts(
  shown: Readonly<Record<Whose, string | null>>,
  keys: StatementKeys,
  notes: Notes,
): Promise<Result<Receipts, Fault>> {
  const receipts: Partial<Record<Whose, ReceiptClaims>> = {};
  for (const whose of ["receipt", "held"] as const) {
    const { [whose]: jws } = shown;
    if (jws === null) continue;
    const read = await readReceipt(whose, jws.trim(), keys, notes);
    if (!read.ok) return read;
    receipts[whose] = read.value;
  }
  return ok(receipts);
}

async function readReceipt(
  whose: Whose,
  jws: string,
  keys: StatementKeys,
  notes: Notes,
): Promise<Result<ReceiptClaims, Fault>> {
  const receipt = await verifyReceipt(jws, keys);
  if (!receipt.ok) return fail(`${whose}.${receipt.error}` as const);
  notes.claims ??= receipt.value;
  notes.checked.push(`${NAMES[whose]} is signed with a published key.`);
  return isOfIssuer(receipt.value.iss, notes) ? receipt : fail(`${whose}.issuer` as const);
}

const NAMES: Readonly<Record<Whose, string>> = {
  receipt: "The receipt",
  held: "The receipt that you hold",
};

async function checkDecision(decision: AuditRecord, receipts: Receipts, notes: Notes): Promise<Fault | null> {
  if ((await recordFault(decision, decision.prev_hash)) !== null) return "decision.altered";
  if (decision.kind !== "decision" || decision.id !== decision.decision) return "decision.kind";
  for (const whose of ["receipt", "held"] as const) {
    const { [whose]: claims } = receipts;
    if (claims === undefined) continue;
    const said = Object.entries(claimsIn(claims.iss, decision));
    if (said.some(([name, value]) => claims[name as keyof ReceiptClaims] !== value))
      return `${whose}.differs`;
    notes.checked.push(`${NAMES[whose]} names the record of the decision, and says the same.`);
  }
  return null;
}

async function checkOutcome(
  { decision, outcome, proof }: ReceiptDocument,
  receipts: Receipts,
  notes: Notes,
): Promise<Fault | null> {
  const named = namedIn(receipts);
  if (outcome === null) {
    if (named.length > 0) return "outcome.withheld";
    if (proof.outcome !== null) return "document.malformed";
    if (isForwarded(decision.verdict)) notes.unchecked.push("What became of the call: no outcome is shown.");
    return null;
  }
  if ((await recordFault(outcome, outcome.prev_hash)) !== null) return "outcome.altered";
  if (!isOutcomeOf(outcome, decision)) return "outcome.other";
  if (named.some((hash) => hash !== outcome.hash)) return "outcome.differs";
  if (named.length > 0)
    notes.checked.push(
      "The record of the outcome is the one that the receipt names, and is of this decision.",
    );
  return null;
}

/** The outcomes that receipts name. */
const namedIn = (receipts: Receipts): readonly string[] =>
  Object.values(receipts).flatMap(({ outcome }) => outcome ?? []);

/**
 * What no receipt names and no checkpoint covers, anybody may have made up.
 *
 * @returns who vouches for the rest
 */
function checkVouched(
  { decision, outcome, proof }: ReceiptDocument,
  receipts: Receipts,
  notes: Notes,
): Result<string, Fault> {
  const { issuer } = notes;
  const isTold = Object.keys(receipts).length > 0;
  if (issuer === null || (!isTold && proof.decision === null)) return fail("decision.unsigned");
  notes.claims ??= claimsIn(issuer, decision);
  if (!isTold)
    notes.unchecked.push(
      "What the caller was told: neither the JSON nor you have a receipt of the decision.",
    );
  const isNamed = namedIn(receipts).length > 0;
  return outcome !== null && !isNamed && proof.outcome === null ? fail("outcome.unsigned") : ok(issuer);
}

async function checkAttestation(
  { evidence }: AuditRecord,
  attestation: JsonObject | null,
  notes: Notes,
): Promise<Checked> {
  if (attestation === null) {
    if (evidence?.attestation)
      notes.unchecked.push("Which attestation the call had: give it to compare its digest.");
    return DONE;
  }
  if (!evidence?.attestation) return fail("attestation.none");
  if ((await digestOf(attestation)) !== evidence.attestation.digest) return fail("attestation.differs");
  notes.checked.push("The call had the attestation that you hold.");
  return DONE;
}
