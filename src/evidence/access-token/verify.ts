import type { KeyFinder } from "../../keys/source.ts";
import type { Reason } from "../../reasons.ts";
import { fail, type Result } from "../../result.ts";
import type { Tenant } from "../../tenant/tenant.ts";
import type { AccessToken } from "./parse.ts";

/** An access token (RFC 9068) of an authorization server that the tenant trusts, for this tenant and in time. */
export interface VerifiedAccessToken {
  readonly iss: string;
  readonly sub: string;
  readonly clientId: string;
  readonly jti: string;
  readonly iat: number;
  readonly exp: number;
  readonly scopes: ReadonlySet<string>;
  /** base64url SHA-256 of the canonical claims. */
  readonly digest: string;
  /** RFC 7638 thumbprint of the key that it is bound to (RFC 9449); null for a bearer token. */
  readonly confirmation: string | null;
  /** The proof that came with the request; null for a bearer token. Times in seconds. */
  readonly proof: { readonly jti: string; readonly iat: number } | null;
}

/** @param now seconds */
export async function verifyAccessToken(
  _token: AccessToken,
  _tenant: Tenant,
  _keys: KeyFinder,
  _now: number,
): Promise<Result<VerifiedAccessToken, Reason>> {
  return fail("bearer.access_token");
}
