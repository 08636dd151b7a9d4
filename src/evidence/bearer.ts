/** What a request is made under: an ACT mandate, or an OAuth access token. Stage 2, and the first part of stage 6. */

import type { KeyFinder } from "../keys/source.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Tenant } from "../tenant/tenant.ts";
import { type AccessToken, parseAccessToken } from "./access-token/parse.ts";
import { type VerifiedAccessToken, verifyAccessToken } from "./access-token/verify.ts";
import { type Mandate, parseMandate } from "./act/parse.ts";
import { type VerifiedMandate, verifyMandate } from "./act/verify.ts";
import { absent } from "./presented.ts";

/** As it was sent. */
export type PresentedBearer =
  | { readonly kind: "mandate"; readonly mandate: Mandate }
  | { readonly kind: "token"; readonly token: AccessToken };

/** Whose it is says not yet who sends it. */
export type VerifiedBearer =
  | { readonly kind: "mandate"; readonly mandate: VerifiedMandate }
  | { readonly kind: "token"; readonly token: VerifiedAccessToken };

/**
 * Finds the bearer of a request. Which kind it is says the scheme, or the `typ` of its header, and there is never more than one. Where
 * the tenant takes no access tokens, none is looked for.
 */
export function parseBearer(
  headers: ReadonlyMap<string, string>,
  { accessTokens }: Pick<Tenant, "accessTokens">,
): Result<PresentedBearer, Reason> {
  const token = accessTokens === null ? absent : parseAccessToken(headers);
  if (token.state === "malformed") return fail(token.reason);
  if (token.state === "present") return ok({ kind: "token", token: token.value });
  const mandate = parseMandate(headers);
  switch (mandate.state) {
    case "absent":
      return fail("bearer.missing");
    case "malformed":
      return fail(mandate.reason);
    case "present":
      return ok({ kind: "mandate", mandate: mandate.value });
  }
}

/** @param now seconds */
export async function verifyBearer(
  bearer: PresentedBearer,
  tenant: Tenant,
  keys: KeyFinder,
  now: number,
): Promise<Result<VerifiedBearer, Reason>> {
  switch (bearer.kind) {
    case "mandate": {
      const mandate = await verifyMandate(bearer.mandate, tenant, keys, now);
      return mandate.ok ? ok({ kind: "mandate", mandate: mandate.value }) : mandate;
    }
    case "token": {
      const token = await verifyAccessToken(bearer.token, tenant, keys, now);
      return token.ok ? ok({ kind: "token", token: token.value }) : token;
    }
  }
}
