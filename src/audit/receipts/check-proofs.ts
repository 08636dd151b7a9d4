/** Whether the records of a receipt are under checkpoints, and whether these are those that somebody holds. */

import { fail, ok, type Result } from "../../result.ts";
import { type CheckpointClaims, linkTo, verifyCheckpoint } from "../checkpoint.ts";
import { verifyProof } from "../proof.ts";
import type { StatementKeys } from "../statement.ts";
import type { ReceiptDocument } from "./document.ts";
import type { Fault } from "./faults.ts";
import { isOfIssuer, type Notes } from "./report.ts";

interface Means {
  readonly keys: StatementKeys;
  /** Checkpoints (compact JWS) that were kept. */
  readonly held: readonly string[];
}

export async function checkProofs(
  document: ReceiptDocument,
  { keys, held }: Means,
  notes: Notes,
): Promise<Result<void, Fault>> {
  const known = new Map<string, CheckpointClaims>();
  for (const jws of held) {
    const checkpoint = await verifyCheckpoint(jws, keys);
    if (!checkpoint.ok) return fail("checkpoint.unsigned");
    if (!isOfIssuer(checkpoint.value.iss, notes)) return fail("checkpoint.issuer");
    known.set(jws, checkpoint.value);
  }
  let compared = 0;
  for (const part of ["decision", "outcome"] as const) {
    const { [part]: record, proof, retry_after: wait } = document;
    const { [part]: shown } = proof;
    if (record === null) continue;
    if (shown === null) {
      const later = wait === null ? "" : " Ask for the receipt again later.";
      notes.unchecked.push(`Whether a checkpoint covers the ${part}: no proof is shown.${later}`);
      continue;
    }
    const proven = await verifyProof(record, shown, keys);
    if (!proven.ok) return fail(`${part}.proof.${proven.error}` as const);
    const { iss, number, time, faults } = proven.value;
    if (!isOfIssuer(iss, notes)) return fail(`${part}.proof.issuer` as const);
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
  return held.length > 0 && compared === 0 ? fail("checkpoint.not_comparable") : ok(undefined);
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
