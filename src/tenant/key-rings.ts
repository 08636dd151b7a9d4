/** The keys of those who sign for others, issuers and trust domains: in the document, and where else they come from. */

import type * as v from "valibot";
import { importVerificationKey } from "../keys/hygiene.ts";
import type { KeyAlgorithm, VerificationKey } from "../keys/key.ts";
import type { KeyRing, KeySource } from "../keys/source.ts";
import { claims, type Found, formatPath, imported, type Path } from "./faults.ts";
import { compileSource } from "./key-sources.ts";
import type { issuer, trustDomain } from "./schema/identities.ts";

/** Where agents have keys: by thumbprint, and by the URL of a source. What is an agent's own vouches for nobody. */
export interface AgentKeyPlaces {
  readonly keys: ReadonlyMap<string, Path>;
  readonly urls: ReadonlyMap<string, Path>;
}

export async function compileRing(
  owner: Pick<v.InferOutput<typeof issuer> | v.InferOutput<typeof trustDomain>, "keys" | "keySources">,
  at: Path,
  algorithms: readonly KeyAlgorithm[],
  agents: AgentKeyPlaces,
  pinned: KeyRing["pinned"],
  found: Found[],
): Promise<KeyRing> {
  const own = new Map<string, VerificationKey>();
  const sources: KeySource[] = [];
  const claimKid = claims("kid", found);

  const addKey = async (jwk: Readonly<Record<string, unknown>>, place: Path): Promise<void> => {
    const key = imported(await importVerificationKey(jwk, algorithms), place, found);
    if (key === null) return;
    const agentKey = agents.keys.get(key.thumbprint);
    if (agentKey !== undefined) {
      const problem = `is the same key as ${formatPath(agentKey)}: an agent's own key cannot sign for others`;
      found.push({ at: place, problem });
    }
    if (claimKid(key.kid, place)) own.set(key.kid, key);
  };

  for (const [i, jwk] of owner.keys.entries()) await addKey(jwk, [...at, "keys", i]);
  for (const [i, entry] of owner.keySources.entries()) {
    const place = [...at, "keySources", i];
    const compiled = await compileSource(entry, place, "assertionMethod", found);
    if ("jwk" in compiled) {
      await addKey(compiled.jwk, place);
      continue;
    }
    const agentSource = compiled.url === null ? undefined : agents.urls.get(compiled.url);
    if (agentSource !== undefined) {
      const problem = `has the same keys as ${formatPath(agentSource)}: an agent's own key cannot sign for others`;
      found.push({ at: place, problem });
    }
    sources.push(compiled.source);
  }
  return { own, sources, pinned };
}

/** Whether two rings have a key of the document, or a source that is fetched, in common. */
export function shareKeys(one: KeyRing, other: KeyRing): boolean {
  const named = ({ own, sources }: KeyRing): readonly string[] => [
    ...[...own.values()].map(({ thumbprint }) => thumbprint),
    ...sources.flatMap((source) => ("url" in source ? [source.url] : [])),
  ];
  const names = new Set(named(one));
  return named(other).some((name) => names.has(name));
}
