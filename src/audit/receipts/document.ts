/** What `GET <tenant>/receipts/<decision>` answers, and its verification with nothing but the published keys. */

import { digestOf } from "../../json/digest.ts";
import { isObject, type JsonObject, type JsonValue, parseStrictJson } from "../../json/strict-json.ts";
import { fail, ok, type Result } from "../../result.ts";
import { recordFault } from "../chain.ts";
import { type CheckpointClaims, linkTo, verifyCheckpoint } from "../checkpoint.ts";
import { isProof, type Proof, verifyProof } from "../proof.ts";
import { readPublishedKeys } from "../published-keys.ts";
import type { AuditRecord } from "../record.ts";
import { type Check, isCount, isListOf, isNullOr, isRecord, isText, memberFault } from "../shapes.ts";
import type { StatementKeys } from "../statement.ts";
import { claimsIn, type ReceiptClaims, verifyReceipt } from "./decision-receipt.ts";
import { checkExecution } from "./execution.ts";
import type { Fault } from "./faults.ts";

export interface ReceiptDocument {
  /** A compact JWS; see `ReceiptClaims`. */
  readonly receipt: string;
  readonly decision: AuditRecord;
  /** Null for a denial, and while the call runs. */
  readonly outcome: AuditRecord | null;
  /** Decision record and execution receipt of an attested call (SEP-2828), as far as there are any: those that the two records hold. */
  readonly execution: readonly string[];
  /** Each is null until a checkpoint covers its record. */
  readonly proof: { readonly decision: Proof | null; readonly outcome: Proof | null };
  /** Seconds until what is null now may be there; null where nothing more will come. */
  readonly retry_after: number | null;
}

/** What else the one who checks has. */
export interface Held {
  /** Checkpoints (compact JWS) that were kept, from wherever. */
  readonly checkpoints: readonly string[];
  /** The attestation of the call as it was sent; null where it is not at hand. */
  readonly attestation: JsonObject | null;
}

/** What was found, in words. */
export interface Report {
  readonly claims: ReceiptClaims | null;
  readonly checked: readonly string[];
  /** What nothing here can tell. */
  readonly unchecked: readonly string[];
  /** The first one; what comes after it was not looked at. */
  readonly fault: Fault | null;
}

/** What is noted on the way. */
interface Notes {
  claims: ReceiptClaims | null;
  readonly checked: string[];
  readonly unchecked: string[];
}

/**
 * Checks a receipt: the JSON of the endpoint, or the value of the header alone.
 *
 * @param published the document at the tenant's well-known path, or a JWK Set (RFC 7517)
 */
export async function checkReceipt(text: string, published: JsonValue, held: Held): Promise<Report> {
  const notes: Notes = { claims: null, checked: [], unchecked: [] };
  const checked = await check(text.trim(), published, held, notes);
  return { ...notes, fault: checked.ok ? null : checked.error };
}

type Checked = Result<void, Fault>;
const DONE: Checked = ok(undefined);

async function check(text: string, published: JsonValue, held: Held, notes: Notes): Promise<Checked> {
  const means = await readPublishedKeys(published);
  if (means === null) return fail("keys.malformed");
  const { keys, issuer, jwks } = means;
  const isBare = !text.startsWith("{");
  const document = isBare ? null : readDocument(text);
  if (!isBare && document === null) return fail("document.malformed");

  const receipt = await verifyReceipt(document?.receipt ?? text, keys);
  if (!receipt.ok) return fail(`receipt.${receipt.error}` as const);
  const claims = receipt.value;
  notes.claims = claims;
  notes.checked.push("The receipt is signed with a published key.");
  if (issuer === null) notes.unchecked.push(`That these are the keys of ${claims.iss}.`);
  else if (issuer !== claims.iss) return fail("receipt.issuer");
  if (document === null) return bare(held, notes);

  const { decision } = document;
  const records =
    (await checkDecision(decision, claims, notes)) ?? (await checkOutcome(document, claims, notes));
  if (records !== null) return fail(records);
  const proofs = await checkProofs(document, claims, { keys, held: held.checkpoints }, notes);
  if (!proofs.ok) return proofs;
  const execution = await checkExecution(document, claims.iss, jwks, notes);
  return execution.ok ? checkAttestation(decision, held.attestation, notes) : execution;
}

const DOCUMENT: Readonly<Record<keyof ReceiptDocument, Check>> = {
  receipt: isText,
  decision: isRecord,
  outcome: isNullOr(isRecord),
  execution: isListOf(isText),
  proof: (proof) =>
    isObject(proof) &&
    memberFault(proof, { decision: isNullOr(isProof), outcome: isNullOr(isProof) }) === null,
  retry_after: isNullOr(isCount),
};

function readDocument(text: string): ReceiptDocument | null {
  const json = parseStrictJson(text);
  const isShaped = json.ok && isObject(json.value) && memberFault(json.value, DOCUMENT) === null;
  return isShaped ? (json.value as unknown as ReceiptDocument) : null;
}

