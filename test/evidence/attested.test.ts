import { describe, expect, test } from "vitest";
import { toBase64url, toHex, utf8 } from "../../src/encoding.ts";
import { signingInput } from "../../src/evidence/attestation/signature.ts";
import {
  type Attested,
  attestationChecks,
  bindAttested,
  verifyAttested,
} from "../../src/evidence/attested.ts";
import { canonical } from "../../src/json/canonical.ts";
import type { JsonObject } from "../../src/json/strict-json.ts";
import type { Message } from "../../src/mcp/message.ts";
import { parseMessage } from "../../src/mcp/message.ts";
import type { Reason } from "../../src/reasons.ts";
import { ok, type Result } from "../../src/result.ts";
import type { Tenant } from "../../src/tenant/tenant.ts";
import { AUDIENCE, compiled, document, facts, NOW, outcome, unwrap } from "../support/acme.ts";
import { hmacSign } from "../support/tokens.ts";

const SECRET = new Uint8Array(32).fill(7);
const sign = await hmacSign(SECRET);

const base = document();
const tenant = await compiled({
  agents: base.agents.map((agent) => ({
    ...agent,
    attestations: [{ iss: "issuer://x", sub: agent.name }],
  })),
  attestationKeys: [{ iss: "issuer://x", secretVersion: "v1", alg: "HS256", secret: toBase64url(SECRET) }],
});
const agentNamed = (name: string) => {
  const agent = tenant.agents.bySubject.get(`agent:${name}`);
  if (agent === undefined) throw new Error(`no agent ${name}`);
  return agent;
};

const ARGS = { q: "x" };

async function envelope(
  changes: { sub?: string; tool?: string; args?: JsonObject } = {},
): Promise<JsonObject> {
  const draft: JsonObject = {
    issuerAsserted: {
      alg: "HS256",
      expSeconds: 60,
      iat: new Date(NOW * 1000).toISOString().replace(".000Z", "Z"),
      iss: "issuer://x",
      nonce: "AAECAwQFBgcICQoLDA0ODw",
      secretVersion: "v1",
      sub: changes.sub ?? "ada",
    },
    payloadDerived: {
      toolCalls: [
        {
          argsProjection: canonical(changes.args ?? ARGS),
          name: changes.tool ?? "search",
          serverFingerprint: AUDIENCE,
        },
      ],
    },
    plannerDeclared: { intent: "test" },
  };
  return { ...draft, signature: toHex(await sign(signingInput(draft))) };
}

const headerOf = (value: JsonObject) => toBase64url(utf8(canonical(value)));

interface Attempt {
  readonly message?: JsonObject;
  /** Instead of a message with a text. */
  readonly bare?: Message;
  readonly header?: string;
  readonly meta?: JsonObject;
  readonly required?: boolean;
  readonly agent?: string;
  readonly by?: Tenant;
}

async function judge({
  message,
  bare,
  header,
  meta,
  required = false,
  agent = "ada",
  by = tenant,
}: Attempt): Promise<Result<Attested | null, Reason>> {
  const params = { name: "search", arguments: ARGS, ...(meta && { _meta: meta }) };
  const text = JSON.stringify(message ?? { jsonrpc: "2.0", id: 1, method: "tools/call", params });
  const context = {
    tenant: by,
    facts: facts(header === undefined ? {} : { "x-mcp-attestation": header }),
    received: { message: bare ?? unwrap(parseMessage(JSON.parse(text))), body: utf8(text), text },
    agent: agentNamed(agent),
    required,
    now: NOW,
  };
  const verified = await verifyAttested(context);
  if (!verified.ok) return verified;
  if (verified.value === null) return ok(null);
  return bindAttested(verified.value, context);
}

const GOOD = await envelope();
const listing = { jsonrpc: "2.0", id: 1, method: "tools/list", params: {} };

