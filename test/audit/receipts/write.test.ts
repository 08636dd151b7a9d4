/** What is signed later, over a log that somebody else can write to. */

import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from "vitest";
import type { Head } from "../../../src/audit/checkpoint.ts";
import { findCover } from "../../../src/audit/prove.ts";
import { checkReceipt } from "../../../src/audit/receipts/check.ts";
import { RECEIPT_TYPE } from "../../../src/audit/receipts/decision-receipt.ts";
import type { ReceiptDocument } from "../../../src/audit/receipts/document.ts";
import { type Found, writeDocument } from "../../../src/audit/receipts/write.ts";
import type { AuditRecord } from "../../../src/audit/record.ts";
import { streamOf } from "../../../src/bytes/stream-of.ts";
import { MAX_PROOF_DIGESTS, PROOF_PAGE } from "../../../src/limits.ts";
import { unwrap } from "../../support/acme.ts";
import {
  chainOf,
  checkpointOf,
  draft,
  headOf,
  makeKeys,
  ours,
  outcomeDraft,
  PUBLISHED,
  rehashed,
  there,
} from "./helpers.ts";
import { place, setAside, store, storeCheckpoint } from "./stored.ts";

let logged: MockInstance<typeof console.error>;
beforeEach(() => {
  logged = vi.spyOn(console, "error").mockReturnValue();
});
afterEach(() => void vi.restoreAllMocks());

/** A call, with its decision and outcome in a chain with others. */
async function call(between = 1, contents: Partial<AuditRecord> = {}) {
  const { decision: _d, tenant: _t, ...ended } = outcomeDraft();
  const id = `call-${crypto.randomUUID()}`;
  const others = Array.from({ length: between }, () => ({}));
  const made = await place([
    {},
    { id, decision: id, ...contents },
    ...others,
    { ...ended, decision: id, id: `${id}.outcome` },
    {},
  ]);
  await store(made.records);
  const [decision, outcome] = [there(made.records[1]), there(made.records[2 + between])];
  return { ...made, decision, outcome };
}

const found = async (decision: AuditRecord, outcome: AuditRecord | null): Promise<Found> => ({
  decision,
  outcome,
  covers: {
    decision: unwrap(await findCover(env.AUDIT, decision)),
    outcome: outcome === null ? "not_yet" : unwrap(await findCover(env.AUDIT, outcome)),
  },
});

const write = (shown: Found, db = env.AUDIT, keys = ours): Promise<string> =>
  new Response(streamOf(writeDocument(shown, { db, keys, retryAfter: 300 }))).text();

/** What is answered, and what its own verification says to that. */
async function ask(
  decision: AuditRecord,
  outcome: AuditRecord | null,
  keys = ours,
): Promise<ReceiptDocument & { fault: string | null }> {
  const text = await write(await found(decision, outcome), env.AUDIT, keys);
  const held = { receipt: null, checkpoints: [], attestation: null };
  const { fault } = await checkReceipt(text, PUBLISHED, held);
  return { ...JSON.parse(text), fault };
}

const faults = (): unknown[] => logged.mock.calls.map(([line]) => JSON.parse(line).fault);

