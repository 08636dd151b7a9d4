import { describe, expect, test } from "vitest";
import {
  type DelegationGrant,
  delegateMandate,
  generateSigner,
  mintMandate,
  mintRecord,
  readMandate,
  SESSION_ACTIONS,
  startRun,
} from "../../src/agent/index.ts";
import { readMandate as parse, parseMandate } from "../../src/evidence/act/parse.ts";
import { readRecord, verifyRecord } from "../../src/evidence/act/record.ts";
import { verifyMandate } from "../../src/evidence/act/verify.ts";
import { agentKeys } from "../../src/evidence/agent-key.ts";
import { noRemoteKeys } from "../support/agents.ts";
import {
  agent,
  ISS,
  issuer,
  issuersFor,
  mandateFor,
  NOW,
  outcome,
  p256,
  pass,
  post,
  rpc,
  SUB,
  tenant,
  tenantOf,
  URL_OF_TENANT,
  verified,
} from "./helpers.ts";

const planner = await generateSigner({ alg: "ES256", kid: "planner-1" });
const [researcher] = issuersFor([]);
if (researcher === undefined) throw new Error("no issuer");

const by = await tenantOf({
  act: { delegation: { maxDepth: 2 } },
  issuers: [{ ...researcher, agents: ["researcher", "planner"], actions: ["mcp.*"] }],
  agents: [
    {
      name: "researcher",
      subjects: [SUB],
      keys: [{ jwk: { ...p256.publicJwk } }],
    },
    { name: "planner", subjects: ["agent:planner"], keys: [{ jwk: { ...planner.publicJwk } }] },
  ],
});

const search = (q: object) => ({ action: "mcp.search", constraints: { arguments: { "/q": q } } });
const parent = await mandateFor({
  sub: "agent:planner",
  actions: [...SESSION_ACTIONS, search({ prefix: "tides" }), "mcp.fetch"],
  maxDepth: 1,
  wid: "w-1",
});
const delegated = (changes: Partial<DelegationGrant> = {}) =>
  delegateMandate({
    parent,
    signer: planner.signer,
    sub: SUB,
    purpose: "Find recent papers on tides",
    actions: [...SESSION_ACTIONS, search({ prefix: "tides in" })],
    now: NOW,
    ...changes,
  });

describe("a mandate handed on", () => {
  test("is of the parent's workflow, audience and no longer life", async () => {
    const token = await delegated({ lifetimeSeconds: 5000, jti: "m-2" });
    expect(readMandate(token)).toMatchObject({
      iss: "agent:planner",
      sub: SUB,
      aud: [URL_OF_TENANT],
      iat: NOW,
      exp: NOW + 900,
      jti: "m-2",
      wid: "w-1",
    });
  });

  test("is verified, and its calls are held to both mandates", async () => {
    const options = agent({ run: startRun(await delegated()) });
    const call = (q: string) => post(rpc("tools/call", { name: "search", arguments: { q } }));
    const { caller } = verified(await pass(call("tides in Brest"), options, { by }));
    expect(caller.mandate).toMatchObject({ rootIss: ISS, wid: "w-1", agent: { name: "researcher" } });
    expect(caller.mandate.chain.map((link) => link.agent.name)).toEqual(["planner"]);
    expect(outcome(await pass(call("tides of war"), options, { by }))).toBe(
      "capability.argument_not_allowed",
    );
    expect(outcome(await pass(call("tides in Brest"), options))).toBe("act.delegation_off");
  });

  test.each<[string, Partial<DelegationGrant>, string]>([
    ["one more action", { actions: ["mcp.delete"] }, "act.privilege_escalation"],
    ["a wider constraint", { actions: [search({ prefix: "t" })] }, "act.privilege_escalation"],
    ["another audience", { aud: "https://other.example" }, "act.privilege_escalation"],
    ["a raised max_depth", { maxDepth: 2 }, "act.delegation_depth"],
    ["a malformed constraint", { actions: [search({ pattern: "(" })] }, "act.constraint_malformed"],
    ["the parent's jti", { jti: readMandate(parent).jti }, "act.delegation_chain"],
  ])("is not made where no verifier would take it: %s", async (_, changes, reason) => {
    await expect(delegated(changes)).rejects.toThrow(reason);
  });

  test("cannot be handed on further than the root says", async () => {
    const token = await delegated({ sub: "agent:planner", jti: "m-2" });
    await expect(delegated({ parent: token })).rejects.toThrow("act.delegation_depth");
    await expect(delegated({ parent: await mandateFor({ sub: "agent:planner" }) })).rejects.toThrow(
      "act.delegation_depth",
    );
  });
});

