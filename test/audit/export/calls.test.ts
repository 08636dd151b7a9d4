/** What records say of calls, though all their hashes are right. */

import { describe, expect, test } from "vitest";
import { emitDecision, emitReceipt } from "../../../src/audit/receipts/emit.ts";
import type { AuditRecord } from "../../../src/audit/record.ts";
import type { SigningKeys } from "../../../src/audit/signing-keys.ts";
import { append, checkpoint, exported, ISSUER, makeLog, newKeys, START, STEP } from "./log.ts";

describe("what ledgers do not write, though all hashes are right", () => {
  /** A log of one chain whose records are these, from the content of an ordinary decision. */
  async function logOf(contents: readonly Partial<AuditRecord>[], keys?: SigningKeys) {
    const log = await makeLog({ records: 0, chains: 0, every: 1 }, keys);
    const [ordinary] = [...(await makeLog({ records: 3, chains: 1, every: 3 })).chains.values()].flat();
    for (const [i, content] of contents.entries()) {
      const chain = content.chain ?? "c";
      if (!log.chains.has(chain)) log.chains.set(chain, []);
      const filled = {
        ...ordinary,
        evidence: null,
        execution: null,
        kind: "decision",
        ...content,
      } as AuditRecord;
      await append(log, chain, filled, content.time ?? START + i * STEP);
    }
    await checkpoint(log, START + 100 * STEP);
    return log;
  }
  const decision = { id: "d", decision: "d", verdict: "admitted" } as const;
  const outcome = { id: "d.outcome", decision: "d", kind: "outcome", verdict: null } as const;

  test.each<[string, readonly Partial<AuditRecord>[], string]>([
    ["a second outcome", [decision, outcome, outcome], "a second outcome"],
    ["the outcome of a denied call", [{ ...decision, verdict: "denied" }, outcome], "a call that was denied"],
    ["an outcome before its decision", [outcome, decision], "a decision that is not there"],
    ["a decision that comes twice", [decision, decision], "decides again"],
    ["an id of another decision", [{ ...decision, id: "e" }], "its id is not that of its decision"],
    ["an outcome with a verdict", [decision, { ...outcome, verdict: "denied" }], "an outcome with a verdict"],
    ["a decision without a verdict", [{ ...decision, verdict: null }], "without a verdict"],
    ["a summary that admits", [{ ...decision, id: "d.summary", kind: "summary" }], "no summary"],
    [
      "a summary with an execution record",
      [{ ...decision, id: "d.summary", kind: "summary", verdict: "denied", execution: [] }],
      "no summary",
    ],
    [
      "an outcome in another chain than its decision",
      [decision, { ...outcome, chain: "d" }],
      "a decision that is not there",
    ],
    ["a time that falls", [decision, { ...outcome, time: START - 1 }], "its time is before"],
    ["another tenant's record", [{ ...decision, tenant: "other" }], "another tenant's"],
  ])("%s", async (_, contents, problem) => {
    expect(await exported(await logOf(contents))).toContain(problem);
  });

  test("SEP-2828 records must be signed, and about the attestation and the decision of their call", async () => {
    const keys = await newKeys();
    const attestation = { digest: `sha256:${"ab".repeat(32)}`, nonce: "n" };
    const evidence = { mandate: null, token: null, approval: null, ect: null, attestation, record: null };
    const key = keys.es256 ?? keys.signing;
    const principal = "agent:scout";
    const emission = { iss: ISSUER, sub: principal, nonce: "r", at: START / 1000, attestation };
    const other = { ...emission, attestation: { ...attestation, nonce: "m" } };
    const allow = await emitDecision(emission, { decision: "allow" }, key);
    const allowOther = await emitDecision(other, { decision: "allow" }, key);
    const block = await emitDecision(emission, { decision: "block", reason: "x" }, key);
    const executed = { status: "executed", result: null } as const;
    const done = await emitReceipt(emission, allow, executed, key);
    const stranger = (await newKeys()).signing;
    const by = { ...decision, evidence };
    const said = async (first: readonly string[] | null, second: readonly string[] | null) =>
      exported(
        await logOf(
          [
            { ...by, execution: first },
            { ...outcome, execution: second },
          ],
          keys,
        ),
      );

    expect(await said([allow.text], [done.text])).toMatchObject({ counts: { executions: 2 } });
    expect(await said([block.text], null)).toContain("says another verdict");
    expect(await said([allowOther.text], null)).toContain("about another attestation");
    expect(await said([allow.text, allow.text], null)).toContain("two execution records of one kind");
    expect(await said([allow.text, done.text], null)).toContain("an execution receipt before its outcome");
    expect(await said([done.text], null)).toContain("an execution receipt without a decision record");
    expect(await said(["{}"], null)).toContain("cannot be read");
    expect(
      await said([(await emitDecision(emission, { decision: "allow" }, stranger)).text], null),
    ).toContain("these keys have not signed");
    expect(
      await said(
        [(await emitDecision({ ...emission, sub: "agent:other" }, { decision: "allow" }, key)).text],
        null,
      ),
    ).toContain("about another principal");
    expect(await said([allow.text], [allow.text])).toContain("an outcome with a decision record");
    const unpaired = await emitReceipt(emission, allowOther, executed, key);
    expect(await said([allow.text], [unpaired.text])).toContain("not about the decision record of its call");
    expect(await said(null, [done.text])).toContain("not about the decision record of its call");
    expect(await said([allow.text], [done.text, done.text])).toContain("two execution records of one kind");
    expect(await said([allow.text], ["{}"])).toContain("cannot be read");
    const moved = await emitReceipt(
      { ...emission, iss: "https://elsewhere.example/mcp" },
      allow,
      executed,
      key,
    );
    expect(await said([allow.text], [moved.text])).toContain("these keys have not signed (key_unknown)");
    expect(await exported(await logOf([{ ...decision, execution: [allow.text] }], keys))).toContain(
      "about another attestation",
    );
  });

  test("of a denied call, both are with its decision", async () => {
    const keys = await newKeys();
    const attestation = { digest: `sha256:${"ab".repeat(32)}`, nonce: "n" };
    const evidence = { mandate: null, token: null, approval: null, ect: null, attestation, record: null };
    const key = keys.es256 ?? keys.signing;
    const emission = { iss: ISSUER, sub: "agent:scout", nonce: "r", at: START / 1000, attestation };
    const block = await emitDecision(emission, { decision: "block", reason: "x" }, key);
    const again = await emitDecision({ ...emission, nonce: "s" }, { decision: "block", reason: "x" }, key);
    const refused = await emitReceipt(emission, block, { status: "refused", result: null }, key);
    const said = async (...execution: string[]) =>
      exported(await logOf([{ ...decision, verdict: "denied", evidence, execution }], keys));
    expect(await said(block.text, refused.text)).toMatchObject({ counts: { executions: 2 } });
    expect(await said(again.text, refused.text)).toContain(
      "its execution receipt is not about its decision record",
    );
  });

  test("execution records of a public URL that the tenant had before are known by its checkpoints", async () => {
    const keys = await newKeys();
    const log = await makeLog({ records: 30, chains: 2, every: 10 }, keys);
    const moved = { ...log, issuer: "https://moved.example/mcp" };
    await checkpoint(moved, START + 100 * STEP);
    expect([...log.chains.values()].flat().some(({ execution }) => execution !== null)).toBe(true);
    expect(await exported(moved)).toMatchObject({ findings: [] });
    const [checkpoints, late] = [log.checkpoints.splice(0), { ...moved, checkpoints: [] }];
    await checkpoint(late, START + 100 * STEP);
    expect(checkpoints).toHaveLength(5);
    expect(await exported(late)).toContain("these keys have not signed (key_unknown)");
  });
});
