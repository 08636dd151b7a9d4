import { findKey } from "../../keys/find.ts";
import { OAUTH_ALGORITHMS } from "../../keys/key.ts";
import type { KeyFinder, KeyRing } from "../../keys/source.ts";
import type { Reason } from "../../reasons.ts";
import { remoteUrlProblem } from "../../remote/url.ts";
import { fail, ok, type Result } from "../../result.ts";
import type { AccessTokenPolicy } from "../../tenant/tenant.ts";
import type { AccessToken } from "./parse.ts";

/**
 * Whether the tenant lets in the client that a token was issued to. A client whose id is the URL of its metadata document
 * (draft-ietf-oauth-client-id-metadata-document) can be let in by its host, and held to the keys that the document publishes: then the
 * token must be bound to one of them. The authorization server has read the document when it issued the token; this is about what the
 * document says now.
 *
 * @param pinned thumbprints of the keys that the tenant document holds
 */
export async function checkClient(
  { clientId, confirmation }: Pick<AccessToken, "clientId" | "confirmation">,
  { clients }: AccessTokenPolicy,
  pinned: KeyRing["pinned"],
  keys: KeyFinder,
): Promise<Result<void, Reason>> {
  if (clients === null) return ok(undefined);
  const client = clients.byId.get(clientId);
  if (client === undefined) return isAtHost(clientId, clients.hosts) ? ok(undefined) : fail("token.client");
  const { publishedKeys } = client;
  if (publishedKeys === null) return ok(undefined);
  if (confirmation === null) return fail("token.client_key");
  const wanted = { kid: confirmation, algorithms: OAUTH_ALGORITHMS, x5c: null };
  const found = await findKey({ own: new Map(), sources: [publishedKeys], pinned }, wanted, keys);
  if (!found.ok && found.error === "unavailable") return fail("keys.unavailable");
  return found.ok && found.value.thumbprint === confirmation ? ok(undefined) : fail("token.client_key");
}

/** Whether an id is the URL of a metadata document at one of these hosts: in its one spelling, with a path. */
const isAtHost = (clientId: string, hosts: ReadonlySet<string>): boolean => {
  if (hosts.size === 0 || remoteUrlProblem(clientId) !== null) return false;
  const { hostname, pathname } = new URL(clientId);
  return hosts.has(hostname) && pathname !== "/";
};
