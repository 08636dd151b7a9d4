import { expect, test } from "vitest";
import type { AgentCaller, Caller } from "../../src/evidence/caller.ts";
import type { LimitUse } from "../../src/ledger/lease.ts";
import { CLOCK_SKEW } from "../../src/limits.ts";
import { limitUses } from "../../src/policy/limit-uses.ts";
import type { TenantDocument } from "../../src/tenant/schema/document.ts";
import { newTrail, type Trail } from "../../src/trail.ts";
import { agentOf, compiled, judgeMandate, mandate, NOW, unwrap } from "../support/acme.ts";

type Policy = NonNullable<TenantDocument["policy"]>;
type Limits = NonNullable<Policy["limits"]>;

const TOOLS: Policy["tools"] = [
  { name: "search", scope: "read" },
  { name: "write", scope: "write", cost: 5 },
  { name: "free", scope: "read", cost: 0 },
];

const MINUTE = { windowSeconds: 60 };

const ada = async (claims = {}): Promise<AgentCaller> => ({
  kind: "agent",
  agent: agentOf("ada-1").agent,
  lane: 0,
  mandate: unwrap(await judgeMandate(await mandate(claims))),
  signature: null,
  ect: null,
  wit: null,
  token: null,
});

const spread = async (): Promise<Caller> => {
  const caller = await ada();
  return { ...caller, agent: { ...caller.agent, lanes: new Set([0, 1]) } };
};

async function usesOf(
  limits: Limits,
  changes: Partial<Trail> = {},
  policy: Partial<Policy> = {},
): Promise<readonly LimitUse[]> {
  const tenant = await compiled({ policy: { tools: TOOLS, limits, ...policy } });
  const caller = await ada();
  return limitUses({
    ...newTrail(NOW * 1000),
    tenant,
    caller,
    method: "tools/call",
    tool: "search",
    ...changes,
  });
}

const keyOf = async (...asked: Parameters<typeof usesOf>): Promise<string> => {
  const [use, ...more] = await usesOf(...asked);
  if (use === undefined || more.length > 0) throw new Error("one use should be there");
  return use.key;
};

test("without limits nothing is counted, nor is what is no call of a tool", async () => {
  const limits: Limits = [{ per: "tenant", calls: 5, ...MINUTE }];
  expect(await usesOf([])).toEqual([]);
  expect(await usesOf(limits, { method: "tools/list", tool: null })).toEqual([]);
  expect(await usesOf(limits, { tenant: null })).toEqual([]);
  expect(await usesOf(limits)).toHaveLength(1);
});

test("each unit of each rule for the tool is counted, by the ledger or by the directory", async () => {
  const uses = await usesOf(
    [
      { per: "mandate", calls: 2 },
      { per: "principal", calls: 10, cost: 20, ...MINUTE },
      { per: "tool", calls: 30, tools: ["write"], ...MINUTE },
      { per: "tool", calls: 40, tools: ["search"], ...MINUTE },
      { per: "tenant", cost: 50, windowSeconds: 3600 },
    ],
    { tool: "write" },
  );
  expect(uses.map(({ per, shared, amount, max, window }) => [per, shared, amount, max, window])).toEqual([
    ["mandate", false, 1, 2, null],
    ["principal", false, 1, 10, 60],
    ["principal", false, 5, 20, 60],
    ["tool", true, 1, 30, 60],
    ["tenant", true, 5, 50, 3600],
  ]);
  expect(new Set(uses.map(({ key }) => key)).size).toBe(5);
});

test("what costs nothing is not counted in costs", async () => {
  const limits: Limits = [{ per: "tenant", cost: 50, calls: 5, ...MINUTE }];
  const uses = await usesOf(limits, { tool: "free" });
  expect(uses.map(({ max }) => max)).toEqual([5]);
});

test("a count stays when others change, and its maximum", async () => {
  const rule = { per: "tenant", tools: ["search", "write"], ...MINUTE } as const;
  const key = await keyOf([{ ...rule, tools: ["search", "write"], calls: 5 }]);
  const other = { per: "principal", calls: 1, tools: ["free"], ...MINUTE } as const;
  expect(
    await keyOf([
      { ...other, tools: ["free"] },
      { ...rule, tools: ["write", "search"], calls: 500 },
    ]),
  ).toBe(key);
});

test.each<[string, Limits[number]]>([
  ["tools", { per: "tenant", calls: 5, tools: ["search", "free"], ...MINUTE }],
  ["window", { per: "tenant", calls: 5, tools: ["search", "write"], windowSeconds: 61 }],
  ["unit", { per: "tenant", cost: 5, tools: ["search", "write"], ...MINUTE }],
  ["owner", { per: "principal", calls: 5, tools: ["search", "write"], ...MINUTE }],
])("another one is counted with other %s", async (_, rule) => {
  const key = await keyOf([{ per: "tenant", calls: 5, tools: ["search", "write"], ...MINUTE }]);
  expect(await keyOf([rule])).not.toBe(key);
});

test("per tool a call is the same call, whichever others the rule is for", async () => {
  const key = await keyOf([{ per: "tool", calls: 5, ...MINUTE }]);
  expect(await keyOf([{ per: "tool", calls: 5, tools: ["search", "write"], ...MINUTE }])).toBe(key);
  expect(await keyOf([{ per: "tool", calls: 5, ...MINUTE }], { tool: "write" })).not.toBe(key);
});

test("names that callers invent are counted as one tool, those that the operator has named for themselves", async () => {
  const policy: Partial<Policy> = {
    unsafeUnlistedTools: "read",
    tools: ["search", "beta"].map((name) => ({ name, scope: "read" })),
  };
  const limits: Limits = [
    { per: "tool", calls: 5, ...MINUTE },
    { per: "tenant", calls: 5, tools: ["beta"], ...MINUTE },
  ];
  const key = async (tool: string) => (await usesOf(limits, { tool }, policy))[0]?.key;
  expect(await key("one")).toBe(await key("two"));
  expect(new Set([await key("one"), await key("beta"), await key("search")]).size).toBe(3);
});

test("a mandate is counted for itself, and by its jti: claims that change make no other one of it", async () => {
  const limits: Limits = [{ per: "mandate", calls: 5 }];
  const under = async (claims: object) => (await usesOf(limits, { caller: await ada(claims) }))[0];
  const first = await under({});
  expect(first).toMatchObject({
    issuer: "https://issuer.example",
    from: NOW,
    until: NOW + 900 + CLOCK_SKEW,
  });
  expect((await under({ exp: NOW + 800 }))?.key).toBe(first?.key);
  expect((await under({ jti: "mandate-2" }))?.key).not.toBe(first?.key);
});

test("the calls of an agent with several lanes are counted by several ledgers", async () => {
  const limits: Limits = [
    { per: "mandate", calls: 5 },
    { per: "principal", calls: 5, ...MINUTE },
  ];
  const uses = await usesOf(limits, { caller: await spread() });
  expect(uses.map(({ shared }) => shared)).toEqual([true, true]);
});

test("a call whose evidence is only observed is counted with all others of strangers", async () => {
  const limits: Limits = [
    { per: "mandate", calls: 5 },
    { per: "principal", calls: 5, ...MINUTE },
    { per: "tenant", calls: 5, ...MINUTE },
  ];
  const uses = await usesOf(limits, { caller: null });
  expect(uses.map(({ per }) => per)).toEqual(["principal", "tenant"]);
  expect(uses[0]?.key).not.toBe(await keyOf([{ per: "principal", calls: 5, ...MINUTE }]));
});
