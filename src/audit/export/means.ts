/** What an export is verified with. */

import type { JsonValue } from "../../json/strict-json.ts";
import { fail, ok, type Result } from "../../result.ts";
import { linkTo, verifyCheckpoint } from "../checkpoint.ts";
import { type PublishedKeys, readPublishedKeys } from "../published-keys.ts";
import { type ReceiptClaims, verifyReceipt } from "../receipts/decision-receipt.ts";

export interface Means extends PublishedKeys {
  /** Receipts that callers hold: each must be of a record in the export. */
  readonly receipts: Receipts;
  /** By number, `linkTo` checkpoints that others hold: each must be in the export. */
  readonly checkpoints: ReadonlyMap<number, string>;
}

export interface Receipts {
  readonly all: readonly ReceiptClaims[];
  /** By `placeKey`: what they say of the decision. */
  readonly byPlace: ReadonlyMap<string, readonly ReceiptClaims[]>;
  /** By id of the record: the hashes that they say of the outcome. */
  readonly outcomes: ReadonlyMap<string, readonly string[]>;
}

export const placeKey = ({ chain, seq }: { readonly chain: string; readonly seq: number }): string =>
  `${chain}.${seq}`;

/**
 * @param receipts compact JWS
 * @param checkpoints the same
 * @returns else what is wrong with them, in words
 */
export async function meansOf(
  published: JsonValue,
  receipts: readonly string[],
  checkpoints: readonly string[],
): Promise<Result<Means, string>> {
  const read = await readPublishedKeys(published);
  if (read === null) return fail("These are not the keys that Countersign publishes.");
  const { keys } = read;
  const held = new Map<number, string>();
  for (const jws of checkpoints) {
    const verified = await verifyCheckpoint(jws, keys);
    if (!verified.ok)
      return fail(`A checkpoint that is held is not one that these keys have signed (${verified.error}).`);
    const { number } = verified.value;
    const link = await linkTo(jws);
    if ((held.get(number) ?? link) !== link)
      return fail(`Two checkpoints that are held have the number ${number}: one was forged.`);
    held.set(number, link);
  }
  const claims: ReceiptClaims[] = [];
  for (const [i, text] of receipts.entries()) {
    const verified = await verifyReceipt(text, keys);
    if (!verified.ok)
      return fail(`Receipt ${i + 1} is not one that these keys have signed (${verified.error}).`);
    claims.push(verified.value);
  }
  return ok({ ...read, receipts: indexed(claims), checkpoints: held });
}

function indexed(all: readonly ReceiptClaims[]): Receipts {
  const outcomes = new Map<string, string[]>();
  for (const { jti, outcome = null } of all) {
    const id = `${jti}.outcome`;
    if (outcome !== null) outcomes.set(id, [...(outcomes.get(id) ?? []), outcome]);
  }
  return { all, byPlace: Map.groupBy(all, placeKey), outcomes };
}
