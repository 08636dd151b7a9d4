/** Who is signed in to approve calls: a sealed cookie, and nothing that is stored. */

import { randomId, sha256, toBase64url, utf8 } from "../encoding.ts";
import { tokenPrincipal } from "../evidence/access-token/subject.ts";
import { APPROVER_SESSION } from "../limits.ts";
import type { SessionKeys } from "../session/keys.ts";
import type { Tenant } from "../tenant/tenant.ts";
import { cookie, readCookie } from "./cookies.ts";
import { type Binding, seal, unseal } from "./seal.ts";

export interface Approver {
  /** Of the ID token. */
  readonly iss: string;
  readonly sub: string;
  /** Names of the roles that the ID token gives under this very document. */
  readonly roles: readonly string[];
  /** Known to this session alone. */
  readonly secret: string;
  /** Seconds. */
  readonly expires: number;
}

/** As statements name an approver, and as a principal is named. */
export const approverName = (approver: Pick<Approver, "iss" | "sub">): string => tokenPrincipal(approver);

/** With another document the roles may be others: everybody signs in again. */
const bindingFor = ({ id, publicUrl, revision }: Tenant): Binding => ({
  purpose: "approver",
  names: [id, publicUrl, revision],
});

/** @param now seconds */
export const approverOf = (iss: string, sub: string, roles: readonly string[], now: number): Approver => ({
  iss,
  sub,
  roles,
  secret: randomId(),
  expires: now + APPROVER_SESSION,
});

/** The value of `Set-Cookie`. */
export const approverCookie = async (
  approver: Approver,
  tenant: Tenant,
  keys: SessionKeys,
): Promise<string> =>
  cookie("approver", await seal(approver, bindingFor(tenant), keys), tenant, APPROVER_SESSION);

/**
 * Who sends a request; null where nobody is signed in.
 *
 * @param now seconds
 */
export async function readApprover(
  headers: ReadonlyMap<string, string>,
  tenant: Tenant,
  keys: SessionKeys,
  now: number,
): Promise<Approver | null> {
  const sealed = readCookie(headers, "approver", tenant);
  const opened = sealed === null ? null : await unseal(sealed, bindingFor(tenant), keys);
  const approver = opened as unknown as Approver | null;
  return approver !== null && now < approver.expires ? approver : null;
}

/** What a form has to bring back: it is good for this session and this call alone. */
export const formToken = async ({ secret }: Approver, call: string): Promise<string> =>
  toBase64url(await sha256(utf8(JSON.stringify(["countersign approval form v1", secret, call]))));
