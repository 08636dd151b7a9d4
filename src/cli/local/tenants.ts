/** A tenant document with what KV files it under. */
export interface StoredTenant {
  readonly id: string;
  /** The JSON text. */
  readonly text: string;
  /** Host (with the port, if it has one) of the document's own `publicUrl`; null where it has none. */
  readonly host: string | null;
}

/** Reads what KV needs from the text of a valid document. */
export function storedTenant(text: string): StoredTenant {
  const { id, publicUrl } = JSON.parse(text) as { id: string; publicUrl?: string };
  return { id, text, host: publicUrl === undefined ? null : new URL(publicUrl).host };
}

/** Makes KV hold these tenants and no others: what an earlier run left must not be served. */
export async function storeTenants(kv: KVNamespace, tenants: readonly StoredTenant[]): Promise<void> {
  const entries = new Map(
    tenants.flatMap(({ id, text, host }): [string, string][] => [
      [`tenant:${id}`, text],
      ...(host === null ? [] : [[`host:${host}`, id] satisfies [string, string]]),
    ]),
  );
  for (const name of await keys(kv)) if (!entries.has(name)) await kv.delete(name);
  for (const [name, value] of entries) await kv.put(name, value);
}

async function keys(kv: KVNamespace): Promise<string[]> {
  const names: string[] = [];
  let cursor: string | null = null;
  do {
    const page: KVNamespaceListResult<unknown> = await kv.list({ cursor });
    names.push(...page.keys.map(({ name }) => name));
    cursor = page.list_complete ? null : page.cursor;
  } while (cursor !== null);
  return names;
}
