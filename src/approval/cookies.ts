import type { Tenant } from "../tenant/tenant.ts";

/** `approver`: who is signed in. `sign-in`: what is awaited from the identity provider. */
export type CookieName = "approver" | "sign-in";

/** What a cookie goes by. */
export type CookieTenant = Pick<Tenant, "id" | "publicUrl">;

/** Seen by browsers on the machine itself alone, which may try Countersign without TLS. */
const isPlain = ({ publicUrl }: CookieTenant): boolean => new URL(publicUrl).protocol === "http:";

/**
 * Tenants share a host, and the host has neighbours. The prefix (RFC 6265bis section 4.1.3.2) has browsers take the cookie from this very
 * host alone, and once; the id keeps tenants apart.
 */
const nameOf = (name: CookieName, tenant: CookieTenant): string =>
  `${isPlain(tenant) ? "" : "__Host-"}countersign-${name}-${tenant.id}`;

/** Null where there is none, or more than one: then nobody can tell whose each is. */
export function readCookie(
  headers: ReadonlyMap<string, string>,
  name: CookieName,
  tenant: CookieTenant,
): string | null {
  const start = `${nameOf(name, tenant)}=`;
  const found = (headers.get("cookie") ?? "")
    .split(/; */)
    .filter((pair) => pair.startsWith(start))
    .map((pair) => pair.slice(start.length));
  return found.length === 1 ? (found[0] ?? null) : null;
}

/**
 * The value of `Set-Cookie`. `Lax`: the link comes from another site, and so does the way back from the identity provider; a form from
 * there brings no cookie.
 *
 * @param maxAge seconds; 0 to take it back
 */
export const cookie = (name: CookieName, value: string, tenant: CookieTenant, maxAge: number): string =>
  `${nameOf(name, tenant)}=${value}; Path=/; Max-Age=${maxAge}; ${isPlain(tenant) ? "" : "Secure; "}HttpOnly; SameSite=Lax`;
