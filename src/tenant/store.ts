import type { Facts } from "../facts.ts";
import { MAX_CACHED_TENANTS, TENANT_FRESH_MS, TENANT_STALE_MS } from "../limits.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import { compileTenant } from "./compile.ts";
import type { Tenant } from "./tenant.ts";
import { isPlainPath } from "./urls.ts";

interface Cached {
  /** The document the tenant was compiled from. */
  readonly text: string;
  readonly tenant: Tenant;
  /** Milliseconds, when KV was last asked. */
  readonly readAt: number;
}

/** Settled values only: a promise may not be shared between requests of an isolate. */
const cache = new Map<string, Cached>();

/**
 * Finds the tenant of a request by its host and path. Path tenants live at `<gateway>/<id>/mcp`; a host tenant
 * has a `host:<hostname>` entry in KV and lives at exactly the public URL of its document.
 *
 * @param now milliseconds
 */
export async function findTenant(facts: Facts, env: Env, now: number): Promise<Result<Tenant, Reason>> {
  if (!isPlainPath(facts.path)) return fail("target.not_canonical");
  const gateway = URL.parse(env.GATEWAY_URL);
  if (gateway === null) return fail("gateway.misconfigured");

  const id = facts.host === gateway.host ? pathTenant(facts.path) : await hostTenant(facts.host, env);
  if (typeof id !== "string") return id ?? fail("target.unknown");
  const tenant = await readTenant(id, env, gateway.origin, now);
  if (!tenant.ok) return tenant;

  // Asked again of the document itself: the entry in KV only says where to look.
  const { host, pathname } = new URL(tenant.value.publicUrl);
  if (facts.host !== host || facts.path !== pathname) return fail("target.unknown");
  return facts.query === null ? tenant : fail("target.query_not_allowed");
}

const pathTenant = (path: string): string | null => /^\/([a-z0-9-]{1,63})\/mcp$/.exec(path)?.[1] ?? null;

async function hostTenant(host: string, env: Env): Promise<string | null | Result<never, Reason>> {
  if (!/^([a-z0-9.-]{1,253}|\[::1\])(:\d{1,5})?$/.test(host)) return null;
  try {
    return await env.TENANTS.get(`host:${host}`, { cacheTtl: 60 });
  } catch {
    return fail("tenant.unavailable");
  }
}

async function readTenant(
  id: string,
  env: Env,
  gatewayUrl: string,
  now: number,
): Promise<Result<Tenant, Reason>> {
  const cached = cache.get(id);
  if (cached !== undefined && now - cached.readAt < TENANT_FRESH_MS) return ok(cached.tenant);
  let text: string | null;
  try {
    text = await env.TENANTS.get(`tenant:${id}`, { cacheTtl: 30 });
  } catch {
    const usable = cached !== undefined && now - cached.readAt < TENANT_STALE_MS;
    return usable ? ok(cached.tenant) : fail("tenant.unavailable");
  }
  if (text === null) {
    cache.delete(id);
    return fail("target.unknown");
  }
  if (cached?.text === text) {
    remember(id, { ...cached, readAt: now });
    return ok(cached.tenant);
  }
  const compiled = await compileTenant(text, gatewayUrl);
  if (!compiled.ok) {
    console.error(JSON.stringify({ event: "tenant.invalid", tenant: id, faults: compiled.error }));
    return fail("tenant.invalid");
  }
  // A document stored under another tenant's key must not answer for it.
  if (compiled.value.id !== id) return fail("tenant.invalid");
  remember(id, { text, tenant: compiled.value, readAt: now });
  return compiled;
}

function remember(id: string, entry: Cached): void {
  cache.delete(id);
  cache.set(id, entry);
  const oldest = cache.keys().next().value;
  if (cache.size > MAX_CACHED_TENANTS && oldest !== undefined) cache.delete(oldest);
}