describe("what checkpoints cover", () => {
  test("is signed: an admitted call with its outcome", async () => {
    const { decision, outcome, checkpoint } = await call();
    await checkpoint(1, 5);
    const shown = await ask(decision, outcome);
    expect(shown).toMatchObject({ decision, outcome, retry_after: null, fault: null });
    expect(shown.receipt).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
    expect(logged).not.toHaveBeenCalled();
  });

  test("is signed: a denial, which has none", async () => {
    const { decision, checkpoint } = await call(1, { verdict: "denied", reason: "policy.agent_suspended" });
    await checkpoint(1, 5);
    const shown = await ask(decision, null);
    expect(shown).toMatchObject({ retry_after: null, fault: null, proof: { outcome: null } });
    expect(shown.receipt).not.toBeNull();
  });

  test("by two checkpoints, one for each record", async () => {
    const { decision, outcome, checkpoint } = await call();
    await checkpoint(1, 3);
    await checkpoint(2, 4);
    const shown = await ask(decision, outcome);
    expect(shown).toMatchObject({ retry_after: null, fault: null });
    expect(shown.receipt).not.toBeNull();
    expect(shown.proof.decision?.checkpoint).not.toBe(shown.proof.outcome?.checkpoint);
  });

  test("is signed in the name of the endpoint that the checkpoint names", async () => {
    const moved = { iss: "https://gateway.example/before/mcp" };
    const { decision, outcome, checkpoint } = await call();
    await checkpoint(1, 5, moved);
    const { receipt } = await ask(decision, outcome);
    const [, claims = ""] = there(receipt).split(".");
    expect(JSON.parse(atob(claims.replaceAll("-", "+").replaceAll("_", "/")))).toMatchObject(moved);
  });

  test("is signed where what lies between takes many pages", async () => {
    const { decision, outcome, checkpoint, records } = await call(PROOF_PAGE + 1);
    await checkpoint(1, records.length);
    const shown = await ask(decision, outcome);
    expect(shown).toMatchObject({ retry_after: null, fault: null });
    expect(shown.receipt).not.toBeNull();
  });

  test("is signed with records that were set aside, and not without them", async () => {
    const { decision, outcome, checkpoint, records, tenant } = await call();
    await checkpoint(1, 5);
    await env.AUDIT.prepare("DELETE FROM audit_records WHERE tenant = ? AND seq IN (2, 3)")
      .bind(tenant)
      .run();
    await setAside(decision);
    const incomplete = await ask(decision, outcome);
    expect(incomplete).toMatchObject({ receipt: null, retry_after: null, fault: "decision.proof.length" });
    await setAside(there(records[2]));
    const whole = await ask(decision, outcome);
    expect(whole).toMatchObject({ retry_after: null, fault: null });
    expect(whole.receipt).not.toBeNull();
  });
});

describe("what no checkpoint covers yet is shown, and not signed", () => {
  const NOT_YET = { receipt: null, retry_after: 300 };

  test("the decision", async () => {
    const { decision, outcome } = await call();
    const shown = await ask(decision, outcome);
    expect(shown).toMatchObject({ ...NOT_YET, decision, outcome, proof: { decision: null, outcome: null } });
    expect(shown.fault).toBe("decision.unsigned");
  });

  test("the outcome", async () => {
    const { decision, outcome, checkpoint } = await call();
    await checkpoint(1, 3);
    const shown = await ask(decision, outcome);
    expect(shown).toMatchObject({ ...NOT_YET, outcome, proof: { outcome: null } });
    expect(shown.proof.decision).not.toBeNull();
    expect(shown.fault).toBe("outcome.unsigned");
  });

  test("of an admitted call that has no outcome, nothing: it may have been taken out", async () => {
    const { decision, checkpoint } = await call();
    await checkpoint(1, 3);
    const shown = await ask(decision, null);
    expect(shown).toMatchObject({ ...NOT_YET, outcome: null, fault: null });
  });

  test("nor what is too far from its checkpoint, where nothing more will come", async () => {
    const { decision, checkpoint, tenant, chain, other } = await call(1, { verdict: "denied" });
    await checkpoint(1, 5);
    const head = { ...other, chain, seq: decision.seq + MAX_PROOF_DIGESTS + 1 };
    await storeCheckpoint(tenant, 1, await checkpointOf([head], { tenant }), [head]);
    expect(await ask(decision, null)).toMatchObject({
      receipt: null,
      retry_after: null,
      proof: { decision: null },
    });
    expect(logged).not.toHaveBeenCalled();
  });
});

