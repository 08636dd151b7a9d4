/** What an export is verified with. */

import type { JsonValue } from "../../json/strict-json.ts";
import { fail, ok, type Result } from "../../result.ts";
import { linkTo, verifyCheckpoint } from "../checkpoint.ts";
import { type PublishedKeys, readPublishedKeys } from "../published-keys.ts";
import { type ReceiptClaims, verifyReceipt } from "../receipts/decision-receipt.ts";
import { placeKey } from "./spans.ts";

export interface Means extends PublishedKeys {
  /** Receipts that callers hold: each must be of a record in the export. */
  readonly receipts: Receipts;
  /** Checkpoints that others hold, by number: each must be in the export. */
  readonly checkpoints: ReadonlyMap<number, readonly Held[]>;
}

export interface Held {
  readonly tenant: string;
  /** See `contentOf`. */
  readonly content: string;
}

export interface Receipts {
  readonly all: readonly ReceiptClaims[];
  /** By `placeKey`: what they say of the decision. */
  readonly byPlace: ReadonlyMap<string, readonly ReceiptClaims[]>;
  /** By id of the record: the hashes that they say of the outcome. */
  readonly outcomes: ReadonlyMap<string, readonly string[]>;
}

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
  if (read === null)
    return fail("These are not the keys that Countersign publishes, nor any other JWK Set to verify with.");
  const { keys } = read;
  const held = new Map<number, Held[]>();
  for (const [i, jws] of checkpoints.entries()) {
    const verified = await verifyCheckpoint(jws, keys);
    if (!verified.ok)
      return fail(
        `Checkpoint ${i + 1} of those held is not one that these keys have signed (${verified.error}).`,
      );
    const { number, tenant } = verified.value;
    note(held, number, { tenant, content: await contentOf(jws) });
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

/** Digest of what a JWS says, without its signature: from one ECDSA signature anybody can make a second one. */
export const contentOf = (jws: string): Promise<string> => linkTo(jws.slice(0, jws.lastIndexOf(".")));

function indexed(all: readonly ReceiptClaims[]): Receipts {
  const [byPlace, outcomes] = [new Map<string, ReceiptClaims[]>(), new Map<string, string[]>()];
  for (const receipt of all) {
    const { jti, outcome = null } = receipt;
    note(byPlace, placeKey(receipt), receipt);
    if (outcome !== null) note(outcomes, `${jti}.outcome`, outcome);
  }
  return { all, byPlace, outcomes };
}

function note<K, T>(lists: Map<K, T[]>, key: K, item: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}
