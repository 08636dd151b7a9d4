/** The service binding of this name; null where the Worker has none. */
export function fetcherNamed(env: Env, name: string): Fetcher | null {
  const candidate = (env as unknown as Record<string, unknown>)[name];
  const isFetcher = typeof candidate === "object" && candidate !== null && "fetch" in candidate;
  return isFetcher ? (candidate as Fetcher) : null;
}

/** The text variable or secret of this name; null where the Worker has none. */
export function textNamed(env: Env, name: string): string | null {
  const candidate = (env as unknown as Record<string, unknown>)[name];
  return typeof candidate === "string" ? candidate : null;
}