/** Signed by Countersign, this would be a lie that nobody could tell from the truth. */
describe("what somebody has written into D1 is shown, and not signed", () => {
  const UNFIT = { receipt: null, retry_after: null };

  async function refused(
    fault: string,
    verified: string,
    decision: AuditRecord,
    outcome: AuditRecord | null,
  ) {
    const shown = await ask(decision, outcome);
    expect(shown).toMatchObject({ ...UNFIT, decision, outcome, fault: verified });
    const { tenant, id } = decision;
    expect(logged.mock.calls.map(([line]) => JSON.parse(line))).toEqual([
      { event: "receipt.unproven", tenant, decision: id, fault },
    ]);
  }

  test("a record that was changed", async () => {
    const { decision, outcome, checkpoint } = await call();
    await checkpoint(1, 5);
    await refused("record", "decision.altered", { ...decision, verdict: "denied" }, null);
    logged.mockClear();
    await refused("record", "outcome.altered", decision, { ...outcome, status: 500 });
  });

  test("a record that was changed, before any checkpoint", async () => {
    const { decision } = await call();
    await refused("record", "decision.altered", { ...decision, principal: "agent:writer" }, null);
  });

  test("a record with hashes of its own", async () => {
    const { decision, outcome, checkpoint } = await call();
    await checkpoint(1, 5);
    const forged = await rehashed(decision, { tool: "another" });
    await refused("head", "decision.proof.head", forged, outcome);
    logged.mockClear();
    await refused("head", "outcome.proof.head", decision, await rehashed(outcome, { status: 500 }));
  });

  test("a record at a place of its own", async () => {
    const { decision, checkpoint } = await call();
    await checkpoint(1, 5);
    const denied = { verdict: "denied", reason: "policy.agent_suspended" } as const;
    for (const seq of [1, 2, 3, 5]) {
      logged.mockClear();
      await refused("head", "decision.proof.head", await rehashed(decision, { ...denied, seq }), null);
    }
    logged.mockClear();
    // Behind the head, where no checkpoint says anything.
    const beyond = await ask(await rehashed(decision, { ...denied, seq: 6 }), null);
    expect(beyond).toMatchObject({ receipt: null, retry_after: 300 });
  });

  test("the outcome of another call", async () => {
    const { decision, outcome, records, checkpoint } = await call();
    await checkpoint(1, 5);
    await refused("other", "outcome.other", there(records[0]), outcome);
    logged.mockClear();
    await refused("other", "outcome.other", decision, there(records[4]));
  });

  /** A whole chain that fits together, with its heads, where ours should be. */
  async function forgery(changes: Partial<AuditRecord> = {}) {
    const made = await call();
    const { tenant, chain, other } = made;
    const id = `forged-${tenant}`;
    const records = await chainOf(chain, [
      draft({ tenant, id, decision: id, ...changes }),
      outcomeDraft({ tenant, id: `${id}.outcome`, decision: id, ...changes, verdict: null }),
    ]);
    await env.AUDIT.prepare("DELETE FROM audit_records WHERE tenant = ?").bind(tenant).run();
    await store(records);
    const heads: Head[] = [other, headOf(records)];
    return { ...made, heads, forged: [there(records[0]), there(records[1])] as const };
  }

  test("a whole chain, under a checkpoint that says another root", async () => {
    const { forged, tenant, heads, checkpoint } = await forgery();
    const jws = await checkpoint(1, 5);
    await storeCheckpoint(tenant, 1, jws, heads);
    await refused("path", "decision.proof.path", ...forged);
  });

  test("a whole chain, whose head stands beside the right one", async () => {
    const { forged, tenant, heads, checkpoint, records, other } = await forgery();
    const [right, wrong] = [headOf(records), there(heads[1])];
    for (const all of [
      [wrong, other, right],
      [other, wrong, right],
      [wrong, right],
    ]) {
      logged.mockClear();
      await storeCheckpoint(tenant, 1, await checkpoint(1, 5), all);
      await refused("path", "decision.proof.path", ...forged);
    }
  });

  test("a whole chain, under a checkpoint that somebody else signed", async () => {
    const { forged, tenant, heads } = await forgery();
    for (const stranger of [await makeKeys("gateway-1"), await makeKeys("gateway-2")]) {
      logged.mockClear();
      await storeCheckpoint(tenant, 1, await checkpointOf(heads, { tenant }, stranger), heads);
      await refused("checkpoint", "decision.proof.checkpoint", ...forged);
    }
  });

  test("a whole chain, under a statement of ours that is no checkpoint", async () => {
    const { forged, tenant, heads } = await forgery();
    for (const typ of [RECEIPT_TYPE, "countersign-export+jwt", "jwt", "act+jwt"]) {
      logged.mockClear();
      await storeCheckpoint(tenant, 1, await checkpointOf(heads, { tenant }, ours, typ), heads);
      await refused("checkpoint", "decision.proof.checkpoint", ...forged);
    }
  });

  test("a whole chain, under the checkpoint of another tenant that we signed", async () => {
    const { forged, tenant, heads } = await forgery();
    await storeCheckpoint(tenant, 1, await checkpointOf(heads, { tenant: "another" }), heads);
    await refused("tenant", "decision.proof.tenant", ...forged);
  });

  test("a call whose two records are under checkpoints of two endpoints", async () => {
    const { decision, outcome, checkpoint } = await call();
    await checkpoint(1, 3);
    await checkpoint(2, 4, { iss: "https://staging.example/acme/mcp" });
    await refused("issuer", "outcome.proof.issuer", decision, outcome);
  });

  test("a checkpoint whose key is not published any more", async () => {
    const { decision, outcome, checkpoint } = await call();
    await checkpoint(1, 5);
    const shown = await ask(decision, outcome, await makeKeys("gateway-9"));
    expect(shown).toMatchObject(UNFIT);
    expect(faults()).toEqual(["checkpoint"]);
  });

  test.each([
    ["what looks like JSON", '"},"outcome":null},"receipt":"forged","retry_after":null}'],
    ["what ends a string", '"'],
    ["a backslash", "\\"],
    ["a line feed", "\n"],
    ["nothing", ""],
  ])("a digest that is none: %s", async (_, digest) => {
    const { decision, outcome, checkpoint, tenant } = await call();
    await checkpoint(1, 5);
    await env.AUDIT.prepare("UPDATE audit_records SET digest = ? WHERE tenant = ? AND seq = 5")
      .bind(digest, tenant)
      .run();
    const shown = await ask(decision, outcome);
    expect(shown).toMatchObject({ ...UNFIT, decision, outcome });
    expect(shown.proof.decision?.digests.endsWith(` ${digest}`)).toBe(true);
    expect(shown.fault).not.toBeNull();
    expect(faults()).toEqual(["head"]);
  });

  test("members that no record has, and names that mean something to JavaScript", async () => {
    const { decision, outcome, checkpoint } = await call();
    await checkpoint(1, 5);
    const strange = JSON.parse('{"__proto__":{"verdict":"denied"},"constructor":1,"toJSON":1}');
    const shown = await ask(Object.assign(Object.create(null), decision, { more: strange }), outcome);
    expect(shown).toMatchObject({ ...UNFIT, fault: "document.malformed" });
  });
});

test("D1 stops answering behind the first page: the answer breaks off, and is no JSON", async () => {
  const { decision, outcome, checkpoint, records } = await call(2 * PROOF_PAGE);
  await checkpoint(1, records.length);
  const shown = await found(decision, outcome);
  const whole = await write(shown);
  for (const answered of [0, 1, 2, 3]) {
    let asked = 0;
    const failing = {
      prepare: (query: string) => {
        asked += 1;
        return env.AUDIT.prepare(asked > answered ? "SELECT nothing" : query);
      },
    } as unknown as D1Database;
    let text = "";
    const read = async () => {
      for await (const piece of writeDocument(shown, { db: failing, keys: ours, retryAfter: 300 }))
        text += new TextDecoder().decode(piece);
    };
    await expect(read()).rejects.toThrow("stopped answering");
    expect(whole.startsWith(text)).toBe(true);
    expect(() => JSON.parse(text)).toThrow();
    expect(text).not.toContain('"receipt"');
  }
});
