import { describe, expect, test } from "vitest";
import { MAX_APPROVAL_LIFETIME, MAX_APPROVAL_ROLES, MAX_APPROVER_LENGTH } from "../../src/limits.ts";
import { findConflicts } from "../../src/tenant/conflicts.ts";
import type { TenantDocument } from "../../src/tenant/schema/document.ts";
import { faultsOf, minimal, tenantOf } from "./documents.ts";

type Section = NonNullable<NonNullable<TenantDocument["policy"]>["approval"]>;

const SECTION: Section = {
  signIn: { issuer: "https://idp.example", clientId: "countersign" },
  roles: [{ name: "payer", subjects: ["alice"] }],
};
const tools = [{ name: "pay", scope: "write" as const, approval: { roles: ["payer"] } }];

const withApproval = (approval: unknown, more: object = { tools }) => ({
  ...minimal(),
  policy: { ...minimal().policy, ...more, approval },
});

const policyOf = async (approval: Section) => {
  const { policy } = await tenantOf(withApproval(approval) as TenantDocument);
  return policy.approval;
};

const faults = async (document: unknown): Promise<string[]> =>
  (await faultsOf(document)).map(({ path, problem }) => `${path} ${problem}`);
const paths = async (document: unknown): Promise<string[]> =>
  (await faultsOf(document)).map(({ path }) => path);

test("a tenant that says nothing asks nobody", async () => {
  expect((await tenantOf(minimal())).policy.approval).toBeNull();
});

test("what each setting changes", async () => {
  expect(await policyOf(SECTION)).toEqual({
    lifetime: 900,
    signIn: {
      issuer: "https://idp.example",
      clientId: "countersign",
      clientSecret: null,
      scopes: [],
      binding: null,
    },
    roles: [{ name: "payer", subjects: new Set(["alice"]), claim: null }],
  });
  const more = { clientSecret: "APPROVAL_ACME", scopes: ["groups"], binding: "IDP" };
  expect(
    await policyOf({
      lifetimeSeconds: 60,
      signIn: { ...SECTION.signIn, issuer: "https://idp.example/realms/acme", ...more },
      roles: [{ name: "payer", claim: "groups", values: ["payers"] }],
    }),
  ).toEqual({
    lifetime: 60,
    signIn: { issuer: "https://idp.example/realms/acme", clientId: "countersign", ...more },
    roles: [{ name: "payer", subjects: new Set(), claim: { name: "groups", values: new Set(["payers"]) } }],
  });
});

