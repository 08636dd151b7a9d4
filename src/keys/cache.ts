/** Key documents as this isolate knows them. Settled values only: a promise may not be shared between requests. */

import { BoundedCache } from "../bounded-cache.ts";
import type { JsonObject } from "../json/strict-json.ts";
import {
  KEYS_COOL_DOWN_MS,
  KEYS_DEADLINE_MS,
  KEYS_FRESH_MS,
  KEYS_POLL_MS,
  KEYS_RETRY_MS,
  KEYS_STALE_MS,
  MAX_CACHED_KEY_BYTES,
} from "../limits.ts";
import { fail, ok, type Result } from "../result.ts";
import type { KeyTable } from "./key-table.ts";

/** The keys of a document, and how large it was. */
export interface LoadedKeys {
  readonly table: KeyTable;
  readonly bytes: number;
}

/** Fetches a document; null where there is none that may be used. */
export type LoadKeys = () => Promise<LoadedKeys | null>;

interface State {
  /** What the last good fetch brought, and when it was made, milliseconds. Replaced whole: a key that is gone is gone. */
  readonly known: { readonly keys: LoadedKeys; readonly fetchedAt: number } | null;
  /** Whether the last fetch failed: then a key that is not known may be there all the same. */
  readonly failed: boolean;
  /** Before this, milliseconds, no fetch is made, whoever asks for what. */
  readonly retryAt: number;
  /** The fetch of some request. When that is cut off nobody is told, so a fetch ends by its age too. */
  readonly fetching: { readonly since: number } | null;
}

const NOTHING: State = { known: null, failed: false, retryAt: 0, fetching: null };

/** Two documents at most are fetched one after the other. */
const LONGEST_FETCH_MS = 2 * KEYS_DEADLINE_MS;

/** What an entry takes without its document. */
const ENTRY_BYTES = 1024;

/** By what was resolved: never by kid alone, which anybody can write into a message. */
const cache = new BoundedCache<State>(
  MAX_CACHED_KEY_BYTES,
  ({ known }) => ENTRY_BYTES + (known?.keys.bytes ?? 0),
);

/**
 * Finds a key in a document: in the isolate's memory while that is fresh, else by one fetch, however many ask. An unknown
 * kid brings that fetch forward, at most once in a cool-down. A fetch that fails changes nothing that is known, which then
 * serves for a bounded time.
 *
 * @param id names the document and all that its meaning depends on
 * @param now milliseconds
 */
export async function knownKey(
  id: string,
  kid: string,
  load: LoadKeys,
  now: number,
): Promise<Result<JsonObject, "unknown" | "unavailable">> {
  const state = cache.get(id) ?? NOTHING;
  const found = answer(state, kid, now);
  if (now < state.retryAt || (found.ok && isFresh(state, now))) return found;
  if (state.fetching !== null && now < state.fetching.since + LONGEST_FETCH_MS) {
    if (found.ok) return found;
    const settled = await fetchOfOther(id, state.fetching);
    if (settled !== null) return answer(settled, kid, now);
  }
  return answer(await fetchAnew(id, load, now), kid, now);
}

const isFresh = ({ known }: State, now: number): boolean =>
  known !== null && now < known.fetchedAt + KEYS_FRESH_MS;

function answer(
  { known, failed }: State,
  kid: string,
  now: number,
): Result<JsonObject, "unknown" | "unavailable"> {
  if (known === null || now >= known.fetchedAt + KEYS_STALE_MS) return fail("unavailable");
  const jwk = known.keys.table.get(kid);
  if (jwk !== undefined) return ok(jwk);
  return fail(failed ? "unavailable" : "unknown");
}

/** Waits, with timers of this request alone, for what another one fetches; null where that was cut off. */
async function fetchOfOther(id: string, fetching: State["fetching"]): Promise<State | null> {
  for (let waited = 0; waited < LONGEST_FETCH_MS; waited += KEYS_POLL_MS) {
    await new Promise((resolve) => setTimeout(resolve, KEYS_POLL_MS));
    const state = cache.get(id) ?? NOTHING;
    if (state.fetching !== fetching) return state;
  }
  return null;
}

async function fetchAnew(id: string, load: LoadKeys, now: number): Promise<State> {
  const fetching = { since: now };
  cache.set(id, { ...(cache.get(id) ?? NOTHING), fetching });
  const keys = await load();
  const before = cache.get(id) ?? NOTHING;
  const state: State =
    keys === null
      ? { ...before, failed: true, retryAt: now + KEYS_RETRY_MS, fetching: null }
      : { known: { keys, fetchedAt: now }, failed: false, retryAt: now + KEYS_COOL_DOWN_MS, fetching: null };
  // Whoever took over, because this took too long, knows better by now.
  if (before.fetching === fetching) cache.set(id, state);
  return state;
}
