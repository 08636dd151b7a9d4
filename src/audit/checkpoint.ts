/**
 * A checkpoint: at one time, the heads of all chains of a tenant, as the root of a Merkle tree, signed, and tied to the checkpoint
 * before. Whoever holds one can tell whether a record was there then, and whether anything up to there has been changed since.
 */

import { sha256, toBase64url, utf8 } from "../encoding.ts";
import { decodeJws, type Jws } from "../evidence/jws.ts";
import { canonical } from "../json/canonical.ts";
import { isObject, type JsonObject } from "../json/strict-json.ts";
import { MAX_CHECKPOINT_BYTES } from "../limits.ts";
import { fail, ok, type Result } from "../result.ts";
import { merkleRoot } from "./merkle.ts";
import { type Check, isCount, isHash, isListOf, isNullOr, isOneOf, isText, memberFault } from "./shapes.ts";
import { type StatementFault, type StatementKeys, verifyStatement } from "./statement.ts";

/** `typ` of its header. */
export const CHECKPOINT_TYPE = "countersign-checkpoint+jwt";

/** Where a chain ends, and where what is kept of it begins. One that has no record yet: 0, `GENESIS`, 1, `GENESIS`. */
export interface Head {
  readonly chain: string;
  /** Of the last record, and its `hash`. */
  readonly seq: number;
  readonly hash: string;
  /** `seq` of the first record that is still kept, and its `prev_hash`: from there on the chain can be followed. */
  readonly start: number;
  readonly start_prev: string;
}

/**
 * `unreachable`: its ledger did not answer. `lost`: its ledger has another chain instead. `forked`: its ledger does not go on from
 * the head that was last known. In all cases the head is the one that was last known; one that is lost or forked stays so.
 */
export type ChainFault = "unreachable" | "lost" | "forked";

export interface Faulty {
  readonly chain: string;
  readonly fault: ChainFault;
}

export interface CheckpointClaims {
  /** The tenant's public URL. */
  readonly iss: string;
  /** Its id. */
  readonly tenant: string;
  /** 1 for the first checkpoint of a tenant, then without gaps. */
  readonly number: number;
  /** Milliseconds. */
  readonly time: number;
  /** base64url, of the tree (RFC 9162 section 2.1.1) over `leafOf` of every head, sorted by chain. */
  readonly root: string;
  /** How many heads these are. */
  readonly size: number;
  /** `linkTo` the checkpoint before; null for the first one. */
  readonly prev: string | null;
  /** Sorted by chain. */
  readonly faults: readonly Faulty[];
  /** The lowest number of a checkpoint whose heads are still kept. */
  readonly retained: number;
}

/** A signed checkpoint and the heads that its root is over, sorted by chain. */
export interface Checkpoint {
  readonly number: number;
  readonly jws: string;
  readonly heads: readonly Head[];
}

export type CheckpointFault = "malformed" | StatementFault;

/** What the tree is over. The domain separates it from every other use of SHA-256. */
export const leafOf = (head: Head): Uint8Array<ArrayBuffer> =>
  utf8(`countersign-head-v1\n${canonical(head as unknown as JsonObject)}`);

/**
 * The root over heads, as `root` has it.
 *
 * @param heads sorted by chain
 */
export const rootOf = async (heads: readonly Head[]): Promise<string> =>
  toBase64url(await merkleRoot(heads.map(leafOf)));

/** The order of heads and faults: by the code units of the chain, so that everybody sorts them alike. */
export const byChain = (a: { readonly chain: string }, b: { readonly chain: string }): number =>
  a.chain < b.chain ? -1 : a.chain > b.chain ? 1 : 0;

/** base64url SHA-256 of a checkpoint (compact JWS): what the one after it has as `prev`. */
export const linkTo = async (jws: string): Promise<string> => toBase64url(await sha256(utf8(jws)));

/** Reads a checkpoint (compact JWS, RFC 7515) without verifying its signature; for one of our own. */
export function readCheckpoint(jws: string): Result<CheckpointClaims, "malformed"> {
  const read = decode(jws);
  return read.ok ? ok(read.value.claims) : read;
}

/**
 * Verifies type, key, algorithm and signature of a checkpoint, and reads it. Whether root and `prev` are those of the heads and the
 * checkpoint before is for whoever has these to compare.
 */
export async function verifyCheckpoint(
  jws: string,
  keys: StatementKeys,
): Promise<Result<CheckpointClaims, CheckpointFault>> {
  const read = decode(jws);
  if (!read.ok) return read;
  const verified = await verifyStatement(read.value.jws, CHECKPOINT_TYPE, keys);
  return verified.ok ? ok(read.value.claims) : verified;
}

function decode(text: string): Result<{ jws: Jws; claims: CheckpointClaims }, "malformed"> {
  const jws = decodeJws(text, MAX_CHECKPOINT_BYTES);
  const claims = jws.ok ? readClaims(jws.value.payload) : null;
  return jws.ok && claims !== null ? ok({ jws: jws.value, claims }) : fail("malformed");
}

function readClaims(payload: JsonObject): CheckpointClaims | null {
  if (memberFault(payload, CLAIMS) !== null) return null;
  const claims = payload as unknown as CheckpointClaims;
  const { number, prev, retained } = claims;
  return retained <= number && (prev === null) === (number === 1) ? claims : null;
}

const isNumber: Check = (value) => isCount(value) && value !== 0;

const isFaulty: Check = (value) =>
  isObject(value) &&
  memberFault(value, { chain: isText, fault: isOneOf("unreachable", "lost", "forked") }) === null;

const CLAIMS: Readonly<Record<keyof CheckpointClaims, Check>> = {
  iss: isText,
  tenant: isText,
  number: isNumber,
  time: isCount,
  root: isHash,
  size: isCount,
  prev: isNullOr(isHash),
  faults: isListOf(isFaulty),
  retained: isNumber,
};
