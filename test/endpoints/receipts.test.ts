/** What the log has under the name of a decision; `test/socket/receipts.test.ts` asks for it as callers do. */

import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { AuditRecord } from "../../src/audit/record.ts";
import { readSigningKeys } from "../../src/audit/signing-keys.ts";
import { showReceipt } from "../../src/endpoints/receipts.ts";
import type { Visit } from "../../src/endpoints/visit.ts";
import type { Tenant } from "../../src/tenant/tenant.ts";
import { chainOf, checkpointOf, draft, headOf, outcomeDraft, there } from "../audit/receipts/helpers.ts";
import { setAside, store, storeCheckpoint } from "../audit/receipts/stored.ts";
import { tenant as acme } from "../support/acme.ts";

beforeEach(() => void vi.spyOn(console, "error").mockReturnValue());
afterEach(() => void vi.restoreAllMocks());

const visit = (tenant: string, changes: Partial<Visit> = {}): Visit => {
  const caller = { kind: "agent", agent: { name: "reader", lanes: new Set([0]) } };
  return {
    tenant: { ...acme, id: tenant } as Tenant,
    caller,
    isAuditor: false,
    ...changes,
  } as unknown as Visit;
};

/** What is answered; a reason where nothing is. */
async function ask(decision: string, by: Visit): Promise<string | Record<string, unknown>> {
  const shown = await showReceipt(decision, by, env);
  return shown.ok ? shown.value.json() : shown.error;
}

/** The records of a call of this tenant, under a checkpoint. */
async function call(tenant: string, changes: Partial<AuditRecord> = {}): Promise<readonly AuditRecord[]> {
  const ids = { decision: tenant, tenant };
  const records = await chainOf(`chain-of-${tenant}`, [
    draft({ id: tenant, ...ids, ...changes }),
    outcomeDraft({ id: `${tenant}.outcome`, ...ids, ...changes, verdict: null }),
  ]);
  const heads = [headOf(records)];
  const jws = await checkpointOf(heads, { tenant }, there(await readSigningKeys(env.SIGNING_KEYS)));
  await storeCheckpoint(tenant, 1, jws, heads);
  return records;
}

test("the records of the table, and those that it did not take", async () => {
  await store(await call("shown-a"));
  for (const record of await call("shown-b")) await setAside(record);
  for (const tenant of ["shown-a", "shown-b"]) {
    const shown = await ask(tenant, visit(tenant));
    expect(shown).toMatchObject({
      decision: { id: tenant },
      outcome: { kind: "outcome" },
      retry_after: null,
    });
    expect(shown).toMatchObject({ receipt: expect.any(String) });
  }
});

test("a record is its own tenant's, whatever the columns beside it say", async () => {
  const [decision, outcome] = await call("theirs");
  for (const record of [decision, outcome])
    await env.AUDIT.prepare("INSERT INTO audit_set_aside VALUES (?, 'ours', ?, ?, ?, 'no')")
      .bind(there(record).hash, there(record).chain, there(record).seq, JSON.stringify(record))
      .run();
  expect(await ask("theirs", visit("ours"))).toBe("endpoint.not_found");
  expect(await ask("theirs", visit("ours", { isAuditor: true }))).toBe("endpoint.not_found");
});

test("a record goes by the id that it has, not by one that is found with it", async () => {
  const [decision] = await call("twice");
  const text = JSON.stringify(decision).replace("{", '{"id":"alias",');
  await env.AUDIT.prepare("INSERT INTO audit_set_aside VALUES ('h', 'twice', 'c', 1, ?, 'no')")
    .bind(text)
    .run();
  expect(await ask("alias", visit("twice"))).toBe("endpoint.not_found");
});

test("what is another principal's is nothing, but to an auditor", async () => {
  await store(await call("other-principal", { principal: "agent:writer" }));
  const by = visit("other-principal");
  expect(await ask("other-principal", by)).toBe("endpoint.not_found");
  expect(await ask("unknown", by)).toBe("endpoint.not_found");
  expect(await ask("other-principal", { ...by, isAuditor: true })).toMatchObject({
    decision: { principal: "agent:writer" },
    receipt: expect.any(String),
  });
});

test("without keys nothing is said", async () => {
  await store(await call("keyless"));
  const shown = await showReceipt("keyless", visit("keyless"), { ...env, SIGNING_KEYS: "" });
  expect(shown).toEqual({ ok: false, error: "signing.unconfigured" });
});
