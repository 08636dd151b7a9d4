import { describe, expect, test } from "vitest";
import { parseRecord, verifyRecord } from "../../../src/evidence/act/record.ts";
import { agentKeys } from "../../../src/evidence/agent-key.ts";
import type { AgentCaller } from "../../../src/evidence/caller.ts";
import { verifyRecorded } from "../../../src/evidence/recorded.ts";
import type { JsonValue } from "../../../src/json/strict-json.ts";
import { CLOCK_SKEW, MAX_PRED, MAX_TOKEN_BYTES } from "../../../src/limits.ts";
import type { Reason } from "../../../src/reasons.ts";
import { fail } from "../../../src/result.ts";
import {
  ada,
  adaEd25519,
  agentOf,
  bob,
  compiled,
  ect,
  facts,
  issuer,
  judgeMandate,
  mandate,
  NOW,
  outcome,
  stranger,
  tenant,
  unwrap,
} from "../../support/acme.ts";
import { noRemoteKeys } from "../../support/agents.ts";
import { type Changes, long, NOT_A_TIME, NOT_AN_IDENTIFIER, type Signer } from "../../support/tokens.ts";

const HASH = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
const DONE = { exec_act: "mcp.search", pred: [], exec_ts: NOW, status: "completed" };
const record = (changes: Changes = {}, by: Signer = ada, header: Changes = {}) =>
  mandate({ ...DONE, ...changes }, by, header);

const agent = agentOf("ada-1").agent;

async function judge(token: string, { by = tenant, now = NOW, of = agent } = {}) {
  const parsed = parseRecord(new Map([["act-record", token]]));
  if (parsed.state === "absent") throw new Error("a record was sent");
  const caller = by.agents.keys.get("ada-1")?.agent ?? of;
  return parsed.state === "malformed"
    ? fail(parsed.reason)
    : verifyRecord(parsed.value, of === agent ? caller : of, by, agentKeys(caller, by, noRemoteKeys), now);
}

describe("accepted", () => {
  test.each<[string, Changes]>([
    ["the least", {}],
    ["after steps", { pred: ["mandate-1", "ect-1", "ect-2"] }],
    ["with the first revision's name of pred", { pred: undefined, par: [] }],
    ["with hashes", { inp_hash: HASH, out_hash: HASH }],
    ["with err", { err: { anything: [1] } }],
    [
      "of a mandate for another audience: it is the ledger that knows the mandate",
      { aud: "https://x.example" },
    ],
    ["of work at the very end", { exec_ts: NOW + CLOCK_SKEW }],
    ["of work at the very beginning", { exec_ts: NOW - CLOCK_SKEW }],
  ])("%s", async (_, changes) => {
    expect(outcome(await judge(await record(changes)))).toBe("ok");
  });

  test("signed with any key of the agent", async () => {
    expect(outcome(await judge(await record({}, adaEd25519)))).toBe("ok");
  });

  test("after its mandate has ended, of work before that", async () => {
    const now = NOW + 5000;
    expect(outcome(await judge(await record({ exec_ts: NOW + 900 + CLOCK_SKEW }), { now }))).toBe("ok");
    expect(outcome(await judge(await record({ exec_ts: NOW + 901 + CLOCK_SKEW }), { now }))).toBe(
      "record.time",
    );
  });

  test("has the digest of its mandate, whatever it adds", async () => {
    const { digest } = unwrap(await judgeMandate(await mandate({ wid: "w" })));
    const one = unwrap(
      await judge(await record({ wid: "w", inp_hash: HASH, err: {}, pred: ["ect-1", "ect-1"] })),
    );
    expect(one).toMatchObject({ iss: "https://issuer.example", jti: "mandate-1", mandateDigest: digest });
    expect(one).toMatchObject({ pred: ["ect-1"], execTs: NOW });
    expect(one.digest).not.toBe(digest);
    const changed: Changes[] = [
      { wid: "v" },
      { exp: NOW + 901 },
      { cap: [{ action: "mcp.search" }, { action: "x" }] },
      { x: 1 },
    ];
    for (const changes of changed) {
      expect(unwrap(await judge(await record({ wid: "w", ...changes }))).mandateDigest).not.toBe(digest);
    }
  });
});