describe("verifyAttested", async () => {
  test.each<[string, Attempt, Reason | "ok"]>([
    ["none, and none required", {}, "ok"],
    ["none, but required", { required: true }, "attestation.missing"],
    [
      "a member of _meta that is not configured",
      { required: true, meta: { other: GOOD } },
      "attestation.missing",
    ],
    ["in the header", { required: true, header: headerOf(GOOD) }, "ok"],
    ["in _meta", { required: true, meta: { attestation: GOOD } }, "ok"],
    ["not required, but there", { header: headerOf(GOOD) }, "ok"],
    ["not required, and broken", { header: "!" }, "attestation.carrier_undecodable"],
    ["not required, and empty", { header: "" }, "attestation.carrier_undecodable"],
    ["not required, and null", { meta: { attestation: null } }, "attestation.schema"],
    [
      "of another agent",
      { header: headerOf(await envelope({ sub: "bob" })) },
      "attestation.principal_mismatch",
    ],
    [
      "of this agent, shown by another",
      { header: headerOf(GOOD), agent: "bob" },
      "attestation.principal_mismatch",
    ],
    ["of nobody", { header: headerOf(await envelope({ sub: "eve" })) }, "attestation.identity_unknown"],
    ["of another tool", { header: headerOf(await envelope({ tool: "delete" })) }, "attestation.tool_differs"],
    [
      "of other arguments",
      { header: headerOf(await envelope({ args: { q: "y" } })) },
      "attestation.redacted_not_allowed",
    ],
    ["on another method", { message: listing, header: headerOf(GOOD) }, "attestation.misplaced"],
    ["broken, on another method", { message: listing, header: "!" }, "attestation.misplaced"],
    [
      "in _meta of a notification",
      {
        message: {
          jsonrpc: "2.0",
          method: "notifications/progress",
          params: { _meta: { attestation: GOOD } },
        },
      },
      "attestation.misplaced",
    ],
    ["on a stream", { bare: { kind: "stream" }, header: headerOf(GOOD) }, "attestation.misplaced"],
    [
      "on the end of a session",
      { bare: { kind: "session-end" }, header: headerOf(GOOD) },
      "attestation.misplaced",
    ],
    ["on a response", { bare: { kind: "response" }, header: headerOf(GOOD) }, "attestation.misplaced"],
    ["nothing on a stream", { bare: { kind: "stream" } }, "ok"],
  ])("%s", async (_, attempt, expected) => {
    expect(outcome(await judge(attempt))).toBe(expected);
  });

  test("what was verified and what was bound, or null", async () => {
    expect(unwrap(await judge({}))).toBeNull();
    expect(unwrap(await judge({ header: headerOf(GOOD) }))).toMatchObject({
      dialect: "A",
      agent: agentNamed("ada"),
      open: null,
    });
  });
});

describe("what the audit record says", () => {
  const attested = {
    dialect: "A",
    calls: [{}],
    projection: "identity",
    isReference: false,
    hasUnknownMembers: false,
  } as unknown as Attested;
  test.each<[string, Partial<Attested>, readonly string[]]>([
    ["the ordinary case", {}, ["attestation.A"]],
    ["the digest alone", { projection: "hash-only" }, ["attestation.A"]],
    ["dialect C", { dialect: "C" }, ["attestation.C"]],
    ["a redacted projection", { projection: "redacted" }, ["attestation.A", "attestation.A.redacted"]],
    [
      "a reference",
      { projection: null, isReference: true, dialect: "B" },
      ["attestation.B", "attestation.B.reference"],
    ],
    ["unknown members", { hasUnknownMembers: true }, ["attestation.A", "attestation.A.unknown_members"]],
    [
      "a plan of several",
      { calls: [...attested.calls, ...attested.calls] },
      ["attestation.A", "attestation.A.plan"],
    ],
  ])("%s", (_, changes, checks) => {
    expect(attestationChecks({ ...attested, ...changes })).toEqual(checks);
  });
});

describe("input that no attestation binds", async () => {
  const base = { attestation: { refuseUnboundInput: {} } };
  const listed = { attestation: { refuseUnboundInput: { tools: ["search"] } } };
  const other = { attestation: { refuseUnboundInput: { tools: ["write"] } } };
  const by = async (changes: object) => ({ ...tenant, attestation: (await compiled(changes)).attestation });
  const tenants = { all: await by(base), listed: await by(listed), other: await by(other), none: tenant };
  const message = (extra: object): JsonObject => ({
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "search", arguments: ARGS, ...extra },
  });

  test.each<[keyof typeof tenants, object, Reason | "ok"]>([
    ["none", { inputResponses: {} }, "ok"],
    ["all", {}, "ok"],
    ["all", { inputResponses: {} }, "attestation.unbound_input"],
    ["all", { inputResponses: null }, "attestation.unbound_input"],
    ["all", { requestState: "s" }, "attestation.unbound_input"],
    ["listed", { requestState: "s", inputResponses: {} }, "attestation.unbound_input"],
    ["other", { requestState: "s", inputResponses: {} }, "ok"],
  ])("tools: %s, with %j: %s", async (which, extra, expected) => {
    const header = headerOf(GOOD);
    expect(outcome(await judge({ message: message(extra), header, by: tenants[which] }))).toBe(expected);
    expect(outcome(await judge({ message: message(extra), by: tenants[which] }))).toBe("ok");
  });
});
