/**
 * What an origin is told of each call, in place of the caller's credentials: a compact JWS (RFC 7515) for this origin, this request and
 * the next minute. docs/origin.md is for those who verify it.
 */

import type { Verdict } from "../audit/record.ts";
import { signStatement } from "../audit/signing-keys.ts";
import { randomId, toBase64url } from "../encoding.ts";
import { type Caller, principalOf } from "../evidence/caller.ts";
import type { SigningKey } from "../keys/signing.ts";
import { ASSERTION_LIFETIME } from "../limits.ts";
import type { Origin, Tenant } from "../tenant/tenant.ts";

export const ASSERTION_HEADER = "countersign-assertion";

export const ASSERTION_TYP = "countersign-assertion+jwt";

/** What is said of one request. */
export interface Asserted {
  readonly tenant: Pick<Tenant, "id" | "publicUrl"> & { readonly origin: Pick<Origin, "target"> };
  readonly caller: Caller;
  readonly decision: string;
  /** `observed`: it would have been refused, if the tenant did more than look. */
  readonly verdict: Verdict;
  /** Of HTTP. */
  readonly method: string;
  /** SHA-256 of the body that is sent; null where none is. */
  readonly bodySha256: Uint8Array | null;
  readonly tool: string | null;
  readonly action: string | null;
  /** Seconds. */
  readonly now: number;
}

export const signAssertion = (asserted: Asserted, key: SigningKey): Promise<string> =>
  signStatement(key, ASSERTION_TYP, claimsOf(asserted));

function claimsOf({ tenant, caller, decision, verdict, method, bodySha256, tool, action, now }: Asserted) {
  const { href, origin } = tenant.origin.target;
  return {
    iss: tenant.publicUrl,
    aud: origin,
    sub: principalOf(caller),
    jti: randomId(),
    iat: now,
    exp: now + ASSERTION_LIFETIME,
    // The request, named as DPoP names it (RFC 9449 section 4.2), but with the query.
    htm: method,
    htu: href,
    inp_hash: bodySha256 && toBase64url(bodySha256),
    tenant: tenant.id,
    decision,
    verdict,
    tool,
    action,
    ...bearerOf(caller),
  };
}

/** What the call is made under. */
function bearerOf(caller: Caller): object {
  switch (caller.kind) {
    case "agent": {
      const { iss, jti } = caller.mandate;
      return { mandate: { iss, jti } };
    }
    case "token": {
      const { iss, sub, clientId, jti, scopes } = caller.token;
      return { token: { iss, sub, client_id: clientId, jti, scope: [...scopes].join(" ") } };
    }
  }
}
