/** Checks of the section `accessTokens` of a tenant document that need several of its fields at once. */

import { remoteUrlProblem } from "../../remote/url.ts";
import { claims, type Found } from "../faults.ts";
import type { ShapedDocument } from "../schema/document.ts";
import { checkMatching } from "./document.ts";

/** @param extraMethods those of the section `actions` */
export function checkAccessTokens(
  section: ShapedDocument["accessTokens"],
  extraMethods: readonly string[],
): readonly Found[] {
  if (section === undefined) return [];
  const { issuers, scopes, clients = [] } = section;
  const found: Found[] = [
    ...checkMatching(
      scopes,
      ["accessTokens", "scopes"],
      extraMethods,
      "none of them needs a scope, and no rule applies",
    ),
  ];
  for (const [i, { keys, keySources }] of issuers.entries()) {
    if (keys.length + keySources.length > 0) continue;
    const problem = "has no keys or keySources: no access token of its could be verified";
    found.push({ at: ["accessTokens", "issuers", i], problem });
  }
  const claimId = claims("client", found);
  const claimHost = claims("host", found);
  for (const [i, entry] of clients.entries()) {
    const at = ["accessTokens", "clients", i];
    if ("host" in entry) {
      claimHost(entry.host, [...at, "host"]);
      continue;
    }
    claimId(entry.id, [...at, "id"]);
    const problem = entry.publishedKeys === undefined ? null : remoteUrlProblem(entry.id);
    if (problem !== null) found.push({ at: [...at, "id"], problem: `${problem}, to publish keys at` });
  }
  return found;
}
