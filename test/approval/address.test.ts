import { expect, test } from "vitest";
import { approvalEndpoint, approvalUrl, callbackUrl } from "../../src/approval/address.ts";
import { rolesOf } from "../../src/approval/roles.ts";
import { isOwn, ledgerOf } from "../../src/approval/whose.ts";
import { toBase64url, utf8 } from "../../src/encoding.ts";
import { endpointAt } from "../../src/endpoints/endpoint.ts";
import type { JsonObject } from "../../src/json/strict-json.ts";
import type { ApproverRole } from "../../src/tenant/schema/approval.ts";
import type { Tenant } from "../../src/tenant/tenant.ts";

const PUBLIC = "https://g.example/acme/mcp";
const CALL = { principal: "agent:reader", lane: 3, id: "AbCdEfGhIjKlMnOpQrStUv" };

test("an address leads to its call", () => {
  const url = new URL(approvalUrl(PUBLIC, CALL));
  expect(endpointAt(url.pathname, "/acme/mcp")).toEqual({ kind: "approval", call: CALL });
  expect(endpointAt(new URL(callbackUrl(PUBLIC)).pathname, "/acme/mcp")).toEqual({
    kind: "approval-callback",
  });
});

test.each([
  "",
  "Callback",
  "AAAA",
  ...[
    "null",
    "[]",
    '["agent:reader",3]',
    '["agent:reader","3","AbCdEfGhIjKlMnOpQrStUv"]',
    '["agent:reader",0.5,"AbCdEfGhIjKlMnOpQrStUv"]',
    '["agent:reader",3,"short"]',
    '["agent:reader",3,"AbCdEfGhIjKlMnOpQrStUv",1]',
    '["agent:reader", 3,"AbCdEfGhIjKlMnOpQrStUv"]',
    '{"principal":"agent:reader"}',
  ].map((text) => toBase64url(utf8(text))),
])("there is nothing else: %s", (name) => {
  expect(approvalEndpoint(name)).toBeNull();
});

test("an address leads to ledgers of this tenant alone", () => {
  const reader = { name: "reader", lanes: new Set([0, 3]) };
  const tenant = {
    id: "acme",
    agents: { bySubject: new Map([["spiffe://reader", reader]]) },
    tokenIssuers: new Map([["https://as.example", {}]]),
  } as unknown as Tenant;
  const ledger = (principal: string, lane = 0) => ledgerOf({ ...CALL, principal, lane }, tenant);
  expect(ledger("agent:reader", 3)).toBe('["v1","acme","agent:reader",3]');
  expect(ledger("oauth:https://as.example:bob")).toBe('["v1","acme","oauth:https://as.example:bob",0]');
  for (const none of [
    ledger("agent:reader", 1),
    ledger("agent:spiffe://reader"),
    ledger("unverified"),
    ledger("oauth:https://as.example"),
    ledger("oauth:https://as.example.evil.example:bob"),
    ledger("oauth:https://as.example:bob", 1),
  ])
    expect(none).toBeNull();
});

test.each<[string, string, boolean]>([
  ["agent:reader", "spiffe://reader", true],
  ["agent:reader", "reader.ect", true],
  ["agent:reader", "spiffe://writer", false],
  ["agent:reader", "alice", false],
  ["oauth:https://idp.example:alice", "alice", true],
  ["oauth:https://as.example:alice", "alice", true],
  ["oauth:https://as.example:bob", "alice", false],
  ["oauth:https://as.example:not-alice", "alice", false],
  ["agent:alice", "alice", false],
  ["oauth:https://idp.example:alice%3A2", "alice:2", true],
  ["oauth:https://idp.example:alice:2", "alice:2", false],
])("whether %s is the call of %s: %s", (principal, sub, is) => {
  const [reader, writer] = [{ name: "reader" }, { name: "writer" }];
  const agents = {
    bySubject: new Map([
      ["spiffe://reader", reader],
      ["spiffe://writer", writer],
    ]),
    byEctIssuer: new Map([["reader.ect", reader]]),
  };
  const tenant = { agents } as unknown as Tenant;
  expect(isOwn({ ...CALL, principal }, { iss: "https://idp.example", sub }, tenant)).toBe(is);
});

const ROLES: readonly ApproverRole[] = [
  { name: "named", subjects: new Set(["alice"]), claim: null },
  { name: "grouped", subjects: new Set(), claim: { name: "groups", values: new Set(["payers"]) } },
  { name: "mailed", subjects: new Set(), claim: { name: "email", values: new Set(["a@x.example"]) } },
];

test.each<[JsonObject, readonly string[]]>([
  [{ sub: "alice" }, ["named"]],
  [{ sub: "Alice" }, []],
  [{ sub: "bob", groups: ["others", "payers"] }, ["grouped"]],
  [{ sub: "bob", groups: "payers" }, ["grouped"]],
  [{ sub: "bob", groups: "others payers" }, []],
  [{ sub: "bob", groups: { payers: true } }, []],
  [{ sub: "bob", groups: [["payers"]] }, []],
  [{ sub: "bob", email: "a@x.example", email_verified: true }, ["mailed"]],
  [{ sub: "bob", email: "a@x.example" }, []],
  [{ sub: "bob", email: "a@x.example", email_verified: "true" }, []],
  [{ sub: "alice", groups: ["payers"] }, ["named", "grouped"]],
  [{}, []],
])("roles of %j", (claims, roles) => {
  expect(rolesOf(ROLES, claims)).toEqual(roles);
});

test("no role comes from what every object has", () => {
  const role = {
    name: "r",
    subjects: new Set<string>(),
    claim: { name: "constructor", values: new Set(["x"]) },
  };
  expect(rolesOf([role], { sub: "bob" })).toEqual([]);
});