describe("refused", () => {
  const hashes: JsonValue[] = [null, 1, "", `${HASH}=`, `sha-256:${HASH}`, long(43), HASH.slice(1), []];
  const claims: [string, Changes][] = [
    ...NOT_AN_IDENTIFIER.flatMap(([what, value]): [string, Changes][] => [
      [`exec_act: ${what}`, { exec_act: value }],
      [`status: ${what}`, { status: value }],
      [`sub: ${what}`, { sub: value }],
    ]),
    ...NOT_A_TIME.map(([what, value]): [string, Changes] => [`exec_ts: ${what}`, { exec_ts: value }]),
    ...hashes.flatMap((value): [string, Changes][] => [
      [`inp_hash: ${JSON.stringify(value)}`, { inp_hash: value }],
      [`out_hash: ${JSON.stringify(value)}`, { out_hash: value }],
    ]),
    ["no pred", { pred: undefined }],
    ["pred and par", { par: [] }],
    ["pred of one text", { pred: "ect-1" }],
    ["pred with a number", { pred: [1] }],
    ["pred too long", { pred: Array.from({ length: MAX_PRED + 1 }, (_, i) => `e${i}`) }],
    ["err null", { err: null }],
    ["err text", { err: "x" }],
    ["a mandate's claim missing", { task: undefined }],
    ["a constraint malformed", { cap: [{ action: "mcp.search", constraints: 1 }] }],
    ["del malformed", { del: {} }],
  ];
  test.each(claims)("record.claims: %s", async (_, changes) => {
    expect(outcome(await judge(await record(changes)))).toBe("record.claims");
  });

  test.each<[string, () => Promise<string>, Reason]>([
    ["no token", async () => "x", "record.malformed"],
    ["an empty header", async () => "", "record.malformed"],
    ["two records", async () => `${await record()}, ${await record()}`, "record.malformed"],
    ["too long", () => record({ x: long(MAX_TOKEN_BYTES) }), "record.malformed"],
    ["an ECT", () => ect(), "record.malformed"],
    ["alg none", () => record({}, ada, { alg: "none" }), "record.malformed"],
    ["crit", () => record({}, ada, { crit: ["exp"] }), "record.malformed"],
    ["no kid", () => record({}, ada, { kid: undefined }), "record.malformed"],
    ["a mandate", () => mandate(), "record.claims"],
    ["for another agent", () => record({ sub: "agent:bob" }), "record.subject"],
    ["for another agent, signed by it", () => record({ sub: "agent:bob" }, bob), "record.subject"],
    ["for an agent nobody registered", () => record({ sub: "agent:eve" }), "record.subject"],
    ["signed by another agent", () => record({}, bob), "record.key_unknown"],
    ["signed by the issuer", () => record({}, issuer), "record.key_unknown"],
    ["signed by nobody", () => record({}, stranger), "record.key_unknown"],
    ["another alg than the key's", () => record({}, ada, { alg: "EdDSA" }), "record.key_unknown"],
    [
      "signed by nobody, under the agent's kid",
      () => record({}, stranger, { kid: "ada-1" }),
      "record.signature",
    ],
    ["a status that is not listed", () => record({ status: "failed" }), "record.status"],
    ["a status in capitals", () => record({ status: "Completed" }), "record.status"],
    ["an action that is not in cap", () => record({ exec_act: "mcp.delete" }), "record.action"],
    ["an action below one in cap", () => record({ exec_act: "mcp.search.x" }), "record.action"],
    ["work in the future", () => record({ exec_ts: NOW + CLOCK_SKEW + 1 }), "record.time"],
    ["work before the mandate", () => record({ exec_ts: NOW - CLOCK_SKEW - 1 }), "record.time"],
  ])("%s", async (_, token, reason) => {
    expect(outcome(await judge(await token()))).toBe(reason);
  });

  test("another agent's record, though it is true", async () => {
    expect(outcome(await judge(await record(), { of: agentOf("bob-1").agent }))).toBe("record.subject");
  });
});

test("a tenant can take other statuses", async () => {
  const by = await compiled({ act: { recordStatuses: ["completed", "failed"] } });
  expect(outcome(await judge(await record({ status: "failed" }), { by }))).toBe("ok");
  expect(outcome(await judge(await record({ status: "x" }), { by }))).toBe("record.status");
});

describe("with a call", async () => {
  const verified = unwrap(await judgeMandate(await mandate({ jti: "mandate-2" })));
  const caller = (covers: readonly string[] | null) =>
    ({
      agent,
      mandate: verified,
      signature: covers && { covers: new Set(covers) },
    }) as unknown as AgentCaller;
  const take = (headers: Record<string, string>, by: AgentCaller) =>
    verifyRecorded({ tenant, facts: facts(headers), caller: by, keys: noRemoteKeys, now: NOW });

  test("none", async () => {
    expect(await take({}, caller([]))).toEqual({ ok: true, value: null });
  });

  test("of an earlier mandate, covered by the signature", async () => {
    const taken = await take({ "act-record": await record() }, caller(['"act-record"']));
    expect(unwrap(taken)).toMatchObject({ jti: "mandate-1" });
  });

  test.each<[string, readonly string[] | null]>([
    ["a signature that does not cover it", ['"act-mandate"']],
    ["a signature that covers a part of it", ['"act-record";key="x"']],
    ["no signature", null],
  ])("uncovered, good or not: %s", async (_, covers) => {
    for (const token of [await record(), "x"]) {
      expect(outcome(await take({ "act-record": token }, caller(covers)))).toBe("signature.coverage");
    }
  });

  test("malformed is not absent", async () => {
    expect(outcome(await take({ "act-record": "" }, caller(['"act-record"'])))).toBe("record.malformed");
  });
});
