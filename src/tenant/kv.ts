import { BoundedCache } from "../bounded-cache.ts";
import { withDeadline } from "../deadline.ts";
import {
  KV_COOL_DOWN_MS,
  KV_DEADLINE_MS,
  MAX_CACHED_TENANT_BYTES,
  TENANT_FRESH_MS,
  TENANT_KV_TTL,
  TENANT_STALE_MS,
} from "../limits.ts";
import { fail, ok, type Result } from "../result.ts";

interface Known {
  readonly text: string;
  /** Milliseconds, when KV said so. */
  readonly readAt: number;
  /** Milliseconds, before which KV is not asked again. */
  readonly freshUntil: number;
}

/** Settled values only: a promise may not be shared between requests of an isolate. */
const cache = new BoundedCache<Known>(MAX_CACHED_TENANT_BYTES, ({ text }) => text.length);

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
  if (known !== undefined && now < known.freshUntil) return ok(known.text);
  try {
    const text = await withDeadline(env.TENANTS.get(key, { cacheTtl: TENANT_KV_TTL }), KV_DEADLINE_MS);
    if (text === null) cache.delete(key);
    else cache.set(key, { text, readAt: now, freshUntil: now + TENANT_FRESH_MS });
    return ok(text);
  } catch {
    const staleAt = (known?.readAt ?? 0) + TENANT_STALE_MS;
    if (known === undefined || now >= staleAt) return fail("tenant.unavailable");
    cache.set(key, { ...known, freshUntil: Math.min(now + KV_COOL_DOWN_MS, staleAt) });
    return ok(known.text);
  }
}
