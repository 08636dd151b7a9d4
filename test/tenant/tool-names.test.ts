import { expect, test } from "vitest";
import { compileTenant } from "../../src/tenant/compile.ts";
import type { TenantDocument } from "../../src/tenant/schema/document.ts";
import { minimal } from "./documents.ts";

const REQUIRE = ["mandate", "signature"] as const;

const MISSPELT: Partial<TenantDocument> = {
  evidence: [{ tools: ["serch"], require: [...REQUIRE] }, { require: [...REQUIRE] }],
  accessTokens: {
    issuers: [{ iss: "https://as.example", keySources: [{ type: "jwks", url: "https://as.example/keys" }] }],
    scopes: [{ tools: ["search", "serch"], require: ["tools"] }, { require: [] }],
  },
  audit: { keep: [{ tool: "serch", arguments: ["/q"] }] },
};

const faults = async (changes: Partial<TenantDocument>) => {
  const policy: TenantDocument["policy"] = { tools: [{ name: "search", scope: "read" }] };
  const result = await compileTenant(
    JSON.stringify({ ...minimal(), policy, ...changes }),
    "https://gateway.example",
  );
  return result.ok ? [] : result.error.map(({ path, problem }) => `${path} ${problem}`);
};

test("a tool that is misspelt is a fault wherever it stands: it would let a weaker rule decide", async () => {
  const observe = [{ until: "2027-01-01T00:00:00Z", gates: ["limits" as const], tools: ["Search"] }];
  expect((await faults({ ...MISSPELT, observe })).sort()).toEqual([
    "accessTokens.scopes[0].tools[1] is not a tool of policy.tools",
    "audit.keep[0].tool is not a tool of policy.tools",
    "evidence[0].tools[0] is not a tool of policy.tools",
    "observe[0].tools[0] is not a tool of policy.tools",
  ]);
});

test.each<[string, Partial<TenantDocument>]>([
  ["the policy takes them", { policy: { unsafeUnlistedTools: "read" } }],
  ["that they are not listed is only observed", { observe: [{ until: "2027-01-01T00:00:00Z" }] }],
])("what only narrows may name any tool where %s; rules may not", async (_, changes) => {
  expect((await faults({ ...MISSPELT, ...changes })).map((fault) => fault.split(" ")[0]).sort()).toEqual(
    changes.policy === undefined
      ? ["accessTokens.scopes[0].tools[1]", "evidence[0].tools[0]"]
      : ["accessTokens.scopes[0].tools[0]", "accessTokens.scopes[0].tools[1]", "evidence[0].tools[0]"],
  );
});
