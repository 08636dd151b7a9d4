/** The Merkle tree of RFC 9162 section 2.1, over SHA-256. */

import { sha256 } from "../encoding.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The root of a list of entries (section 2.1.1); of none it is the hash of nothing. */
export async function merkleRoot(leaves: readonly Uint8Array[]): Promise<Bytes> {
  if (leaves.length === 0) return sha256(new Uint8Array());
  let level = await Promise.all(leaves.map(hashLeaf));
  while (level.length > 1) level = await levelAbove(level);
  return level[0] as Bytes;
}

/**
 * The hashes that lead from an entry to the root, lowest first (section 2.1.3.1).
 *
 * @param index below the number of leaves
 */
export async function merklePath(leaves: readonly Uint8Array[], index: number): Promise<Uint8Array[]> {
  const path: Uint8Array[] = [];
  let level = await Promise.all(leaves.map(hashLeaf));
  for (let at = index; level.length > 1; at >>>= 1) {
    // The last node of a level has no neighbour where their number is odd.
    const neighbour = level[at ^ 1];
    if (neighbour !== undefined) path.push(neighbour);
    level = await levelAbove(level);
  }
  return path;
}

/**
 * The root that a path leads to from an entry, to be compared with a root that is known (section 2.1.3.2).
 *
 * @param index of the entry, and `size` of the tree
 * @returns null where no tree of this size has such a path at this place
 */
export async function rootFromPath(
  leaf: Uint8Array,
  index: number,
  size: number,
  path: readonly Uint8Array[],
): Promise<Uint8Array | null> {
  const isPlace = Number.isSafeInteger(index) && Number.isSafeInteger(size) && index >= 0 && index < size;
  if (!isPlace) return null;
  const hashes = path.values();
  let hash = await hashLeaf(leaf);
  // Division, because shifts cut a number to 32 bits.
  for (let [at, last] = [index, size - 1]; last > 0; at = Math.floor(at / 2), last = Math.floor(last / 2)) {
    const isRight = at % 2 === 1;
    if (!isRight && at === last) continue;
    const { value: neighbour } = hashes.next();
    if (neighbour?.length !== hash.length) return null;
    hash = await (isRight ? hashNode(neighbour, hash) : hashNode(hash, neighbour));
  }
  return hashes.next().done ? hash : null;
}

/** Two by two; a last one without a neighbour goes up as it is. */
const levelAbove = (level: readonly Bytes[]): Promise<Bytes[]> =>
  Promise.all(
    level.flatMap((left, i) => {
      if (i % 2 === 1) return [];
      const right = level[i + 1];
      return [right === undefined ? left : hashNode(left, right)];
    }),
  );

// What is hashed begins differently for entries and nodes, so that none can pass for the other.
const hashLeaf = (leaf: Uint8Array): Promise<Bytes> => hashParts(0, leaf);
const hashNode = (left: Uint8Array, right: Uint8Array): Promise<Bytes> => hashParts(1, left, right);

function hashParts(prefix: number, ...parts: readonly Uint8Array[]): Promise<Bytes> {
  const bytes = new Uint8Array(1 + parts.reduce((sum, { length }) => sum + length, 0));
  bytes[0] = prefix;
  let at = 1;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return sha256(bytes);
}
