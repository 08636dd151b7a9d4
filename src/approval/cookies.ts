import { approvalsUrl } from "./address.ts";

/** `approver`: who is signed in. `sign-in`: what is awaited from the identity provider. */
export type CookieName = "approver" | "sign-in";

const nameOf = (name: CookieName): string => `__Secure-countersign-${name}`;

/** Null where there is none, or more than one: then nobody can tell whose each is. */
export function readCookie(headers: ReadonlyMap<string, string>, name: CookieName): string | null {
  const found = (headers.get("cookie") ?? "")
    .split(/; */)
    .filter((pair) => pair.startsWith(`${nameOf(name)}=`))
    .map((pair) => pair.slice(nameOf(name).length + 1));
  return found.length === 1 ? (found[0] ?? null) : null;
}

/**
 * The value of `Set-Cookie` (RFC 6265bis). `Lax`: the link comes from another site, and so does the way back from the identity provider; a
 * form from there brings no cookie.
 *
 * @param publicUrl the tenant's
 * @param maxAge seconds; 0 to take it back
 */
export const cookie = (name: CookieName, value: string, publicUrl: string, maxAge: number): string =>
  `${nameOf(name)}=${value}; Path=${new URL(approvalsUrl(publicUrl)).pathname}; Max-Age=${maxAge}; Secure; HttpOnly; SameSite=Lax`;
