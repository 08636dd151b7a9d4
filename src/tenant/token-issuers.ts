import { OAUTH_ALGORITHMS } from "../keys/key.ts";
import type { KeyRing } from "../keys/source.ts";
import { claims, type Found } from "./faults.ts";
import type { Placed } from "./identities.ts";
import { type AgentKeyPlaces, compileRing, shareKeys } from "./key-rings.ts";
import type { tokenIssuer } from "./schema/access-tokens.ts";
import type { TokenIssuer } from "./tenant.ts";

/**
 * Authorization servers by `iss`. Two of them may share keys, as those do that serve many tenants; with those who sign anything else
 * here they may not.
 *
 * @param entries of the section `accessTokens`
 * @param others keys of mandate issuers and trust domains
 */
export async function compileTokenIssuers(
  entries: readonly Placed<typeof tokenIssuer>[],
  others: readonly KeyRing[],
  agentKeys: AgentKeyPlaces,
  pinned: KeyRing["pinned"],
  found: Found[],
): Promise<ReadonlyMap<string, TokenIssuer>> {
  const table = new Map<string, TokenIssuer>();
  const claimIss = claims("iss", found);
  for (const { at: place, value } of entries) {
    const at = ["accessTokens", ...place];
    const keys = await compileRing(value, at, OAUTH_ALGORITHMS, agentKeys, pinned, found);
    if (others.some((ring) => shareKeys(keys, ring)))
      found.push({ at, problem: "has a key or source of an issuer of mandates or of a trust domain" });
    const { iss, maxLifetimeSeconds: maxLifetime } = value;
    if (claimIss(iss, [...at, "iss"])) table.set(iss, { iss, keys, maxLifetime });
  }
  return table;
}
