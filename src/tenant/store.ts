import { BoundedCache } from "../bounded-cache.ts";
import type { Facts } from "../facts.ts";
import { MAX_CACHED_TENANT_BYTES } from "../limits.ts";
import type { Described } from "../oauth/resource-metadata.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import { compileTenant } from "./compile.ts";
import { readTenantValue } from "./kv.ts";
import type { Tenant } from "./tenant.ts";
import { isPlainPath } from "./urls.ts";

/**
 * Finds the tenant of a request by its host and path. Path tenants live at `<gateway>/<id>/mcp`; a host tenant
 * has a `host:<hostname>` entry in KV and lives at exactly the public URL of its document.
 *
 * @param now milliseconds
 */
export async function findTenant(facts: Facts, env: Env, now: number): Promise<Result<Tenant, Reason>> {
  const found = await tenantAt(facts.host, facts.path, env, now);
  if (!found.ok) return found;
  return facts.query === null ? found : fail("target.query_not_allowed");
}

/**
 * Finds the tenant that a metadata path is about.
 *
 * @param now milliseconds
 */
export const findDescribed = (
  { host }: Facts,
  described: Described,
  env: Env,
  now: number,
): Promise<Result<Tenant, Reason>> =>
  tenantAt(host, described.kind === "path" ? described.path : null, env, now);

/** @param path null for whatever tenant has the host to itself */
async function tenantAt(
  host: string,
  path: string | null,
  env: Env,
  now: number,
): Promise<Result<Tenant, Reason>> {
  if (path !== null && !isPlainPath(path)) return fail("target.not_canonical");
  const gateway = URL.parse(env.GATEWAY_URL);
  if (gateway === null) return fail("gateway.misconfigured");

  const id = host === gateway.host ? ok(pathTenant(path ?? "")) : await hostTenant(host, env, now);
  if (!id.ok) return id;
  if (id.value === null) return fail("target.unknown");
  const tenant = await readTenant(id.value, env, now);
  if (!tenant.ok) return tenant;

  // Asked again of the document itself: the entry in KV only says where to look.
  const own = new URL(tenant.value.publicUrl);
  const isThere = own.host === host && (path === null || own.pathname === path);
  return isThere ? tenant : fail("target.unknown");
}

/**
 * Reads the tenant of an id, as its document is now.
 *
 * @param now milliseconds
 */
export async function readTenant(id: string, env: Env, now: number): Promise<Result<Tenant, Reason>> {
  const text = await readTenantValue(`tenant:${id}`, env, now);
  if (!text.ok) return text;
  if (text.value === null) return fail("target.unknown");
  const tenant = await compileOnce(id, text.value, env.GATEWAY_URL);
  // A document stored under another tenant's key must not answer for it.
  return tenant?.id === id ? ok(tenant) : fail("tenant.invalid");
}

const pathTenant = (path: string): string | null => /^\/([a-z0-9-]{1,63})\/mcp$/.exec(path)?.[1] ?? null;

async function hostTenant(host: string, env: Env, now: number): Promise<Result<string | null, Reason>> {
  const isHost = /^([a-z0-9.-]{1,253}|\[::1\])(:\d{1,5})?$/.test(host);
  return isHost ? readTenantValue(`host:${host}`, env, now) : ok(null);
}

/** By id, the last text and what it compiled to; null where it has faults. */
const compiled = new BoundedCache<{ readonly text: string; readonly tenant: Tenant | null }>(
  MAX_CACHED_TENANT_BYTES,
  ({ text }) => text.length,
);

/** Compiles a document when its text is new, not on every look at KV. */
async function compileOnce(id: string, text: string, gatewayUrl: string): Promise<Tenant | null> {
  const known = compiled.get(id);
  if (known?.text === text) return known.tenant;
  const result = await compileTenant(text, gatewayUrl);
  if (!result.ok)
    console.error(JSON.stringify({ event: "tenant.invalid", tenant: id, faults: result.error }));
  const tenant = result.ok ? result.value : null;
  compiled.set(id, { text, tenant });
  return tenant;
}
