import { MAX_CACHED_TENANTS, TENANT_FRESH_MS, TENANT_STALE_MS } from "../limits.ts";
import { fail, ok, type Result } from "../result.ts";

interface Cached {
  readonly text: string;
  /** Milliseconds, when KV was last asked. */
  readonly readAt: number;
}

/** Settled values only: a promise may not be shared between requests of an isolate. */
const cache = new Map<string, Cached>();

/**
 * Reads a value of the TENANTS namespace: from the isolate while it is fresh, then from KV, then, while KV cannot
 * be reached, the last known one for a bounded time. An absent key is never remembered: invented names would
 * push out the real ones.
 *
 * @param now milliseconds
 * @returns null for an absent key
 */
export async function readTenantValue(
  key: string,
  env: Env,
  now: number,
): Promise<Result<string | null, "tenant.unavailable">> {
  const known = cache.get(key);
  if (known !== undefined && now - known.readAt < TENANT_FRESH_MS) return ok(known.text);
  try {
    const text = await env.TENANTS.get(key, { cacheTtl: 30 });
    if (text === null) cache.delete(key);
    else remember(key, { text, readAt: now });
    return ok(text);
  } catch {
    const usable = known !== undefined && now - known.readAt < TENANT_STALE_MS;
    return usable ? ok(known.text) : fail("tenant.unavailable");
  }
}

function remember(key: string, entry: Cached): void {
  cache.delete(key);
  cache.set(key, entry);
  const oldest = cache.keys().next().value;
  if (cache.size > MAX_CACHED_TENANTS && oldest !== undefined) cache.delete(oldest);
}
