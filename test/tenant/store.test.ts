import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Facts } from "../../src/facts.ts";
import { TENANT_FRESH_MS, TENANT_STALE_MS } from "../../src/limits.ts";
import type { Reason } from "../../src/reasons.ts";
import type { TenantDocument } from "../../src/tenant/schema/document.ts";
import { findTenant } from "../../src/tenant/store.ts";
import { document, facts, GATEWAY, outcome, unwrap } from "../support/acme.ts";

/** KV that fails when told to, and counts. An isolate's cache outlives a test, so each tenant has its own id. */
function store(gatewayUrl = GATEWAY) {
  const entries = new Map<string, string>();
  const asked: string[] = [];
  const state = { down: false };
  const get = async (key: string) => {
    asked.push(key);
    if (state.down) throw new Error("KV is down");
    return entries.get(key) ?? null;
  };
  const env = { TENANTS: { get }, GATEWAY_URL: gatewayUrl } as unknown as Env;
  return { env, entries, asked, state };
}

let ids = 0;
const newId = () => `store-${++ids}`;

const pathTenant = (id: string, changes: Partial<TenantDocument> = {}) =>
  JSON.stringify(document({ id, ...changes }));
const at = (path: string, changes: Partial<Facts> = {}) => facts({}, { path, ...changes });
const on = (host: string, path: string) => at(path, { host });

