/** What the check of a receipt finds, in words. */

import type { ReceiptClaims } from "./decision-receipt.ts";
import type { Fault } from "./faults.ts";

export interface Report {
  /** What was decided, as soon as anybody has signed it. */
  readonly claims: ReceiptClaims | null;
  readonly checked: readonly string[];
  /** What nothing here can tell. */
  readonly unchecked: readonly string[];
  /** The first one; what comes after it was not looked at. */
  readonly fault: Fault | null;
}

/** What is noted on the way. */
export interface Notes {
  claims: ReceiptClaims | null;
  /** Whose all of it must be, a tenant's public URL; null until something says. */
  issuer: string | null;
  readonly checked: string[];
  readonly unchecked: string[];
}

/** Whether what is signed is of the same endpoint as all before it. Where the keys do not say whose they are, the first one counts. */
export function isOfIssuer(iss: string, notes: Notes): boolean {
  if (notes.issuer === null) notes.unchecked.push(`That these are the keys of ${iss}.`);
  notes.issuer ??= iss;
  return notes.issuer === iss;
}
