import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { merklePath, merkleRoot, rootFromPath } from "../../src/audit/merkle.ts";
import { fromHex, sha256, toHex, utf8 } from "../../src/encoding.ts";

/** Entries of the known answers that Certificate Transparency implementations test with. */
const ENTRIES = [
  "",
  "00",
  "10",
  "2021",
  "3031",
  "40414243",
  "5051525354555657",
  "606162636465666768696a6b6c6d6e6f",
].map((hex) => fromHex(hex, hex.length / 2) ?? new Uint8Array());

/** The roots of the trees over the first 0 to 8 of them. */
const ROOTS = [
  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

/** RFC 9162 section 2.1.1, as it is written there. */
async function model(leaves: readonly Uint8Array[]): Promise<Uint8Array<ArrayBuffer>> {
  if (leaves.length === 0) return sha256(new Uint8Array());
  if (leaves.length === 1) return sha256(Uint8Array.of(0, ...(leaves[0] ?? [])));
  const k = split(leaves.length);
  return sha256(Uint8Array.of(1, ...(await model(leaves.slice(0, k))), ...(await model(leaves.slice(k)))));
}

/** Section 2.1.3.1, as it is written there. */
async function pathModel(leaves: readonly Uint8Array[], index: number): Promise<Uint8Array[]> {
  if (leaves.length === 1) return [];
  const k = split(leaves.length);
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)];
  return index < k
    ? [...(await pathModel(left, index)), await model(right)]
    : [...(await pathModel(right, index - k)), await model(left)];
}

/** The largest power of two that is smaller. */
const split = (size: number): number => 2 ** Math.floor(Math.log2(size - 1));

const leavesOf = (size: number) => Array.from({ length: size }, (_, i) => utf8(`leaf ${i}`));

test.each(ROOTS.map((root, size) => [size, root] as const))(
  "known answers: the root of %i",
  async (size, root) => {
    expect(toHex(await merkleRoot(ENTRIES.slice(0, size)))).toBe(root);
  },
);

test("known answers: a path in a tree of three, and in one of eight", async () => {
  const hexOf = async (size: number, index: number) =>
    (await merklePath(ENTRIES.slice(0, size), index)).map(toHex);
  expect(await hexOf(3, 2)).toEqual([ROOTS[2]]);
  expect(await hexOf(8, 0)).toEqual([
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
  ]);
});

test("root and paths are those of the recursive definition, for every tree of up to 70 leaves", async () => {
  for (let size = 1; size <= 70; size += 1) {
    const leaves = leavesOf(size);
    const root = await model(leaves);
    expect(await merkleRoot(leaves)).toEqual(root);
    for (const index of new Set([0, 1, size >> 1, size - 2, size - 1].filter((i) => i >= 0 && i < size))) {
      const path = await merklePath(leaves, index);
      expect(path).toEqual(await pathModel(leaves, index));
      expect(await rootFromPath(leaves[index] as Uint8Array, index, size, path)).toEqual(root);
    }
  }
});

describe("a path proves nothing", () => {
  const tree = fc
    .integer({ min: 1, max: 40 })
    .chain((size) => fc.record({ size: fc.constant(size), index: fc.nat(size - 1) }));

  test("of another leaf, place, size or path", async () => {
    await fc.assert(
      fc.asyncProperty(
        tree,
        fc.nat(60),
        fc.nat(60),
        fc.nat(255),
        async ({ size, index }, place, width, bit) => {
          const leaves = leavesOf(size);
          const leaf = leaves[index] as Uint8Array;
          const [root, path] = [toHex(await merkleRoot(leaves)), await merklePath(leaves, index)];
          const leadsTo = async (...args: Parameters<typeof rootFromPath>) => {
            const found = await rootFromPath(...args);
            return found === null ? null : toHex(found);
          };
          expect(await leadsTo(leaf, index, size, path)).toBe(root);
          expect(await leadsTo(utf8("another"), index, size, path)).not.toBe(root);
          if (place !== index) expect(await leadsTo(leaf, place, size, path)).not.toBe(root);
          expect(await leadsTo(leaf, index, size, [...path, new Uint8Array(32)])).toBeNull();
          if (path.length === 0) return;
          expect(await leadsTo(leaf, index, size, path.slice(1))).toBeNull();
          expect(await leadsTo(leaf, index, size, path.slice(0, -1))).toBeNull();
          const flipped = path.map((hash) => hash.slice());
          const at = bit % path.length;
          (flipped[at] as Uint8Array)[bit % 32] =
            ((flipped[at] as Uint8Array)[bit % 32] as number) ^ (1 << (bit % 8));
          expect(await leadsTo(leaf, index, size, flipped)).not.toBe(root);
          const short = path.map((hash, i) => (i === at ? hash.slice(1) : hash));
          expect(await leadsTo(leaf, index, size, short)).toBeNull();
          // A size that has a path of another length at this place.
          if (width <= index) expect(await leadsTo(leaf, index, width, path)).toBeNull();
        },
      ),
      { numRuns: 60 },
    );
  });

  test("that a node is a leaf", async () => {
    const leaves = leavesOf(4);
    const [left, right] = [await merkleRoot(leaves.slice(0, 2)), await merkleRoot(leaves.slice(2))];
    const asLeaf = Uint8Array.of(...left, ...right);
    expect(toHex(await merkleRoot([asLeaf]))).not.toBe(toHex(await merkleRoot(leaves)));
  });

  test.each([
    [-1, 3],
    [3, 3],
    [0, 0],
    [0.5, 3],
    [0, Number.NaN],
    [0, Number.POSITIVE_INFINITY],
    [2 ** 53, 2 ** 53 + 2],
  ])("at place %f of %f", async (index, size) => {
    expect(await rootFromPath(utf8("x"), index, size, [])).toBeNull();
  });

  test("and places beyond 32 bits are not cut off", async () => {
    const path = Array.from({ length: 33 }, (_, i) => new Uint8Array(32).fill(i));
    const [near, far] = [
      await rootFromPath(utf8("x"), 0, 2 ** 33, path),
      await rootFromPath(utf8("x"), 2 ** 32, 2 ** 33, path),
    ];
    expect(near).not.toBeNull();
    expect(far).not.toBeNull();
    expect(far).not.toEqual(near);
  });
});
