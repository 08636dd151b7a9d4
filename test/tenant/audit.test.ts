import { describe, expect, test } from "vitest";
import { MAX_KEPT_FIELDS, MAX_KEPT_LENGTH, MAX_TENANT_LIST } from "../../src/limits.ts";
import type { TenantDocument } from "../../src/tenant/schema/document.ts";
import { faultsOf, minimal, tenantOf } from "./documents.ts";

type Section = NonNullable<TenantDocument["audit"]>;

const policyOf = async (audit?: Section) =>
  (await tenantOf({ ...minimal(), ...(audit !== undefined && { audit }) })).audit;

const paths = async (audit: unknown): Promise<string[]> =>
  (await faultsOf({ ...minimal(), audit })).map(({ path }) => path);

const keeping = (...pointers: string[]) => ({ keep: [{ tool: "pay", arguments: pointers }] });

test("a tenant that says nothing keeps no argument, and every record for ever", async () => {
  expect(await policyOf()).toEqual({ checkpointInterval: 300_000, retention: null, keep: new Map() });
  expect(await policyOf({})).toEqual(await policyOf());
});

test("what each setting changes", async () => {
  const keep = [
    { tool: "pay", arguments: ["/amount", "/customer/id"] },
    { tool: "Pay", arguments: ["/lines/0/a~1b~0c"] },
  ];
  expect(await policyOf({ checkpointSeconds: 10, retentionDays: 1, keep })).toEqual({
    checkpointInterval: 10_000,
    retention: 86_400_000,
    keep: new Map([
      ["pay", ["/amount", "/customer/id"]],
      ["Pay", ["/lines/0/a~1b~0c"]],
    ]),
  });
});

describe("each fault is named by its path", () => {
  test.each<[string, unknown, string[]]>([
    ["a section that is a list", [], ["audit"]],
    ["an unknown field", { retention: 7 }, ["audit.retention"]],
    ["checkpoints all the time", { checkpointSeconds: 9 }, ["audit.checkpointSeconds"]],
    ["checkpoints never", { checkpointSeconds: 86_401 }, ["audit.checkpointSeconds"]],
    ["checkpoints as a text", { checkpointSeconds: "60" }, ["audit.checkpointSeconds"]],
    ["no retention at all", { retentionDays: 0 }, ["audit.retentionDays"]],
    ["a day and a half", { retentionDays: 1.5 }, ["audit.retentionDays"]],
    ["eleven years", { retentionDays: 4_000 }, ["audit.retentionDays"]],
    ["retention switched off by null", { retentionDays: null }, ["audit.retentionDays"]],
    ["keep as an object", { keep: { pay: ["/a"] } }, ["audit.keep"]],
    ["an entry without a tool", { keep: [{ arguments: ["/a"] }] }, ["audit.keep[0].tool"]],
    ["a tool that cannot be called", { keep: [{ tool: "a b", arguments: ["/a"] }] }, ["audit.keep[0].tool"]],
    ["an entry without fields", { keep: [{ tool: "pay" }] }, ["audit.keep[0].arguments"]],
    ["an entry with an empty list of fields", keeping(), ["audit.keep[0].arguments"]],
    [
      "a whole result",
      { keep: [{ tool: "pay", arguments: ["/a"], result: ["/b"] }] },
      ["audit.keep[0].result"],
    ],
  ])("%s", async (_, audit, expected) => {
    expect(await paths(audit)).toEqual(expected);
  });

  test("a second entry for a tool, which names the first", async () => {
    const keep = ["pay", "search", "pay"].map((tool) => ({ tool, arguments: ["/a"] }));
    expect(await faultsOf({ ...minimal(), audit: { keep } })).toEqual([
      { path: "audit.keep[2].tool", problem: "is the same tool as audit.keep[0].tool" },
    ]);
  });

  test("a field that is named twice", async () => {
    expect(await paths(keeping("/a", "/b", "/a"))).toEqual(["audit.keep[0].arguments[2]"]);
  });

  test.each<[string, string]>([
    ["all arguments together", ""],
    ["a bare name", "amount"],
    ["a URI fragment", "#/amount"],
    ["a JSONPath", "$.amount"],
    ["an escape that is none", "/a~2b"],
    ["half an escape", "/a~"],
    ["something relative", "0/amount"],
    ["a newline in front", "\n/amount"],
  ])("a pointer that is %s", async (_, pointer) => {
    expect(await paths(keeping("/ok", pointer))).toEqual(["audit.keep[0].arguments[1]"]);
  });
});

test("lists, pointers and their steps have bounds", async () => {
  const names = (count: number) => Array.from({ length: count }, (_, i) => `/f${i}`);
  const entries = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ tool: `t${i}`, arguments: ["/a"] }));
  expect(await paths(keeping(...names(MAX_KEPT_FIELDS)))).toEqual([]);
  expect(await paths(keeping(...names(MAX_KEPT_FIELDS + 1)))).toEqual(["audit.keep[0].arguments"]);
  expect(await paths({ keep: entries(MAX_TENANT_LIST) })).toEqual([]);
  expect(await paths({ keep: entries(MAX_TENANT_LIST + 1) })).toEqual(["audit.keep"]);
  expect(await paths(keeping(`/${"a".repeat(MAX_KEPT_LENGTH - 1)}`))).toEqual([]);
  expect(await paths(keeping(`/${"a".repeat(MAX_KEPT_LENGTH)}`))).toEqual(["audit.keep[0].arguments[0]"]);
  expect(await paths(keeping("/a".repeat(64)))).toEqual([]);
  expect(await paths(keeping("/a".repeat(65)))).toEqual(["audit.keep[0].arguments[0]"]);
});
