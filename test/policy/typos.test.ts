/** That a slip of the pen never widens a policy: each is refused, or allows no call that was not allowed before. */

import fc from "fast-check";
import { expect, test } from "vitest";
import type { JsonObject, JsonValue } from "../../src/json/strict-json.ts";
import { compileTenant } from "../../src/tenant/compile.ts";
import type { TenantDocument } from "../../src/tenant/schema/document.ts";
import type { Tenant } from "../../src/tenant/tenant.ts";
import { document, GATEWAY, NOW, stranger } from "../support/acme.ts";
import { agentCaller, approvers, judgedBy, type PolicyDocument, tokenCaller } from "./helpers.ts";

const AS = "https://as.example";

const policy: PolicyDocument = {
  environment: ["production"],
  tools: [
    { name: "search", scope: "read" },
    {
      name: "transfer",
      scope: "write",
      environments: ["production", "staging"],
      inputSchema: {
        type: "object",
        required: ["to", "amount"],
        properties: {
          to: { type: "string", pattern: "^[A-Z]{2}$", minLength: 2 },
          amount: { type: "number", exclusiveMinimum: 0, maximum: 1000 },
          limit: { type: ["integer", "null"], enum: [10, null] },
          parts: { type: "array", items: { $ref: "#/$defs/part" }, uniqueItems: true, maxItems: 2 },
        },
        additionalProperties: false,
        $defs: {
          part: {
            type: "object",
            required: ["n"],
            properties: { n: { const: 1 } },
            additionalProperties: false,
          },
        },
      },
      approval: { roles: ["ops", "finance"], people: 2 },
    },
    { name: "close", scope: "admin", approval: { roles: ["finance"] } },
    { name: "test_only", scope: "read", environments: ["staging"] },
  ],
  grants: [
    { agents: ["ada", "bob"], scope: "read" },
    {
      agents: ["ada"],
      subjects: [{ issuer: AS, subject: "alice" }],
      scope: "write",
      tools: ["transfer"],
      constraints: {
        arguments: {
          "/amount": { maximum: 100 },
          "/to": { in: ["CH", "DE"] },
          "/limit": { presence: "optional" },
        },
        additional: true,
      },
    },
    { agents: ["bob"], scope: "admin", tools: ["close"], expires: "2020-01-01T00:00:00Z" },
    { agents: ["bob"], scope: "write", tools: ["transfer"], status: "revoked" },
  ],
  rules: [
    { name: "not-bob", tools: ["transfer", "close"], when: 'principal.agent == "bob"', then: "deny" },
    { name: "scopes", when: 'tool.scope == "admin" || tool.name in ["test_only"]', then: "deny" },
    { name: "live", tools: ["transfer"], when: '!("production" in environment)', then: "deny" },
    {
      name: "small",
      tools: ["transfer"],
      when: "arguments.amount > double(size(arguments.to))",
      then: "deny",
    },
    {
      name: "ask",
      when: 'principal.kind == "agent" && principal.id == "agent:bob"',
      then: "approve",
      approval: { roles: ["finance"], people: 1 },
    },
  ],
  approval: approvers,
};

const changes: Partial<TenantDocument> = {
  accessTokens: { issuers: [{ iss: AS, keys: [stranger.jwk] }], scopes: [{ require: ["use"] }] },
};

async function read(mutant: JsonValue): Promise<Tenant | null> {
  const compiled = await compileTenant(JSON.stringify({ ...document(changes), policy: mutant }), GATEWAY);
  return compiled.ok ? compiled.value : null;
}

/** All that the server has. */
const TOOLS = ["search", "transfer", "close", "test_only", "other"];
const right = { to: "CH", amount: 1 };
const ARGUMENTS: readonly JsonObject[] = [
  {},
  right,
  { ...right, amount: 3 },
  { ...right, amount: 150 },
  { ...right, amount: 5000 },
  { ...right, amount: -1 },
  { ...right, amount: "1" },
  { ...right, to: "FR" },
  { ...right, to: "ch" },
  { ...right, to: "CHF" },
  { ...right, to: ["CH"] },
  { to: "CH" },
  { amount: 1 },
  { ...right, limit: 10 },
  { ...right, limit: 11 },
  { ...right, more: 1 },
  { ...right, parts: [{ n: 1 }] },
  { ...right, parts: [{ n: 2 }] },
  { ...right, parts: [{}] },
  { ...right, parts: [{ n: 1 }, { n: 1 }] },
];

/** By call: how many people must approve it and who may; null where it is refused. */
function accessOf(tenant: Tenant): readonly ({ people: number; roles: ReadonlySet<string> } | null)[] {
  const callers = [
    agentCaller(tenant, "ada"),
    agentCaller(tenant, "bob"),
    ...["alice", "mallory"].map((sub) => tokenCaller(AS, sub)),
    null,
  ];
  return callers.flatMap((caller) =>
    TOOLS.flatMap((tool) =>
      ARGUMENTS.map((args) => {
        const { verdicts, approvalNeeded } = judgedBy(tenant, { caller, tool, args, now: NOW });
        if (verdicts.some(({ reason }) => reason !== null)) return null;
        return approvalNeeded ?? { people: 0, roles: new Set(approvers.roles.map(({ name }) => name)) };
      }),
    ),
  );
}

/** Every place in a document, as the steps to it. */
function placesIn(value: JsonValue, at: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  const below = typeof value === "object" && value !== null ? Object.entries(value) : [];
  return [
    at,
    ...below.flatMap(([name, member]) =>
      placesIn(member as JsonValue, [...at, Array.isArray(value) ? Number(name) : name]),
    ),
  ];
}

