/** What a person is asked, and what it is sealed for. */

import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { approvalDigest } from "../../src/approval/digest.ts";
import { openView } from "../../src/approval/view.ts";
import type { Mandate } from "../../src/evidence/act/parse.ts";
import type { PresentedBearer } from "../../src/evidence/bearer.ts";
import type { Caller } from "../../src/evidence/caller.ts";
import type { JsonObject } from "../../src/json/strict-json.ts";
import { ledgerName } from "../../src/ledger/names.ts";
import { MAX_APPROVAL_VIEW_BYTES } from "../../src/limits.ts";
import type { Message } from "../../src/mcp/message.ts";
import { readSessionKeys } from "../../src/session/keys.ts";
import { askApproval } from "../../src/stages/ask-approval.ts";
import type { Tenant } from "../../src/tenant/tenant.ts";
import { newTrail } from "../../src/trail.ts";

const keys = await readSessionKeys(env.SESSION_KEYS);
if (keys === null) throw new Error("the tests have session keys");

const tenant = { id: "acme", revision: "r1", policy: { approval: { lifetime: 60 } } } as unknown as Tenant;
const needed = { roles: new Set(["payer"]), people: 2 };

const message = (args: JsonObject): Message => {
  const params = { name: "pay", arguments: args, _meta: { progressToken: 1 } };
  return { kind: "request", id: 1, method: "tools/call", params, tool: { name: "pay", arguments: args } };
};

/** The holder of an access token. */
const holder = {
  kind: "token",
  token: { iss: "https://as.example", sub: "bob" },
  lane: 0,
  mandate: null,
} as unknown as Caller;

const agent = {
  kind: "agent",
  agent: { name: "reader" },
  lane: 2,
  mandate: { iss: "agent:planner", rootIss: "https://issuer.example", jti: "m2", wid: "w1" },
} as unknown as Caller;

/** A mandate that the planner handed on. */
const handedOn: PresentedBearer = {
  kind: "mandate",
  mandate: {
    iss: "agent:planner",
    jws: { payload: { task: { purpose: "the planner's words" } } },
    delegation: {
      parent: {
        iss: "https://issuer.example",
        jws: { payload: { task: { purpose: "the issuer's words" } } },
        delegation: { parent: null },
      },
    },
  } as unknown as Mandate,
};

async function asked(
  caller: Caller | null,
  changes: { needed?: typeof needed | null; args?: JsonObject } = {},
) {
  const trail = { ...newTrail(0), caller };
  const wanted = changes.needed === undefined ? needed : changes.needed;
  const presented = caller?.kind === "agent" ? handedOn : null;
  const body = message(changes.args ?? { amount: 1 });
  const result = await askApproval(wanted, trail, presented, body, tenant, env);
  return { result, trail };
}

test("the holder of an access token is asked about without a run", async () => {
  const { result, trail } = await asked(holder);
  const principal = "oauth:https://as.example:bob";
  const call = { run: null, principal, tool: "pay", params: { name: "pay", arguments: { amount: 1 } } };
  const digest = await approvalDigest(call);
  if (!result.ok || result.value === null) throw new Error("nothing is asked");
  const { sealed, ...ask } = result.value;
  expect(ask).toEqual({ digest, tool: "pay", revision: "r1", roles: ["payer"], people: 2, lifetime: 60 });
  const binding = { ledger: ledgerName("acme", principal, 0), id: trail.decision, digest, revision: "r1" };
  expect(await openView(sealed, binding, keys)).toEqual({ ...call, purposes: [] });
});

test("of a mandate that was handed on the approver reads what each that signed says it is for", async () => {
  const { result, trail } = await asked(agent);
  if (!result.ok || result.value === null) throw new Error("nothing is asked");
  const { sealed, digest } = result.value;
  const ledger = ledgerName("acme", "agent:reader", 2);
  const view = await openView(sealed, { ledger, id: trail.decision, digest, revision: "r1" }, keys);
  expect(view).toMatchObject({
    run: '["wid","https://issuer.example","w1"]',
    purposes: [
      { issuer: "https://issuer.example", purpose: "the issuer's words" },
      { issuer: "agent:planner", purpose: "the planner's words" },
    ],
  });
});

test("nobody is asked where nothing asks for it, and that is a check of the record", async () => {
  const { result, trail } = await asked(agent, { needed: null });
  expect(result).toEqual({ ok: true, value: null });
  expect(trail.checks).toEqual(["gate.approval"]);
  expect((await asked(agent)).trail.checks).toEqual([]);
});

test("a call that nobody can be asked about is refused", async () => {
  const unavailable = { ok: false, error: "approval.unavailable" };
  expect((await asked(null)).result).toEqual(unavailable);
  expect((await asked(agent, { needed: { roles: new Set(), people: 1 } })).result).toEqual(unavailable);
  const none = { ...tenant, policy: { ...tenant.policy, approval: null } };
  const trail = { ...newTrail(0), caller: agent };
  expect(await askApproval(needed, trail, null, message({}), none, env)).toEqual(unavailable);
  const args = { text: "x".repeat(MAX_APPROVAL_VIEW_BYTES) };
  expect((await asked(agent, { args })).result).toEqual({ ok: false, error: "approval.too_large" });
});
