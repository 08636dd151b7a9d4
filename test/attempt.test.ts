import { describe, expect, test } from "vitest";
import { attemptOf, factsOf, homeOf } from "../src/attempt.ts";
import { fromBase64url, toBase64url } from "../src/encoding.ts";
import type { Attested } from "../src/evidence/attested.ts";
import type { AgentCaller } from "../src/evidence/caller.ts";
import type { Reason } from "../src/reasons.ts";
import type { AgentKey } from "../src/tenant/tenant.ts";
import { newTrail, type Trail } from "../src/trail.ts";
import {
  agentOf,
  BODY_SHA256,
  ect,
  judgeEct,
  judgeMandate,
  mandate,
  NOW,
  tenant,
  unwrap,
} from "./support/acme.ts";

const verifiedMandate = unwrap(await judgeMandate(await mandate({ wid: "w-1" })));
const step = unwrap(await judgeEct(await ect()));

const caller = (key: AgentKey = agentOf("ada-1"), nonce: string | null = "n-1"): AgentCaller => ({
  kind: "agent",
  token: null,
  agent: key.agent,
  lane: key.lane,
  mandate: verifiedMandate,
  signature: {
    key,
    profile: key.profile,
    nonce,
    created: NOW,
    expires: NOW + 60,
    demandsSignedResponse: false,
    covers: new Set(),
    lastAcceptable: NOW + 90,
  },
  ect: null,
  wit: null,
});

const attested = {
  dialect: "A",
  agent: agentOf("ada-1").agent,
  nonceKey: "attestation-nonce",
  iat: NOW + 0.75,
  lastAcceptable: NOW + 60,
} as unknown as Attested;

const trail = (changes: Partial<Trail> = {}): Trail => ({ ...newTrail(1000), tenant, ...changes });
const attempt = (of: Trail, denial: Reason | null = null) => attemptOf(of, factsOf(of, tenant), denial);

describe("a new trail", () => {
  test("has an id of 128 bits of its own, and knows nothing", () => {
    const [one, other] = [newTrail(1), newTrail(1)];
    expect(fromBase64url(one.decision)?.length).toBe(16);
    expect(one.decision).not.toBe(other.decision);
    expect(one.checks).not.toBe(other.checks);
    expect(one).toMatchObject({ tenant: null, mandate: null, caller: null, ruling: null });
  });
});

describe("the home", () => {
  test.each<[string, Partial<Trail>, string]>([
    ["a stranger's", {}, '["v1","acme","unverified",0]'],
    ["an agent's", { caller: caller() }, '["v1","acme","agent:ada",0]'],
    ["an agent's lane", { caller: caller({ ...agentOf("ada-1"), lane: 3 }) }, '["v1","acme","agent:ada",3]'],
  ])("%s", (_, changes, expected) => {
    expect(homeOf(trail(changes), tenant)).toBe(expected);
  });

  test("nothing a caller can vary moves it", () => {
    const base = homeOf(trail({ caller: caller() }), tenant);
    const varied = trail({
      caller: {
        ...caller(agentOf("ada-2"), "n-2"),
        mandate: { ...verifiedMandate, jti: "other", wid: null },
      },
      step,
      attested,
      method: "x",
      tool: "y",
      id: "z",
      action: "a",
    });
    expect(homeOf(varied, tenant)).toBe(base);
  });
});

describe("what is used once", () => {
  const nonce = { kind: "nonce", key: "n-1", issuedAt: NOW, lastAcceptable: NOW + 90 };
  const attestation = {
    kind: "attestation",
    key: "attestation-nonce",
    issuedAt: NOW,
    lastAcceptable: NOW + 60,
  };
  test.each<[string, Partial<Trail>, object[]]>([
    ["nothing of a stranger", {}, []],
    ["the nonce of a signature", { caller: caller() }, [nonce]],
    ["no nonce, no claim", { caller: caller(agentOf("ada-1"), null) }, []],
    ["the step stands for the nonce", { caller: caller(), step }, []],
    ["an attestation beside the nonce", { caller: caller(), attested }, [nonce, attestation]],
    ["an attestation beside the step", { caller: caller(), step, attested }, [attestation]],
  ])("%s", (_, changes, expected) => {
    expect(attempt(trail(changes)).claims).toEqual(expected);
  });
});

