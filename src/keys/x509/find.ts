import { BoundedCache } from "../../bounded-cache.ts";
import { sha256, toBase64url, utf8 } from "../../encoding.ts";
import { MAX_CHAIN_LENGTH, MAX_REMEMBERED_CHAINS } from "../../limits.ts";
import { fail, ok, type Result } from "../../result.ts";
import { importVerificationKey } from "../hygiene.ts";
import type { VerificationKey } from "../key.ts";
import type { WantedKey } from "../source.ts";
import type { Certificate } from "./certificate.ts";
import { type Validity, validateChain } from "./chain.ts";
import { fromBase64 } from "./header.ts";
import { readCertificate } from "./read.ts";
import { subjectJwk } from "./signature.ts";
import type { X509Source } from "./source.ts";

/**
 * The key of the certificate that an `x5c` begins with, where its chain leads to an anchor of the source. Its kid is its
 * thumbprint: nothing in a certificate says which kid a token may have.
 *
 * @param now milliseconds
 */
export async function certifiedKey(
  source: X509Source,
  { x5c, algorithms }: WantedKey,
  now: number,
): Promise<Result<VerificationKey, "unknown" | "untrusted">> {
  if (x5c === null) return fail("unknown");
  const chain = await rememberedChain(source, x5c, algorithms);
  const isValid = chain !== null && now >= chain.notBefore && now <= chain.notAfter;
  return isValid ? ok(chain.key) : fail("untrusted");
}

type GoodChain = Validity & { readonly key: VerificationKey };

/** What was found good, by source: a document that changes makes new sources, so nothing outlives its anchors. */
const remembered = new WeakMap<X509Source, BoundedCache<GoodChain>>();

async function rememberedChain(
  source: X509Source,
  x5c: readonly string[],
  algorithms: WantedKey["algorithms"],
): Promise<GoodChain | null> {
  if (x5c.length > MAX_CHAIN_LENGTH) return null;
  const known = remembered.get(source) ?? new BoundedCache<GoodChain>(MAX_REMEMBERED_CHAINS, () => 1);
  remembered.set(source, known);
  const id = toBase64url(await sha256(utf8(JSON.stringify([x5c, algorithms]))));
  const chain = known.get(id) ?? (await goodChain(source, x5c, algorithms));
  if (chain !== null) known.set(id, chain);
  return chain;
}

async function goodChain(
  { anchors, san }: X509Source,
  x5c: readonly string[],
  algorithms: WantedKey["algorithms"],
): Promise<GoodChain | null> {
  const certificates: Certificate[] = [];
  for (const text of x5c) {
    const der = fromBase64(text);
    const certificate = der === null ? null : await readCertificate(der);
    if (certificate === null) return null;
    certificates.push(certificate);
  }
  const validity = await validateChain(certificates, anchors, san);
  const [leaf] = certificates;
  if (validity === null || leaf === undefined) return null;
  const key = await importVerificationKey(await subjectJwk(leaf), algorithms);
  return key.ok ? { ...validity, key: key.value } : null;
}
