/** What the gate is run with where nothing may come of it: no ledger, no log, no network but what is allowed. */

import { isObject, type JsonValue } from "../../json/strict-json.ts";
import type { Attempt, Ruling } from "../../ledger/protocol.ts";
import { PUBLIC_INTERNET } from "../../remote/fetch.ts";
import { SESSION_KEYS, SIGNING_KEYS } from "../local/secrets.ts";
import { storedTenant } from "../local/tenants.ts";
import type { Source } from "../sources.ts";

export interface World {
  readonly env: Env;
  /** What the gate wanted to fetch and was not given, URLs. */
  readonly withheld: Set<string>;
  /** Whether the deployment's own session keys are there. */
  readonly hasSessionKeys: boolean;
}

/**
 * @param mayFetch whether a URL may be fetched
 * @param secrets those of the deployment that are there, by name
 */
export function worldOf(
  { text, tenant }: Source,
  gatewayUrl: string,
  mayFetch: (url: string) => boolean,
  secrets: Readonly<Record<string, string | undefined>>,
): World {
  const withheld = new Set<string>();
  const withhold = async (url: string): Promise<Response> => {
    withheld.add(url);
    throw new Error("not fetched");
  };
  const network = (url: string, init: RequestInit) => (mayFetch(url) ? fetch(url, init) : withhold(url));
  const { id, host } = storedTenant(text);
  const env = {
    GATEWAY_URL: gatewayUrl,
    SESSION_KEYS: secrets.SESSION_KEYS ?? SESSION_KEYS.make(),
    SIGNING_KEYS: SIGNING_KEYS.make(),
    // Whether they are there is for the deployment to know.
    ...Object.fromEntries(tenant.origin.credentials.map(({ secret }) => [secret, "unknown"])),
    BRAKE: { limit: async () => ({ success: true }) },
    TENANTS: {
      get: async (key: string) => (key === `tenant:${id}` ? text : key === `host:${host}` ? id : null),
    },
    LEDGER: { getByName: () => ({ decide: async (attempt: Attempt) => admitting(attempt) }) },
    [PUBLIC_INTERNET]: { fetch: network },
    // Where they lead only the deployment knows.
    ...Object.fromEntries([...bindingsIn(JSON.parse(text))].map((name) => [name, { fetch: withhold }])),
  };
  return { env: env as unknown as Env, withheld, hasSessionKeys: secrets.SESSION_KEYS !== undefined };
}

/** As a ledger that has nothing against the request. */
const admitting = ({ observed }: Attempt): Ruling => ({
  verdict: observed === null ? "admitted" : "observed",
  reason: observed,
  place: null,
  stepRecorded: false,
  retryAfter: null,
  approval: null,
});

/** Service bindings that the document names. */
function* bindingsIn(value: JsonValue): Generator<string> {
  if (Array.isArray(value)) for (const item of value) yield* bindingsIn(item as JsonValue);
  if (!isObject(value)) return;
  for (const [name, member] of Object.entries(value)) {
    if (name === "binding" && typeof member === "string") yield member;
    else yield* bindingsIn(member as JsonValue);
  }
}