describe("the attempt", () => {
  test("carries the mandate and the step as they were signed", () => {
    const asked = attempt(trail({ caller: caller(), step }));
    expect(asked.mandate).toEqual({
      iss: "https://issuer.example",
      rootIss: "https://issuer.example",
      jti: "mandate-1",
      wid: "w-1",
      iat: NOW,
      exp: NOW + 900,
      digest: verifiedMandate.digest,
    });
    expect(asked.step).toEqual({
      jti: "ect-1",
      iat: NOW,
      lastAcceptable: step.lastAcceptable,
      pred: ["mandate-1"],
      level: 2,
      parents: { level: 2, denied: true },
      toleratesUnknownParents: false,
      foreignParents: [],
      othersAsked: true,
    });
  });

  test("only the poc profile tolerates unknown parents, and not at level 3", () => {
    const poc = { ...step, key: { ...step.key, profile: "poc" as const } };
    const tolerates = (by = tenant) =>
      attempt(trail({ caller: caller(), step: poc, tenant: by })).step?.toleratesUnknownParents;
    expect(tolerates()).toBe(true);
    expect(tolerates({ ...tenant, ect: { ...tenant.ect, level: 3 } })).toBe(false);
  });

  test.each([
    [{ level: 2 }, 2],
    [{ level: 3 }, 3],
    [{ level: 2, unsafeUnsigned: true }, 1],
  ] as const)("asks of parents what the tenant takes: %j", (policy, level) => {
    const by = { ...tenant, ect: { ...tenant.ect, ...policy, deniedParents: false } };
    const asked = attempt(trail({ caller: caller(), step, tenant: by }));
    expect(asked.step?.parents).toEqual({ level, denied: false });
  });

  test("of a mandate that was delegated, the chain's mandates may be named, and others are there to ask", () => {
    const { agent, iss, rootIss, wid } = verifiedMandate;
    const chain = [{ agent, iss, rootIss, wid, jti: "root", iat: NOW - 100, exp: NOW + 900 }];
    const delegated = { ...caller(), mandate: { ...verifiedMandate, chain } };
    expect(attempt(trail({ caller: delegated, step })).step).toMatchObject({
      foreignParents: [{ jti: "root", earliestChild: NOW - 160, level: 3, denied: false }],
      othersAsked: false,
    });
  });

  test("names the entry of cap whose calls are counted, by mandate, its claims and place", () => {
    const counted = trail({ caller: caller(), counted: { index: 2, max: 5 } });
    expect(attempt(counted).uses).toEqual([
      {
        key: JSON.stringify(["https://issuer.example", "mandate-1", verifiedMandate.digest, 2]),
        max: 5,
        until: NOW + 900,
      },
    ]);
    expect(attempt(trail({ caller: caller() })).uses).toEqual([]);
  });

  const DONE = { execAct: "mcp.search", execTs: NOW, status: "completed" };

  test("carries a record as it was verified", () => {
    const { iss, rootIss, jti, wid, digest } = verifiedMandate;
    const record = { iss, rootIss, jti, wid, mandateDigest: digest, pred: ["ect-1"], digest: "d", ...DONE };
    expect(attempt(trail({ caller: caller(), record })).record).toEqual(record);
  });

  test("is plain data, as an RPC needs it", () => {
    const asked = attempt(trail({ caller: caller(), step, attested, bodySha256: BODY_SHA256 }));
    expect(structuredClone(asked)).toEqual(asked);
    expect(JSON.parse(JSON.stringify(asked))).toEqual(asked);
  });

  test("keeps its decision id and the denial", () => {
    const refused = trail();
    expect(attempt(refused, "act.signature")).toMatchObject({
      decision: refused.decision,
      denial: "act.signature",
      mandate: null,
      step: null,
      claims: [],
    });
  });
});

describe("the audit facts", () => {
  test("of a stranger", () => {
    expect(factsOf(trail({ method: "tools/call" }), tenant)).toEqual({
      tenant: "acme",
      revision: tenant.revision,
      principal: "unverified",
      mandate: null,
      method: "tools/call",
      tool: null,
      action: null,
      input_hash: null,
      checks: [],
      count: null,
      kept: null,
    });
  });

  test("of a stranger with a mandate that is good: whose it is is known", () => {
    expect(factsOf(trail({ mandate: verifiedMandate }), tenant)).toMatchObject({
      principal: "unverified",
      mandate: '["https://issuer.example","mandate-1"]',
    });
  });

  test("of a caller: hashes of what was sent, and no text but that of fields which the tenant keeps", () => {
    const known = trail({
      caller: caller(),
      mandate: verifiedMandate,
      method: "tools/call",
      tool: "search",
      action: "mcp.search",
      bodySha256: BODY_SHA256,
      kept: { "/q": "x" },
      checks: ["mandate", "signature.agent"],
    });
    expect(factsOf(known, tenant)).toEqual({
      tenant: "acme",
      revision: tenant.revision,
      principal: "agent:ada",
      mandate: '["https://issuer.example","mandate-1"]',
      method: "tools/call",
      tool: "search",
      action: "mcp.search",
      input_hash: toBase64url(BODY_SHA256),
      checks: ["mandate", "signature.agent"],
      count: null,
      kept: { "/q": "x" },
    });
  });
});
