/** Whether an open answer goes on, whose call would have been refused were it not only observed. */

import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { AgentCaller } from "../../src/evidence/caller.ts";
import { recheck } from "../../src/supervision/recheck.ts";
import type { TenantDocument } from "../../src/tenant/schema/document.ts";
import { agentOf, BODY, document, judgeMandate, mandate, NOW, tenant, unwrap } from "../support/acme.ts";

const UNTIL = "2026-06-01T00:00:00Z";
const END = Date.parse(UNTIL);
const BEFORE = NOW * 1000;

const call = (id: string) => ({
  tenant: { ...tenant, id },
  known: null,
  received: {
    message: {
      kind: "request" as const,
      id: 1,
      method: "tools/call",
      params: {},
      tool: { name: "search", arguments: {} },
    },
    body: BODY,
    text: "",
  },
});

/** Of a caller who is proven; its evidence did not hold all the same. */
const ada: AgentCaller = {
  kind: "agent",
  agent: agentOf("ada-1").agent,
  lane: 0,
  mandate: unwrap(await judgeMandate(await mandate())),
  signature: null,
  ect: null,
  wit: null,
  token: null,
};

let made = 0;

/** What the check says at a time, with the document as it is then. */
async function judged(
  caller: AgentCaller | null,
  observe: Omit<NonNullable<TenantDocument["observe"]>[number], "until">,
  changes: Partial<TenantDocument> = {},
  now = BEFORE,
): Promise<string> {
  made += 1;
  const id = `observed-${made}`;
  const text = JSON.stringify(document({ id, observe: [{ until: UNTIL, ...observe }], ...changes }));
  await env.TENANTS.put(`tenant:${id}`, text);
  const checked = await recheck(call(id), caller, env, now);
  return checked.ok ? "ok" : checked.error;
}

const suspended = (name: string): Partial<TenantDocument> => ({
  agents: (document().agents ?? []).map((agent) =>
    agent.name === name ? { ...agent, status: "suspended" } : agent,
  ),
});

test("a stranger's, while both gates about the caller are observed", async () => {
  expect(await judged(null, {})).toBe("ok");
  expect(await judged(null, { gates: ["evidence", "agent"], tools: ["search"] })).toBe("ok");
  expect(await judged(null, { gates: ["evidence"] })).toBe("policy.caller_unknown");
  expect(await judged(null, { gates: ["agent"] })).toBe("policy.caller_unknown");
  expect(await judged(null, { tools: ["write"] })).toBe("policy.caller_unknown");
});

test("no longer than that is observed", async () => {
  expect(await judged(null, {}, {}, END - 1)).toBe("ok");
  expect(await judged(null, {}, {}, END)).toBe("policy.caller_unknown");
  expect(await judged(ada, {}, {}, END)).toBe("policy.caller_unknown");
});

test("never at a suspended tenant", async () =>
  expect(await judged(null, {}, { status: "suspended" })).toBe("policy.tenant_suspended"));

test("a proven caller's, while its agent is let in, or that is observed too", async () => {
  expect(await judged(ada, { gates: ["evidence"] })).toBe("ok");
  expect(await judged(ada, { gates: ["evidence"] }, suspended("ada"))).toBe("policy.agent_suspended");
  expect(await judged(ada, { gates: ["evidence", "agent"] }, suspended("ada"))).toBe("ok");
  const gone = { name: "eve", subjects: ["agent:eve"], keys: [] };
  const others = (document().agents ?? []).filter(({ name }) => name !== "ada");
  const without = { agents: [...others, { ...gone, keys: (document().agents ?? [])[0]?.keys ?? [] }] };
  const policy = { issuers: [], policy: {} };
  expect(await judged(ada, { gates: ["evidence"] }, { ...without, ...policy })).toBe("policy.caller_unknown");
});