type Slip = (value: JsonValue, pick: (n: number) => number) => JsonValue | undefined;

const slipped = (text: string, pick: (n: number) => number): string => {
  const at = pick(text.length);
  const [before, here, after] = [text.slice(0, at), text.slice(at, at + 1), text.slice(at + 1)];
  const slips = [
    `${before}${after}`,
    `${before}${here}${here}${after}`,
    `${before}${after.slice(0, 1)}${here}${after.slice(1)}`,
    `${before}${here.toUpperCase()}${after}`,
    `${before}${here} ${after}`,
    `${before}${here.replace("a", "а").replace("e", "е").replace("o", "о")}${after}`,
  ];
  return slips[pick(slips.length)] ?? "";
};

/** Of a value; undefined where it can have none of this kind. */
const OF_VALUES: readonly Slip[] = [
  (value, pick) => (typeof value === "string" ? slipped(value, pick) : undefined),
  (value) => (typeof value === "string" ? value.toUpperCase() : undefined),
  (value) => (typeof value === "string" ? ` ${value}` : undefined),
  (value) => (typeof value === "string" ? `${value}\n` : undefined),
  (value) => [value],
  (value) => ({ value }),
  () => null,
  () => "",
  () => [],
  () => ({}),
  () => true,
  (value) => (Array.isArray(value) ? value[0] : undefined),
  (value) => (Array.isArray(value) ? value.join(", ") : undefined),
  (value) => (Array.isArray(value) ? [...value, value[0]] : undefined),
  (value) => (typeof value === "number" || typeof value === "boolean" ? String(value) : undefined),
];

const EMPTY = new Set(OF_VALUES.slice(8, 11));

type Mutable = Record<string | number, unknown>;

const isContainer = (value: unknown): value is Mutable => typeof value === "object" && value !== null;

/** Its name misspelt, or it stands one level too high or too low. */
const MOVES = ["renamed", "above", "inside"] as const;

/** A document with one slip in it; null where that place can have none of this kind. */
function withSlip(
  root: JsonObject,
  at: readonly (string | number)[],
  kind: number,
  pick: (n: number) => number,
): JsonValue {
  const copy = structuredClone(root) as Mutable;
  const holderAt = (steps: readonly (string | number)[]) =>
    steps.reduce<Mutable>((here, step) => here[step] as Mutable, copy);
  const holder = holderAt(at.slice(0, -1));
  const above = at.length < 2 ? undefined : holderAt(at.slice(0, -2));
  const last = at.at(-1);
  if (last === undefined) return null;
  const slip = OF_VALUES[kind];
  if (slip !== undefined) {
    // No slip, but something that an operator can well want to say: nothing.
    const canBeEmpty = at.length === 1 || at.includes("inputSchema") || at.includes("constraints");
    const value = canBeEmpty && EMPTY.has(slip) ? undefined : slip(holder[last] as JsonValue, pick);
    if (value === undefined) return null;
    holder[last] = value;
    return copy as JsonObject;
  }
  if (Array.isArray(holder) || typeof last !== "string") return null;
  const value = holder[last];
  delete holder[last];
  const move = MOVES[kind - OF_VALUES.length];
  const inside = Object.entries(holder).find(([, member]) => isContainer(member));
  // Among names of arguments a keyword is a name like any other.
  const isAmongNames = (move === "above" ? at.at(-3) : inside?.[0]) === "properties";
  const target =
    move === "renamed" ? holder : move === "above" ? above : (inside?.[1] as Mutable | undefined);
  const name = move === "renamed" ? slipped(last, pick) : last;
  if (target === undefined || isAmongNames || Array.isArray(target) || Object.hasOwn(target, name))
    return null;
  target[name] = value;
  return copy as JsonObject;
}

/** An entry whose name is misspelt leaves the tool unlisted: what that opens is what the option says. */
const withUnlisted: PolicyDocument = { ...policy, unsafeUnlistedTools: "write" };

test.each<[string, PolicyDocument, (at: readonly (string | number)[]) => boolean]>([
  ["in a policy", policy, () => true],
  ["in one that takes unlisted tools", withUnlisted, ([section]) => section !== "tools"],
])("no slip widens what is allowed: %s", async (_, document, isTried) => {
  const original = document as JsonObject;
  const tenant = await read(original);
  if (tenant === null) throw new Error("the document has faults");
  const allowed = accessOf(tenant);
  const places = placesIn(original).filter((at) => at.length > 0 && isTried(at));
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...places),
      fc.nat(OF_VALUES.length + MOVES.length - 1),
      fc.array(fc.nat(10_000), { minLength: 2, maxLength: 2 }),
      async (at, kind, numbers) => {
        const left = [...numbers];
        const mutant = withSlip(original, at, kind, (n) => (left.pop() ?? 0) % Math.max(1, n));
        const other = mutant === null ? null : await read(mutant);
        if (other === null) return;
        taken += 1;
        for (const [i, now] of accessOf(other).entries()) {
          const before = allowed[i];
          if (now === null) continue;
          expect(before).not.toBeNull();
          expect(now.people).toBeGreaterThanOrEqual(before?.people ?? Number.POSITIVE_INFINITY);
          expect([...now.roles].every((role) => before?.roles.has(role))).toBe(true);
        }
      },
    ),
    { numRuns: 300 },
  );
  expect(taken).toBeGreaterThan(0);
});