describe("each fault is named by its path", () => {
  const at = (path: string) => `policy.approval${path}`;
  const signIn = (changes: object) => ({ ...SECTION, signIn: { ...SECTION.signIn, ...changes } });
  const roles = (...all: object[]) => ({ ...SECTION, roles: all });
  test.each<[string, unknown, string[]]>([
    ["a typo", { ...SECTION, role: [] }, [at(".role")]],
    ["no way to sign in", { roles: SECTION.roles }, [at(".signIn")]],
    ["no roles", { ...SECTION, roles: [] }, [at(".roles")]],
    ["no time", { ...SECTION, lifetimeSeconds: 0 }, [at(".lifetimeSeconds")]],
    ["too much time", { ...SECTION, lifetimeSeconds: MAX_APPROVAL_LIFETIME + 1 }, [at(".lifetimeSeconds")]],
    ["a provider without TLS", signIn({ issuer: "http://idp.example" }), [at(".signIn.issuer")]],
    ["a provider by address", signIn({ issuer: "https://10.0.0.1" }), [at(".signIn.issuer")]],
    ["a provider inside", signIn({ issuer: "https://idp.internal" }), [at(".signIn.issuer")]],
    ["a provider with a query", signIn({ issuer: "https://idp.example/?a=b" }), [at(".signIn.issuer")]],
    ["a provider with a port", signIn({ issuer: "https://idp.example:8443" }), [at(".signIn.issuer")]],
    ["another spelling", signIn({ issuer: "https://IDP.example" }), [at(".signIn.issuer")]],
    ["the deployment's own secret", signIn({ clientSecret: "SIGNING_KEYS" }), [at(".signIn.clientSecret")]],
    ["an origin's secret", signIn({ clientSecret: "ORIGIN_TOKEN" }), [at(".signIn.clientSecret")]],
    ["two scopes in one", signIn({ scopes: ["a b"] }), [at(".signIn.scopes[0]")]],
    ["a role that nobody has", roles({ name: "payer" }), [at(".roles[0]")]],
    [
      "a claim without values",
      roles({ name: "payer", subjects: ["a"], claim: "groups" }),
      [at(".roles[0].claim")],
    ],
    ["values without a claim", roles({ name: "payer", values: ["a"] }), [at(".roles[0].values")]],
    ["a nameless subject", roles({ name: "payer", subjects: [""] }), [at(".roles[0].subjects[0]")]],
    [
      "a subject longer than there are",
      roles({ name: "payer", subjects: ["a".repeat(MAX_APPROVER_LENGTH + 1)] }),
      [at(".roles[0].subjects[0]")],
    ],
    [
      "one role twice",
      roles(...[1, 2].map(() => ({ name: "payer", subjects: ["a"] }))),
      [at(".roles[1].name")],
    ],
    [
      "more roles than a cookie holds",
      roles(
        ...Array.from({ length: MAX_APPROVAL_ROLES + 1 }, (_, i) => ({ name: `r${i}`, subjects: ["a"] })),
      ),
      [at(".roles")],
    ],
  ])("%s", async (_, approval, expected) => {
    expect(await paths(withApproval(approval, {}))).toEqual(expected);
  });

  test("a tool that asks for an approval that nobody can give", async () => {
    expect(await faults({ ...minimal(), policy: { ...minimal().policy, tools } })).toEqual([
      "policy.tools[0].approval asks for an approval, and policy.approval does not say who gives it",
    ]);
    const asking = [{ name: "pay", scope: "write", approval: { roles: ["payer", "payers"] } }];
    expect(await faults(withApproval(SECTION, { tools: asking }))).toEqual([
      "policy.tools[0].approval.roles[1] is not the name of a role of policy.approval",
    ]);
  });

  test("two people, where only one has a role", async () => {
    const two = (...names: string[]) => [
      { name: "pay", scope: "write" as const, approval: { roles: names, people: 2 } },
    ];
    const section = roles(
      { name: "payer", subjects: ["alice"] },
      { name: "boss", subjects: ["alice", "alice"] },
      { name: "other", subjects: ["bob"] },
      { name: "clerk", subjects: ["alice"], claim: "groups", values: ["clerks"] },
    );
    const problem = "asks for 2 people, and 1 has one of its roles";
    const tool = (...names: string[]) => faults(withApproval(section, { tools: two(...names) }));
    expect(await tool("payer")).toEqual([`policy.tools[0].approval.people ${problem}`]);
    expect(await tool("payer", "boss")).toEqual([`policy.tools[0].approval.people ${problem}`]);
    expect(await tool("payer", "other")).toEqual([]);
    expect(await tool("clerk")).toEqual([]);
    const [{ approval } = { approval: {} }] = two("payer");
    const rule = { name: "both", when: "true", then: "approve", approval };
    expect(await faults(withApproval(section, { rules: [rule] }))).toEqual([
      `policy.rules[0].approval.people ${problem}`,
    ]);
  });

  test("a tool that asks for nobody, or for too many", async () => {
    for (const approval of [
      { roles: [] },
      { roles: ["payer"], people: 0 },
      { roles: ["payer"], people: 3 },
      {},
    ]) {
      const [path] = await paths(
        withApproval(SECTION, { tools: [{ name: "pay", scope: "write", approval }] }),
      );
      expect(path).toMatch(/^policy\.tools\[0\]\.approval/);
    }
  });
});

test("no two tenants name one secret", async () => {
  const signIn = { ...SECTION.signIn, clientSecret: "APPROVAL_ACME" };
  const [acme, beta] = await Promise.all(
    ["acme", "beta"].map((id) => {
      const document = withApproval({ ...SECTION, signIn }) as TenantDocument;
      return tenantOf({ ...document, id, publicUrl: `https://${id}.example/mcp` });
    }),
  );
  if (acme === undefined || beta === undefined) throw new Error("two tenants");
  expect(findConflicts([acme, beta])).toEqual([
    {
      path: "beta.policy.approval.signIn.clientSecret",
      problem: "APPROVAL_ACME is a secret of tenant acme",
    },
  ]);
});
