import { type Caller, issuerOf, principalOf } from "../evidence/caller.ts";
import { isObject } from "../json/strict-json.ts";
import type { Message } from "../mcp/message.ts";
import { isModern } from "../mcp/mirrored-headers.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Tenant } from "../tenant/tenant.ts";
import { readSessionKeys } from "./keys.ts";
import { openSession, SESSION_HEADER, type Session, type SessionOwner, sealSession } from "./seal.ts";

/**
 * Finds the session that a message belongs to, which must be its caller's own. Part of stage 7.
 *
 * @param now seconds
 * @returns null for a message that belongs to none
 */
export async function enterSession(
  message: Message,
  headers: ReadonlyMap<string, string>,
  caller: Caller,
  tenant: Tenant,
  env: Env,
  now: number,
): Promise<Result<Session | null, Reason>> {
  // Revision 2026-07-28 has no sessions: a server ignores the header, and is not sent it.
  if (isModern(message)) return ok(null);
  const sealed = headers.get(SESSION_HEADER);
  if (sealed === undefined) {
    const isAlone = caller.kind === "agent" && caller.signature === null;
    const isBound = message.kind === "response" || isAlone;
    return isBound ? fail("session.missing") : ok(null);
  }
  const keys = await readSessionKeys(env.SESSION_KEYS);
  if (keys === null) return fail("session.unconfigured");
  return openSession(sealed, ownerOf(caller, tenant), keys, tenant.sessions.maxAge, now);
}

/**
 * What the client is told for the session id in an origin's answer. Part of stage 10.
 *
 * @param id what the origin said
 * @param session the one the request came in: its id stays what the client knows it as
 * @param message the request: one that begins a session says what the client can do
 * @param now seconds
 */
export async function nameSession(
  id: string,
  session: Session | null,
  message: Message,
  caller: Caller,
  tenant: Tenant,
  env: Env,
  now: number,
): Promise<Result<string, Reason>> {
  if (id === session?.id) return ok(session.sealed);
  const keys = await readSessionKeys(env.SESSION_KEYS);
  if (keys === null) return fail("session.unconfigured");
  const opensUrls = session?.opensUrls ?? opensUrlsIn(message);
  const sealed = await sealSession(id, ownerOf(caller, tenant), keys, now, opensUrls);
  return sealed === null ? fail("origin.session_id") : ok(sealed);
}

/** Whether the client that begins a session says so (MCP 2025-11-25, "Elicitation", "Capabilities"). */
function opensUrlsIn(message: Message): boolean {
  if (message.kind !== "request" || message.method !== "initialize") return false;
  const { capabilities } = message.params;
  const elicitation = isObject(capabilities) ? capabilities.elicitation : undefined;
  return isObject(elicitation) && isObject(elicitation.url);
}

const ownerOf = (caller: Caller, tenant: Tenant): SessionOwner => ({
  tenant: tenant.id,
  principal: principalOf(caller),
  issuer: authorityOf(caller),
});

/** Clients of one subject may have different scopes: what one of them began is not for another to see. */
function authorityOf(caller: Caller): string {
  const issuer = issuerOf(caller);
  return caller.kind === "agent" ? issuer : JSON.stringify([issuer, caller.token.clientId]);
}
