/** Proof that a record is under a signed checkpoint, which shows of no other record more than its digest. */

import { fromBase64url, toBase64url } from "../encoding.ts";
import { isObject } from "../json/strict-json.ts";
import { fail, ok, type Result } from "../result.ts";
import { recordFault } from "./chain.ts";
import { type CheckpointClaims, type Head, leafOf, verifyCheckpoint } from "./checkpoint.ts";
import { rootFromPath } from "./merkle.ts";
import { type AuditRecord, linkHash } from "./record.ts";
import { type Check, isCount, isHash, isHead, isListOf, isText, memberFault } from "./shapes.ts";
import type { StatementKeys } from "./statement.ts";

/** The way from a record to a checkpoint. */
export interface Proof {
  /**
   * `digest` of every record after it in its chain, up to the head, in order and parted by spaces. One text, because a busy
   * chain has more of them between two checkpoints than a JSON text may have values here.
   */
  readonly digests: string;
  /** Of the record's chain, when the checkpoint was made. */
  readonly head: Head;
  /** The place of the head among so many, in the Merkle tree of the checkpoint (RFC 9162 section 2.1). */
  readonly index: number;
  readonly size: number;
  /** base64url, lowest first. */
  readonly path: readonly string[];
  /** A compact JWS; see `CheckpointClaims`. */
  readonly checkpoint: string;
}

export type ProofFault =
  /** The record is not what its own hashes are of. */
  | "record"
  | "chain"
  /** There are more digests, or fewer, than records between this one and the head. */
  | "length"
  /** The digests do not lead to the head. */
  | "head"
  /** The checkpoint is not signed with a published key, or is no checkpoint. */
  | "checkpoint"
  | "tenant"
  /** The head is not where the proof says it is in the tree of the checkpoint. */
  | "path";

/** A proof without its digests, which can be very many. */
export type Cover = Omit<Proof, "digests">;

/** @returns what the checkpoint says */
export async function verifyProof(
  record: AuditRecord,
  { digests, ...cover }: Proof,
  keys: StatementKeys,
): Promise<Result<CheckpointClaims, ProofFault>> {
  if ((await recordFault(record, record.prev_hash)) !== null) return fail("record");
  const { head } = cover;
  if (head.chain !== record.chain) return fail("chain");
  const following = digestsIn(digests);
  if (head.seq !== record.seq + following.length) return fail("length");
  if ((await follow(record.hash, following)) !== head.hash) return fail("head");
  return verifyCover(cover, record.tenant, keys);
}

/** The hash that the digests of the records behind one lead to from its own. */
export async function follow(hash: string, digests: readonly string[]): Promise<string> {
  let reached = hash;
  for (const digest of digests) reached = await linkHash(reached, digest);
  return reached;
}

/**
 * Verifies that a head is under a checkpoint of this tenant.
 *
 * @returns what the checkpoint says
 */
export async function verifyCover(
  { head, index, size, path, checkpoint }: Cover,
  tenant: string,
  keys: StatementKeys,
): Promise<Result<CheckpointClaims, "checkpoint" | "tenant" | "path">> {
  const claims = await verifyCheckpoint(checkpoint, keys);
  if (!claims.ok) return fail("checkpoint");
  if (claims.value.tenant !== tenant) return fail("tenant");
  if (size !== claims.value.size) return fail("path");
  const steps = path.map((step) => fromBase64url(step) ?? new Uint8Array());
  const root = await rootFromPath(leafOf(head), index, size, steps);
  return root !== null && toBase64url(root) === claims.value.root ? ok(claims.value) : fail("path");
}

// One expression for all of it would take a stack as deep as there are digests.
const isDigests: Check = (value) => typeof value === "string" && digestsIn(value).every(isHash);

const digestsIn = (text: string): readonly string[] => (text === "" ? [] : text.split(" "));

const PROOF: Readonly<Record<keyof Proof, Check>> = {
  digests: isDigests,
  head: isHead,
  index: isCount,
  size: isCount,
  path: isListOf(isHash),
  checkpoint: isText,
};

/** Whether a value has the form of a proof. Nothing in it is verified. */
export const isProof: Check = (value) => isObject(value) && memberFault(value, PROOF) === null;