/** A receipt by itself: whatever is to be compared needs the records. */
function bare({ checkpoints, attestation }: Held, notes: Notes): Checked {
  if (checkpoints.length > 0 || attestation !== null) return fail("document.needed");
  notes.unchecked.push(
    "The record behind its hash, what became of the call, and whether any checkpoint covers it: the endpoint's JSON shows that.",
  );
  return DONE;
}

async function checkDecision(
  decision: AuditRecord,
  claims: ReceiptClaims,
  notes: Notes,
): Promise<Fault | null> {
  if ((await recordFault(decision, decision.prev_hash)) !== null) return "decision.altered";
  if (decision.kind !== "decision" || decision.id !== decision.decision) return "decision.kind";
  const said = Object.entries(claimsIn(claims.iss, decision));
  if (said.some(([name, value]) => claims[name as keyof ReceiptClaims] !== value)) return "decision.differs";
  notes.checked.push("The record of the decision is the one that the receipt names, and says the same.");
  return null;
}

/** An outcome must be named by the receipt, or be under a checkpoint: else nobody has signed that it happened. */
async function checkOutcome(
  { decision, outcome, proof }: ReceiptDocument,
  { outcome: named }: ReceiptClaims,
  notes: Notes,
): Promise<Fault | null> {
  if (outcome === null) {
    if (typeof named === "string") return "outcome.withheld";
    if (proof.outcome !== null) return "document.malformed";
    if (decision.verdict === "admitted")
      notes.unchecked.push("What became of the call: no outcome is shown.");
    return null;
  }
  if ((await recordFault(outcome, outcome.prev_hash)) !== null) return "outcome.altered";
  if (!isOutcomeOf(outcome, decision)) return "outcome.other";
  if (typeof named === "string" && named !== outcome.hash) return "outcome.differs";
  if (typeof named !== "string" && proof.outcome === null) return "outcome.unsigned";
  if (named === outcome.hash)
    notes.checked.push(
      "The record of the outcome is the one that the receipt names, and is of this decision.",
    );
  return null;
}

const isOutcomeOf = (outcome: AuditRecord, decision: AuditRecord): boolean =>
  decision.verdict === "admitted" &&
  outcome.kind === "outcome" &&
  outcome.id === `${decision.id}.outcome` &&
  outcome.seq > decision.seq &&
  (["decision", "tenant", "chain", "principal", "mandate", "input_hash"] as const).every(
    (name) => outcome[name] === decision[name],
  );

interface ProofMeans {
  readonly keys: StatementKeys;
  readonly held: readonly string[];
}

async function checkProofs(
  document: ReceiptDocument,
  { iss }: ReceiptClaims,
  { keys, held }: ProofMeans,
  notes: Notes,
): Promise<Checked> {
  const known = new Map<string, CheckpointClaims>();
  for (const jws of held) {
    const checkpoint = await verifyCheckpoint(jws, keys);
    if (!checkpoint.ok) return fail("checkpoint.unsigned");
    if (checkpoint.value.iss !== iss) return fail("checkpoint.issuer");
    known.set(jws, checkpoint.value);
  }
  let compared = 0;
  for (const part of ["decision", "outcome"] as const) {
    const { [part]: record, proof } = document;
    const { [part]: shown } = proof;
    if (record === null) continue;
    if (shown === null) {
      notes.unchecked.push(
        `Whether a checkpoint covers the ${part}: there is none yet. Ask for the receipt again later.`,
      );
      continue;
    }
    const proven = await verifyProof(record, shown, keys);
    if (!proven.ok) return fail(`${part}.proof.${proven.error}` as const);
    const { number, time, faults } = proven.value;
    if (proven.value.iss !== iss) return fail(`${part}.proof.issuer` as const);
    notes.checked.push(`The ${part} is under checkpoint ${number}, of ${new Date(time).toISOString()}.`);
    const fault = faults.find(({ chain }) => chain === record.chain)?.fault;
    if (fault !== undefined)
      notes.unchecked.push(`What came later: checkpoint ${number} says that the chain is ${fault}.`);
    const same = await isAmong(shown.checkpoint, number, known);
    if (same === false) return fail("checkpoint.differs");
    if (same === null) continue;
    compared += 1;
    notes.checked.push(`Checkpoint ${number} is the one that you hold.`);
  }
  return held.length > 0 && compared === 0 ? fail("checkpoint.not_comparable") : DONE;
}

/** Whether a checkpoint is one of those that are held, or the one before one of them; null where these do not tell. */
async function isAmong(
  jws: string,
  number: number,
  held: ReadonlyMap<string, CheckpointClaims>,
): Promise<boolean | null> {
  let told: boolean | null = null;
  for (const [other, claims] of held) {
    if (claims.number === number) told = other === jws;
    else if (claims.number === number + 1) told = claims.prev === (await linkTo(jws));
    if (told === false) return false;
  }
  return told;
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
