import { BoundedCache } from "../bounded-cache.ts";
import { type Endpoint, endpointAt, takesQuery } from "../endpoints/endpoint.ts";
import type { Facts } from "../facts.ts";
import { MAX_CACHED_TENANT_BYTES } from "../limits.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import { compileTenant } from "./compile.ts";
import { readTenantValue } from "./kv.ts";
import type { Tenant } from "./tenant.ts";
import { isPlainPath } from "./urls.ts";

/**
 * Finds the tenant and endpoint of a request by its host and path. Path tenants live below `<gateway>/<id>/`; a host tenant
 * has a `host:<hostname>` entry in KV. Which paths there are depends on the public URL of the document alone.
 *
 * @param now milliseconds
 */
export async function findTenant(
  { host, path, query }: Facts,
  env: Env,
  now: number,
): Promise<Result<{ tenant: Tenant; endpoint: Endpoint }, Reason>> {
  const found = await tenantAt(host, path, env, now);
  if (!found.ok) return found;
  const tenant = found.value;
  const endpoint = endpointAt(path, tenant.publicPath);
  if (endpoint === null) return fail("target.unknown");
  return query === null || takesQuery(endpoint) ? ok({ tenant, endpoint }) : fail("target.query_not_allowed");
}

/**
 * Finds the tenant that a well-known document is about.
 *
 * @param path that of its public URL; null for whatever tenant has the host to itself
 * @param now milliseconds
 */
export async function findDescribed(
  { host }: Facts,
  path: string | null,
  env: Env,
  now: number,
): Promise<Result<Tenant, Reason>> {
  const tenant = await tenantAt(host, path, env, now);
  if (!tenant.ok || path === null) return tenant;
  return tenant.value.publicPath === path ? tenant : fail("target.unknown");
}

/** @param path null for whatever tenant has the host to itself */
async function tenantAt(
  host: string,
  path: string | null,
  env: Env,
  now: number,
): Promise<Result<Tenant, Reason>> {
  if (path !== null && !isPlainPath(path)) return fail("target.not_canonical");
  const gateway = gatewayHost(env.GATEWAY_URL);
  if (gateway === null) return fail("gateway.misconfigured");

  const id = host === gateway ? ok(pathTenant(path ?? "")) : await hostTenant(host, env, now);
  if (!id.ok) return id;
  if (id.value === null) return fail("target.unknown");
  const tenant = await readTenant(id.value, env, now);
  if (!tenant.ok) return tenant;

  // Asked again of the document itself: the entry in KV only says where to look.
  return tenant.value.publicHost === host ? tenant : fail("target.unknown");
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

/** The last URL that was read: a deployment has one. */
let readUrl: { readonly text: string; readonly host: string | null } = { text: "", host: null };

/** Null where it is no URL. */
function gatewayHost(text: string): string | null {
  if (readUrl.text !== text) readUrl = { text, host: URL.parse(text)?.host ?? null };
  return readUrl.host;
}

const pathTenant = (path: string): string | null => /^\/([a-z0-9-]{1,63})\//.exec(path)?.[1] ?? null;

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
