import { runId } from "./endpoints/endpoint.ts";
import type { VerifiedAccessToken } from "./evidence/access-token/verify.ts";
import type { VerifiedMandate } from "./evidence/act/verify.ts";
import { type Revoked, revokedName } from "./ledger/revoked.ts";
import { runKey } from "./ledger/run-key.ts";
import type { Trail } from "./trail.ts";

/**
 * Names of all that a request rests on and that may have been revoked, from verified values alone: its bearer with all that this was
 * derived from, and the keys that prove it. The emergency stop is for calls: somebody must be able to lift it.
 */
export function revocableIn({
  endpoint,
  mandate,
  token,
  caller,
}: Pick<Trail, "endpoint" | "mandate" | "token" | "caller">): readonly string[] {
  const revocable: Revoked[] = endpoint?.kind === "mcp" ? [{ kind: "tenant" }] : [];
  if (mandate !== null) revocable.push(...inMandate(mandate));
  if (token !== null) revocable.push(...inToken(token));
  const keys = [caller?.signature?.key, caller?.ect?.key, caller?.wit?.anchor.key];
  for (const key of keys) if (key) revocable.push({ kind: "key", thumbprint: key.thumbprint });
  return [...new Set(revocable.map(revokedName))];
}

/** What was handed on ends with what it was derived from. */
const inMandate = (mandate: VerifiedMandate): Revoked[] => [
  ...[...mandate.chain, mandate].flatMap((link): Revoked[] => [
    { kind: "mandate", iss: link.iss, jti: link.jti },
    { kind: "agent", name: link.agent.name },
    { kind: "issuer", iss: link.iss },
    { kind: "run", run: runId(runKey(link)) },
  ]),
  ...mandate.keys.map((thumbprint): Revoked => ({ kind: "key", thumbprint })),
];

const inToken = ({ iss, sub, jti, key, confirmation }: VerifiedAccessToken): Revoked[] => [
  { kind: "token", iss, jti },
  { kind: "subject", iss, sub },
  { kind: "issuer", iss },
  { kind: "key", thumbprint: key },
  ...(confirmation === null ? [] : [{ kind: "key", thumbprint: confirmation } as const]),
];
