import type * as v from "valibot";
import { didKeyJwk, didWebUrl, type Relationship } from "../keys/did.ts";
import type { KeySource } from "../keys/source.ts";
import { readAnchor } from "../keys/x509/anchor.ts";
import type { Certificate } from "../keys/x509/certificate.ts";
import type { Found, Path } from "./faults.ts";
import type { agentKeySources, issuerKeySources } from "./schema/keys.ts";

type Entry = v.InferOutput<typeof agentKeySources>[number] | v.InferOutput<typeof issuerKeySources>[number];

/** What an entry of `keySources` is: a source to ask, or a key that is known already. */
export type CompiledSource =
  | { readonly source: KeySource; readonly url: string | null }
  | { readonly jwk: Readonly<Record<string, string>> };

/** @param relationship what the keys of a DID document must be allowed for */
export async function compileSource(
  entry: Entry,
  at: Path,
  relationship: Relationship,
  found: Found[],
): Promise<CompiledSource> {
  switch (entry.type) {
    case "jwks": {
      const { type, url, binding = null } = entry;
      return { source: { type, url, binding }, url };
    }
    case "clientIdMetadata": {
      const { type, url, jwksHosts, binding = null } = entry;
      const hosts = new Set([new URL(url).hostname, ...jwksHosts]);
      return { source: { type, url, binding, jwksHosts: hosts, names: "kid" }, url };
    }
    case "did": {
      const { did, binding = null } = entry;
      const url = didWebUrl(did);
      if (url !== null) return { source: { type: "did:web", did, url, relationship, binding }, url };
      if (binding !== null)
        found.push({ at: [...at, "binding"], problem: "is of no use: a did:key is its own key" });
      return { jwk: didKeyJwk(did) ?? {} };
    }
    case "x509": {
      const anchors: Certificate[] = [];
      for (const [i, text] of entry.anchors.entries()) {
        const anchor = await readAnchor(text);
        if (anchor.ok) anchors.push(anchor.value);
        else found.push({ at: [...at, "anchors", i], problem: anchor.error });
      }
      return { source: { type: "x509", anchors, san: entry.san }, url: null };
    }
  }
}