describe("constraints of a mandate", () => {
  test("are those that a verifier reads", async () => {
    const token = await mintMandate({
      signer: issuer.signer,
      iss: ISS,
      sub: SUB,
      aud: URL_OF_TENANT,
      purpose: "x",
      actions: [
        {
          action: "mcp.search",
          constraints: {
            arguments: {
              "/q": { in: ["a", "b"], pattern: "[ab]", prefix: "" },
              "/limit": { presence: "optional", minimum: 1, maximum: 5 },
              "/debug": { presence: "forbidden" },
              "/mode": { equals: { fast: true } },
            },
            additional: true,
            max_calls: 3,
          },
        },
      ],
    });
    const read = parse(token);
    if (!read.ok) throw new Error(read.error);
    expect(read.value.cap[0]?.constraints?.maxCalls).toBe(3);
    expect(read.value.cap[0]?.constraints?.arguments?.additional).toBe(true);
  });
});

describe("a record", () => {
  const judge = async (token: string) => {
    const read = readRecord(token);
    if (!read.ok) throw new Error(read.error);
    const owner = tenant.agents.bySubject.get(SUB);
    if (owner === undefined) throw new Error("no agent");
    return verifyRecord(read.value, owner, tenant, agentKeys(owner, tenant, noRemoteKeys), NOW);
  };

  test("is verified, and of its mandate", async () => {
    const mandate = await mandateFor();
    const record = await mintRecord({
      mandate,
      signer: p256.signer,
      execAct: "mcp.search",
      pred: ["ect-1"],
      input: new TextEncoder().encode("in"),
      output: new TextEncoder().encode("out"),
      now: NOW,
    });
    const judged = await judge(record);
    const presented = parseMandate(new Map([["act-mandate", mandate]]));
    if (presented.state !== "present" || !judged.ok) throw new Error(outcome(judged));
    const known = await verifyMandate(presented.value, tenant, noRemoteKeys, NOW);
    if (!known.ok) throw new Error(known.error);
    expect(judged.value).toMatchObject({
      iss: ISS,
      jti: readMandate(mandate).jti,
      mandateDigest: known.value.digest,
      pred: ["ect-1"],
      execTs: NOW,
    });
  });

  test("has err and a status where they are given, and no hash where there is nothing", async () => {
    const record = await mintRecord({
      mandate: await mandateFor(),
      signer: p256.signer,
      execAct: "mcp.search",
      status: "failed",
      err: { code: 1 },
      now: NOW,
    });
    const read = readRecord(record);
    if (!read.ok) throw new Error(read.error);
    expect(read.value.jws.payload).toMatchObject({ status: "failed", err: { code: 1 }, pred: [] });
    expect(Object.keys(read.value.jws.payload)).not.toContain("inp_hash");
    expect(outcome(await judge(record))).toBe("record.status");
  });

  test("goes with a call, under the signature", async () => {
    const mandate = await mandateFor();
    const record = await mintRecord({ mandate, signer: p256.signer, execAct: "mcp.search", now: NOW });
    const call = post(rpc("ping"));
    const { caller } = verified(
      await pass({ ...call, headers: { ...call.headers, "act-record": record } }, agent()),
    );
    expect(caller.signature?.covers.has('"act-record"')).toBe(true);
  });
});