beforeEach(() => {
  vi.spyOn(console, "error").mockImplementation(() => {});
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe("a path tenant", () => {
  const id = newId();
  const { env, entries } = store();
  entries.set(`tenant:${id}`, pathTenant(id));
  entries.set("tenant:mcp", pathTenant("mcp"));

  test("is found at its URL", async () => {
    const tenant = unwrap(await findTenant(at(`/${id}/mcp`), env, 0)).tenant;
    expect([tenant.id, tenant.publicUrl]).toEqual([id, `${GATEWAY}/${id}/mcp`]);
  });

  test.each<[string, Reason]>([
    ["/", "target.unknown"],
    ["/mcp", "target.unknown"],
    [`/${id}`, "target.unknown"],
    [`/${id}/`, "target.unknown"],
    [`/${id}/mcp/`, "target.unknown"],
    [`/${id}/mcp/x`, "target.unknown"],
    [`/${id}/receipts/x`, "target.unknown"],
    [`/${id}/audit`, "target.unknown"],
    [`/${id}/MCP`, "target.unknown"],
    [`/${id.toUpperCase()}/mcp`, "target.unknown"],
    [`/x/${id}/mcp`, "target.unknown"],
    [`/${"a".repeat(64)}/mcp`, "target.unknown"],
    ["/no-such-tenant/mcp", "target.unknown"],
    ["/records", "target.unknown"],
    [`//${id}/mcp`, "target.not_canonical"],
    [`/${id}//mcp`, "target.not_canonical"],
    [`/${id}/mcp//`, "target.not_canonical"],
    [`/./${id}/mcp`, "target.not_canonical"],
    [`/x/../${id}/mcp`, "target.not_canonical"],
    [`/${id}/mcp/.`, "target.not_canonical"],
    [`/${id}/mcp/..`, "target.not_canonical"],
    [`/${id}/..mcp`, "target.not_canonical"],
    [`/${id}/%6dcp`, "target.not_canonical"],
    [`/${id}%2fmcp`, "target.not_canonical"],
    [`/%2e%2e/${id}/mcp`, "target.not_canonical"],
    [`/${id}/mcp%00`, "target.not_canonical"],
    [`/${id}\\mcp`, "target.not_canonical"],
    [`/${id}/mcp;x=y`, "target.not_canonical"],
    [`/${id}/mcp `, "target.not_canonical"],
    [`/${id}/mcp\n`, "target.not_canonical"],
    [`/${id}/mcp\u00e9`, "target.not_canonical"],
  ])("is not at %j", async (path, expected) => {
    expect(outcome(await findTenant(at(path), env, 0))).toBe(expected);
  });

  test.each(["?", "?x", "?x=y"])("takes no query: %s", async (query) => {
    expect(outcome(await findTenant(at(`/${id}/mcp`, { query }), env, 0))).toBe("target.query_not_allowed");
    // Strangers to the path learn nothing more.
    expect(outcome(await findTenant(at("/no-such-tenant/mcp", { query }), env, 0))).toBe("target.unknown");
  });

  test.each([
    "other.example",
    "GATEWAY.example",
    "gateway.example.",
    "gateway.example:443",
    "gateway.example:8443",
    "gateway.example, gateway.example",
    "user@gateway.example",
    "",
    " ",
    "localhost",
    "[::1]:8787",
  ])("is not on host %j", async (host) => {
    expect(outcome(await findTenant(on(host, `/${id}/mcp`), env, 0))).toBe("target.unknown");
  });
});

describe("a host tenant", () => {
  const id = newId();
  const { env, entries, asked } = store();
  const publicUrl = "https://mcp.store.example/v1/mcp";
  entries.set("host:mcp.store.example", id);
  entries.set("host:elsewhere.example", id);
  entries.set("host:gateway.example", id);
  entries.set("host:nowhere.example", "no-such-tenant");
  entries.set(`tenant:${id}`, pathTenant(id, { publicUrl }));

  test("is found at exactly its URL", async () => {
    expect(unwrap(await findTenant(on("mcp.store.example", "/v1/mcp"), env, 0)).tenant.publicUrl).toBe(
      publicUrl,
    );
  });

  test.each<[string, string, Reason]>([
    ["mcp.store.example", "/mcp", "target.unknown"],
    ["mcp.store.example", "/v1/mcp/", "target.unknown"],
    ["mcp.store.example", "/", "target.unknown"],
    ["mcp.store.example", "//v1/mcp", "target.not_canonical"],
    ["mcp.store.example:8443", "/v1/mcp", "target.unknown"],
    ["mcp.store.example.", "/v1/mcp", "target.unknown"],
    ["elsewhere.example", "/v1/mcp", "target.unknown"],
    ["nowhere.example", "/v1/mcp", "target.unknown"],
    ["gateway.example", "/v1/mcp", "target.unknown"],
    ["gateway.example", `/${id}/mcp`, "target.unknown"],
  ])("is not on %s at %s", async (host, path, expected) => {
    expect(outcome(await findTenant(on(host, path), env, 0))).toBe(expected);
  });

  test.each([
    "a, b",
    "a b",
    "a/b",
    "a\\b",
    "a@b",
    "a#b",
    "A.example",
    "",
    "x".repeat(254),
    "[::2]",
    "a:b",
    "a:123456",
  ])("KV is not asked about %j", async (host) => {
    const before = asked.length;
    expect(outcome(await findTenant(on(host, "/v1/mcp"), env, 0))).toBe("target.unknown");
    expect(asked.length).toBe(before);
  });
});

describe("documents that do not fit", () => {
  test.each<[string, (id: string) => string]>([
    ["another tenant's", () => pathTenant("some-other-tenant")],
    ["no JSON", () => "{"],
    ["empty", () => ""],
    ["with a fault", (id) => JSON.stringify({ id })],
    ["with an unknown field", (id) => JSON.stringify({ ...document({ id }), surprise: 1 })],
  ])("%s", async (_, text) => {
    const id = newId();
    const { env, entries } = store();
    entries.set(`tenant:${id}`, text(id));
    expect(outcome(await findTenant(at(`/${id}/mcp`), env, 0))).toBe("tenant.invalid");
  });

  test("a document that becomes invalid does not leave the old one in force", async () => {
    const id = newId();
    const { env, entries } = store();
    entries.set(`tenant:${id}`, pathTenant(id));
    expect(outcome(await findTenant(at(`/${id}/mcp`), env, 0))).toBe("ok");
    entries.set(`tenant:${id}`, "{");
    expect(outcome(await findTenant(at(`/${id}/mcp`), env, TENANT_FRESH_MS))).toBe("tenant.invalid");
  });

  test.each(["", "gateway.example", "not a url"])("GATEWAY_URL %j", async (gatewayUrl) => {
    expect(outcome(await findTenant(at("/acme/mcp"), store(gatewayUrl).env, 0))).toBe(
      "gateway.misconfigured",
    );
  });
});

describe("how long a document is used", () => {
  test("without asking again: to the millisecond", async () => {
    const id = newId();
    const { env, entries, asked } = store();
    entries.set(`tenant:${id}`, pathTenant(id));
    for (const now of [0, TENANT_FRESH_MS - 1]) await findTenant(at(`/${id}/mcp`), env, now);
    expect(asked).toHaveLength(1);
    await findTenant(at(`/${id}/mcp`), env, TENANT_FRESH_MS);
    expect(asked).toHaveLength(2);
    await findTenant(at(`/${id}/mcp`), env, 2 * TENANT_FRESH_MS - 1);
    expect(asked).toHaveLength(2);
  });

  test("a change is seen then, and the same text is not compiled again", async () => {
    const id = newId();
    const { env, entries } = store();
    entries.set(`tenant:${id}`, pathTenant(id));
    const first = unwrap(await findTenant(at(`/${id}/mcp`), env, 0)).tenant;
    const again = unwrap(await findTenant(at(`/${id}/mcp`), env, TENANT_FRESH_MS)).tenant;
    expect(again).toBe(first);
    entries.set(`tenant:${id}`, pathTenant(id, { status: "suspended" }));
    const changed = unwrap(await findTenant(at(`/${id}/mcp`), env, 2 * TENANT_FRESH_MS)).tenant;
    expect([changed.suspended, changed.revision === first.revision]).toEqual([true, false]);
  });

  test("a document taken away is gone, also while KV is down", async () => {
    const id = newId();
    const { env, entries, state } = store();
    entries.set(`tenant:${id}`, pathTenant(id));
    await findTenant(at(`/${id}/mcp`), env, 0);
    entries.clear();
    expect(outcome(await findTenant(at(`/${id}/mcp`), env, TENANT_FRESH_MS))).toBe("target.unknown");
    state.down = true;
    expect(outcome(await findTenant(at(`/${id}/mcp`), env, TENANT_FRESH_MS))).toBe("tenant.unavailable");
  });
});

describe("while KV is down", () => {
  const host = "down.store.example";
  test.each<[string, (id: string) => [Facts, Record<string, string>]]>([
    ["a path tenant", (id) => [at(`/${id}/mcp`), { [`tenant:${id}`]: pathTenant(id) }]],
    [
      "a host tenant",
      (id) => [
        on(host, "/mcp"),
        { [`host:${host}`]: id, [`tenant:${id}`]: pathTenant(id, { publicUrl: `https://${host}/mcp` }) },
      ],
    ],
  ])("%s that was never seen is unavailable, one that was serves for a while", async (_, make) => {
    const [target, documents] = make(newId());
    const { env, entries, state } = store();
    for (const [key, text] of Object.entries(documents)) entries.set(key, text);
    state.down = true;
    expect(outcome(await findTenant(target, env, 0))).toBe("tenant.unavailable");
    state.down = false;
    expect(outcome(await findTenant(target, env, 0))).toBe("ok");
    state.down = true;
    const seen: (Reason | "ok")[] = [];
    for (const now of [1, TENANT_FRESH_MS, TENANT_STALE_MS - 1, TENANT_STALE_MS])
      seen.push(outcome(await findTenant(target, env, now)));
    expect(seen).toEqual(["ok", "ok", "ok", "tenant.unavailable"]);
  });
});
