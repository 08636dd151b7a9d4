import { describe, expect, test } from "vitest";
import { leafOf } from "../../src/audit/checkpoint.ts";
import { merklePath } from "../../src/audit/merkle.ts";
import { isProof, type Proof, verifyProof } from "../../src/audit/proof.ts";
import { RECEIPT_TYPE } from "../../src/audit/receipts/decision-receipt.ts";
import { type AuditRecord, GENESIS } from "../../src/audit/record.ts";
import type { StatementKeys } from "../../src/audit/statement.ts";
import { sha256, toBase64url, utf8 } from "../../src/encoding.ts";
import { MAX_PROOF_DIGESTS } from "../../src/limits.ts";
import {
  chainOf,
  checkpointOf,
  draft,
  headOf,
  makeKeys,
  ours,
  proofOf,
  rehashed,
  scene,
  there,
  verifying,
} from "./receipts/helpers.ts";

const { records, others, heads, checkpoint, decision, outcome, receipt, document } = await scene();
const keys = await verifying(ours);
const proof = there(document.proof.decision);

async function judge(
  shown: Proof,
  record: AuditRecord = decision,
  by: StatementKeys = keys,
): Promise<string> {
  const verified = await verifyProof(record, shown, by);
  return verified.ok ? "ok" : verified.error;
}

describe("holds", () => {
  test("for every record of a chain, and says what the checkpoint says", async () => {
    for (const [i, record] of records.entries())
      expect(await judge(await proofOf(records, i, heads, checkpoint), record)).toBe("ok");
    const verified = await verifyProof(decision, proof, keys);
    expect(verified).toMatchObject({ ok: true, value: { number: 1, tenant: "acme", size: 5 } });
  });

  test("for every chain, whatever the size of the tree", async () => {
    const chains = await Promise.all(
      Array.from({ length: 9 }, (_, i) => chainOf(`chain-${i}`, [draft(), draft({ id: "x" })])),
    );
    for (let size = 1; size <= chains.length; size++) {
      const some = chains.slice(0, size);
      const under = some.map(headOf);
      const jws = await checkpointOf(under);
      for (const chain of some) expect(await judge(await proofOf(chain, 0, under, jws), chain[0])).toBe("ok");
    }
  });

  test("where the chain begins later by then", async () => {
    const kept = heads.map((head) => ({ ...head, start: 2, start_prev: records[0]?.hash ?? "" }));
    const jws = await checkpointOf(kept);
    expect(await judge(await proofOf(records, 1, kept, jws))).toBe("ok");
  });

  test("with Ed25519", async () => {
    const edDsa = await makeKeys("ed-1", "EdDSA");
    const jws = await checkpointOf(heads, {}, edDsa);
    expect(await judge({ ...proof, checkpoint: jws }, decision, await verifying(edDsa))).toBe("ok");
  });
});

