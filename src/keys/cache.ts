/** Key documents as this isolate knows them. Values only: a promise may not be shared between requests. */

import { BoundedCache } from "../bounded-cache.ts";
import type { JsonObject } from "../json/strict-json.ts";
import {
  CACHED_KEYS_ENTRY_BYTES,
  KEYS_COOL_DOWN_MS,
  KEYS_DEADLINE_MS,
  KEYS_FRESH_MS,
  KEYS_POLL_MS,
  KEYS_RETRY_MS,
  KEYS_STALE_MS,
  MAX_CACHED_KEY_BYTES,
} from "../limits.ts";
import { fail, ok, type Result } from "../result.ts";
import { isInTime, type KeyTable } from "./key-table.ts";
import type { Clock } from "./source.ts";

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

/** For a fetch that was cut off with its request, and for the one that takes over from it. */
const LONGEST_WAIT_MS = 2 * LONGEST_FETCH_MS;

/** By what was resolved: never by kid alone, which anybody can write into a message. */
const cache = new BoundedCache<State>(
  MAX_CACHED_KEY_BYTES,
  ({ known }) => CACHED_KEYS_ENTRY_BYTES + (known?.keys.bytes ?? 0),
);

/**
 * Finds a key in a document: in the isolate's memory while that is fresh, else by one fetch, however many ask. An unknown
 * kid, or a key that is out of its time, brings that fetch forward, at most once in a cool-down. A fetch that fails changes
 * nothing that is known, which then serves for a bounded time. Who has waited too long for others is told `unavailable`.
 *
 * @param id names the document and all that its meaning depends on
 * @param clock milliseconds
 */
export async function knownKey(
  id: string,
  kid: string,
  load: LoadKeys,
  clock: Clock,
): Promise<Result<JsonObject, "unknown" | "unavailable">> {
  for (let waited = 0; ; waited += KEYS_POLL_MS) {
    const now = clock();
    const state = cache.get(id) ?? NOTHING;
    const found = answer(state, kid, now);
    if (now < state.retryAt || (found.ok && isFresh(state, now))) return found;
    if (!isFetching(state, now)) return answer(await fetchAnew(id, load, clock), kid, clock());
    if (found.ok) return found;
    if (waited >= LONGEST_WAIT_MS) return fail("unavailable");
    // A timer of this request alone: what another one fetches can only be looked for.
    await new Promise((resolve) => setTimeout(resolve, KEYS_POLL_MS));
  }
}

/** The same without a fetch: only what a document says that need not be asked for again. */
export function rememberedKey(id: string, kid: string, now: number): JsonObject | null {
  const state = cache.get(id) ?? NOTHING;
  const found = answer(state, kid, now);
  return found.ok && isFresh(state, now) ? found.value : null;
}

const isFresh = ({ known }: State, now: number): boolean =>
  known !== null && now < known.fetchedAt + KEYS_FRESH_MS;

const isFetching = ({ fetching }: State, now: number): boolean =>
  fetching !== null && now < fetching.since + LONGEST_FETCH_MS;

function answer(
  { known, failed }: State,
  kid: string,
  now: number,
): Result<JsonObject, "unknown" | "unavailable"> {
  if (known === null || now >= known.fetchedAt + KEYS_STALE_MS) return fail("unavailable");
  const jwk = known.keys.table.get(kid);
  if (jwk !== undefined && isInTime(jwk, now)) return ok(jwk);
  return fail(failed ? "unavailable" : "unknown");
}

async function fetchAnew(id: string, load: LoadKeys, clock: Clock): Promise<State> {
  const fetching = { since: clock() };
  cache.set(id, { ...(cache.get(id) ?? NOTHING), fetching });
  const keys = await load();
  // It may have been forgotten meanwhile, and is kept then all the same.
  const before = cache.get(id) ?? { ...NOTHING, fetching };
  const ended = clock();
  const state: State =
    keys === null
      ? { ...before, failed: true, retryAt: ended + KEYS_RETRY_MS, fetching: null }
      : {
          known: { keys, fetchedAt: fetching.since },
          failed: false,
          retryAt: ended + KEYS_COOL_DOWN_MS,
          fetching: null,
        };
  // Whoever took over, because this took too long, knows better by now.
  if (before.fetching === fetching) cache.set(id, state);
  return state;
}
