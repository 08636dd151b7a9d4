/** Checkpoints read back from D1, where others may have written: nothing is taken from there that our own keys have not signed. */

import { parseStrictJson } from "../json/strict-json.ts";
import { type Checkpoint, type CheckpointClaims, type Head, rootOf, verifyCheckpoint } from "./checkpoint.ts";
import { rowsOf } from "./query.ts";
import { isHead, isListOf } from "./shapes.ts";
import type { StatementKeys } from "./statement.ts";

/** A checkpoint, with what it says. */
export interface Made extends Checkpoint {
  readonly claims: CheckpointClaims;
}

/** Where to look: at the checkpoints of a tenant (its id), with keys that signed them. */
export interface Store {
  readonly db: D1Database;
  readonly tenant: string;
  readonly keys: StatementKeys;
}

const LATEST = "SELECT number, jws, heads FROM checkpoints WHERE tenant = ? ORDER BY number DESC LIMIT 1";

const LATEST_NUMBER = "SELECT MAX(number) AS n FROM checkpoints WHERE tenant = ?";

const LATEST_BEFORE = `SELECT number, jws, heads FROM checkpoints
  WHERE tenant = ? AND number >= ? AND time < ? ORDER BY number DESC LIMIT 1`;

type Row = { readonly number: number; readonly jws: string; readonly heads: string | null };

/** Null where there is none. Throws where D1 does not answer, or has another one there. */
export const latestStored = async (store: Store): Promise<Made | null> =>
  readStored(store, await rowsOf<Row>(store.db, LATEST, store.tenant));

/** The highest number of a checkpoint of a tenant; 0 where there is none. Throws where D1 does not answer. */
export async function latestNumber(db: D1Database, tenant: string): Promise<number> {
  const [row] = await rowsOf<{ n: number | null }>(db, LATEST_NUMBER, tenant);
  return row?.n ?? 0;
}

/**
 * The latest checkpoint that is older than a time. Null and throws as `latestStored`.
 *
 * @param from lowest number of those to be looked at; their heads are kept
 * @param before milliseconds
 */
export async function latestBefore(store: Store, from: number, before: number): Promise<Made | null> {
  const found = await readStored(
    store,
    await rowsOf<Row>(store.db, LATEST_BEFORE, store.tenant, from, before),
  );
  if (found !== null && found.claims.time >= before) throw notOurs(found.number);
  return found;
}

async function readStored({ tenant, keys }: Store, [row]: readonly Row[]): Promise<Made | null> {
  if (row === undefined) return null;
  const { number, jws } = row;
  const verified = await verifyCheckpoint(jws, keys);
  const heads = parseStrictJson(row.heads ?? "null");
  if (!verified.ok || !heads.ok || !isListOf(isHead)(heads.value)) throw notOurs(number);
  const claims = verified.value;
  const made = { number, jws, heads: heads.value as unknown as readonly Head[], claims };
  const isOurs =
    claims.tenant === tenant && claims.number === number && claims.root === (await rootOf(made.heads));
  if (!isOurs) throw notOurs(number);
  return made;
}

const notOurs = (number: number): Error =>
  new Error(`checkpoint ${number} in D1 is not one that these keys have signed`);
