import { describe, expect, test } from "vitest";
import { faultsOf, minimal } from "./documents.ts";

const TOOLS = [
  { name: "search", scope: "read", cost: 5 },
  { name: "write", scope: "write", cost: 50 },
  { name: "free", scope: "read", cost: 0 },
];

const document = (limits: readonly object[], policy: object = {}) => ({
  ...minimal(),
  policy: { tools: TOOLS, limits, ...policy },
});

const problems = async (limits: readonly object[], policy: object = {}) =>
  (await faultsOf(document(limits, policy))).map(({ path, problem }) => `${path} ${problem}`);

const minute = { windowSeconds: 60 };

describe("faults", () => {
  test.each([
    [
      "nothing that is counted",
      [{ per: "tenant", ...minute }],
      ["policy.limits[0] needs calls or cost, or both"],
    ],
    [
      "no window",
      [
        { per: "mandate", calls: 1 },
        { per: "tenant", calls: 1 },
        { per: "principal", cost: 50 },
      ],
      [
        "policy.limits[1] needs windowSeconds: only per mandate can do without",
        "policy.limits[2] needs windowSeconds: only per mandate can do without",
      ],
    ],
    [
      "tools that are not there, or are there twice",
      [{ per: "tool", calls: 1, tools: ["search", "serach", "search"], ...minute }],
      ["policy.limits[0].tools[1] is not a tool of policy.tools", "policy.limits[0].tools[2] is there twice"],
    ],
    [
      "a tool that could never be called",
      [
        { per: "tenant", cost: 49, ...minute },
        { per: "mandate", cost: 4, tools: ["search"] },
        { per: "principal", cost: 49, tools: ["search"], ...minute },
      ],
      [
        "policy.limits[0].cost is less than policy.tools[1].cost: that tool could never be called",
        "policy.limits[1].cost is less than policy.tools[0].cost: that tool could never be called",
      ],
    ],
    [
      "the same counted twice",
      [
        { per: "tenant", calls: 5, tools: ["search", "write"], ...minute },
        { per: "tenant", calls: 9, cost: 90, tools: ["write", "search"], ...minute },
        { per: "tool", calls: 5, tools: ["search"], ...minute },
        { per: "tool", calls: 9, ...minute },
        { per: "mandate", calls: 5 },
        { per: "mandate", calls: 9 },
      ],
      [
        "policy.limits[1].calls counts what policy.limits[0].calls counts",
        "policy.limits[3].calls counts what policy.limits[2].calls counts",
        "policy.limits[5].calls counts what policy.limits[4].calls counts",
      ],
    ],
    [
      "typos",
      [{ per: "agent", call: 5, windowSeconds: 0 }],
      [
        'policy.limits[0].per must be "mandate" or "principal" or "tool" or "tenant"',
        "policy.limits[0].call is not a known field",
        "policy.limits[0].windowSeconds must be at least 1",
      ],
    ],
  ])("%s", async (_, limits, expected) => {
    expect(await problems(limits)).toEqual(expected);
  });
});

test("what differs in tools, unit, window or owner is counted side by side", async () => {
  const limits = [
    { per: "tenant", calls: 5, ...minute },
    { per: "tenant", calls: 5, windowSeconds: 3600 },
    { per: "tenant", calls: 5, tools: ["search"], ...minute },
    { per: "tenant", calls: 5, tools: ["search", "write"], ...minute },
    { per: "tenant", cost: 50, ...minute },
    { per: "principal", calls: 5, ...minute },
    { per: "tool", calls: 5, tools: ["search"], ...minute },
    { per: "tool", calls: 5, tools: ["write"], ...minute },
    { per: "mandate", calls: 5 },
  ];
  expect(await problems(limits)).toEqual([]);
});

test("a tool that is not listed cannot be named: a misspelt one would be limited in vain", async () => {
  const limits = [{ per: "tool", calls: 1, tools: ["beta"], ...minute }];
  expect(await problems(limits, { unsafeUnlistedTools: "read" })).toEqual([
    "policy.limits[0].tools[0] is not a tool of policy.tools",
  ]);
});
