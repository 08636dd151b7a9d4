import { readTenant } from "../tenant/store.ts";

/** What the directory has to know of the tenant document. */
export interface Settings {
  readonly publicUrl: string;
  /** Milliseconds. */
  readonly checkpointInterval: number;
  /** Milliseconds; null where records are kept for ever. */
  readonly retention: number | null;
}

/**
 * Reads the settings of a tenant, and remembers them: a document that cannot be read stops no checkpoint.
 *
 * @param now milliseconds
 * @returns where it cannot be read, what it said last, and then no retention: what is kept longer does no harm. Null where it was
 * never read
 */
export async function readSettings(
  tenant: string,
  env: Env,
  { kv }: DurableObjectStorage,
  now: number,
): Promise<Settings | null> {
  const known = kv.get<Settings>("settings") ?? null;
  const read = await readTenant(tenant, env, now);
  if (!read.ok) {
    console.error(JSON.stringify({ event: "directory.tenant_unread", tenant, reason: read.error }));
    return known && { ...known, retention: null };
  }
  const { publicUrl, audit } = read.value;
  const { checkpointInterval, retention } = audit;
  const settings = { publicUrl, checkpointInterval, retention };
  if (JSON.stringify(settings) !== JSON.stringify(known)) kv.put("settings", settings);
  return settings;
}