describe("does not hold", () => {
  const digests = proof.digests.split(" ");

  test.each<[string, string, Partial<Proof>]>([
    ["one digest less", "length", { digests: digests.slice(1).join(" ") }],
    ["one digest more", "length", { digests: [...digests, GENESIS].join(" ") }],
    ["no digests", "length", { digests: "" }],
    ["digests in another order", "head", { digests: digests.toReversed().join(" ") }],
    ["another digest", "head", { digests: digests.with(1, GENESIS).join(" ") }],
    ["another head of the chain", "head", { head: { ...proof.head, hash: GENESIS } }],
    ["a head further on", "length", { head: { ...proof.head, seq: proof.head.seq + 1 } }],
    ["the head of another chain", "chain", { head: there(heads[0]) }],
    ["the head said to begin elsewhere", "path", { head: { ...proof.head, start: 2 } }],
    ["the place of another head", "path", { index: proof.index + 1 }],
    ["a place beyond the tree", "path", { index: 5 }],
    ["a tree of another size", "path", { size: 6 }],
    ["a shorter path", "path", { path: proof.path.slice(1) }],
    ["a path that begins later", "path", { path: proof.path.slice(0, -1) }],
    ["a longer path", "path", { path: [...proof.path, GENESIS] }],
    ["a path in another order", "path", { path: proof.path.toReversed() }],
    ["no path", "path", { path: [] }],
    ["another spelling of a hash", "path", { path: proof.path.map((hash) => `${hash}=`) }],
    ["no checkpoint", "checkpoint", { checkpoint: "" }],
  ])("%s", async (_, fault, changes) => {
    expect(await judge({ ...proof, ...changes })).toBe(fault);
  });

  test("the path of another chain", async () => {
    const path = (await merklePath(heads.map(leafOf), 0)).map(toBase64url);
    expect(await judge({ ...proof, path, index: 0 })).toBe("path");
  });

  test("a node of the tree in place of a head", async () => {
    // The two lowest hashes as one leaf: leaves and nodes are hashed apart.
    const nodes = await Promise.all(heads.map(async (head) => sha256(leafOf(head))));
    const shown = { ...proof, size: 3, index: 1, path: nodes.slice(0, 2).map(toBase64url) };
    expect(await judge(shown)).toBe("path");
  });

  test("for another record of the chain, or one of another chain", async () => {
    expect(await judge(proof, outcome)).toBe("length");
    expect(await judge(proof, there(records[0]))).toBe("length");
    expect(await judge(proof, there(others[0]?.[1]))).toBe("chain");
  });

  test("for a record that was changed, its hashes or not", async () => {
    expect(await judge(proof, { ...decision, verdict: "denied" })).toBe("record");
    expect(await judge(proof, { ...decision, digest: GENESIS })).toBe("record");
    expect(await judge(proof, await rehashed(decision, { verdict: "denied" }))).toBe("head");
    expect(await judge(proof, await rehashed(decision, { chain: "chain-a" }))).toBe("chain");
    // The record before is not shown, but its hash is part of this one's.
    expect(await judge(proof, await rehashed(decision, { prev_hash: GENESIS }))).toBe("head");
  });

  test("under a checkpoint that says something else", async () => {
    const under = async (changes: Parameters<typeof checkpointOf>[1]) =>
      judge({ ...proof, checkpoint: await checkpointOf(heads, changes) });
    expect(await under({ tenant: "other" })).toBe("tenant");
    expect(await under({ root: GENESIS })).toBe("path");
    expect(await under({ size: 4 })).toBe("path");
  });

  test("under what is no checkpoint of ours", async () => {
    const stranger = await makeKeys("gateway-1");
    const renamed = await makeKeys("gateway-2");
    const forged = [
      await checkpointOf(heads, {}, stranger),
      await checkpointOf(heads, {}, renamed),
      // A receipt is signed with the same key.
      await checkpointOf(heads, {}, ours, RECEIPT_TYPE),
      receipt,
      `${checkpoint.slice(0, -4)}AAAA`,
    ];
    for (const shown of forged) expect(await judge({ ...proof, checkpoint: shown })).toBe("checkpoint");
    expect(await judge(proof, decision, new Map())).toBe("checkpoint");
  });
});

describe("its form", () => {
  const read = (value: unknown) => isProof(JSON.parse(JSON.stringify(value)));

  test("is closed, and every member has its type", () => {
    expect(read(proof)).toBe(true);
    expect(read({ ...proof, digests: "" })).toBe(true);
    for (const name of Object.keys(proof)) {
      expect(read({ ...proof, [name]: undefined }), name).toBe(false);
      for (const value of [null, {}, 1.5, -1, "x y", [1]]) {
        if (name === "checkpoint" && typeof value === "string") continue;
        expect(read({ ...proof, [name]: value }), `${name} ${JSON.stringify(value)}`).toBe(false);
      }
    }
    expect(read({ ...proof, more: 1 })).toBe(false);
    expect(read({ ...proof, head: { ...proof.head, more: 1 } })).toBe(false);
  });

  test("takes as many digests as a busy chain has between two checkpoints", () => {
    const many = Array.from({ length: MAX_PROOF_DIGESTS }, () => GENESIS).join(" ");
    expect(isProof({ ...JSON.parse(JSON.stringify(proof)), digests: many })).toBe(true);
  });

  test.each<[string, string]>([
    ["a space more", `${proof.digests} `],
    ["two spaces", proof.digests.replace(" ", "  ")],
    ["a line feed", proof.digests.replace(" ", "\n")],
    ["a short digest", proof.digests.slice(1)],
    ["another alphabet", proof.digests.replace(/^./, "+")],
  ])("digests: %s", (_, digests) => {
    expect(read({ ...proof, digests })).toBe(false);
  });
});

test("a head's leaf is what the specification says: domain, line feed, canonical JSON", () => {
  const { chain, hash, seq, start, start_prev } = proof.head;
  const json = JSON.stringify({ chain, hash, seq, start, start_prev });
  expect(leafOf(proof.head)).toEqual(utf8(`countersign-head-v1\n${json}`));
});
