import { BoundedCache } from "../../bounded-cache.ts";
import { sha256, toBase64url, utf8 } from "../../encoding.ts";
import { MAX_CHAIN_LENGTH, MAX_REMEMBERED_CHAINS } from "../../limits.ts";
import { fail, ok, type Result } from "../../result.ts";
import { importVerificationKey } from "../hygiene.ts";
import type { VerificationKey } from "../key.ts";
import type { WantedKey } from "../source.ts";
import type { Certificate } from "./certificate.ts";
import { type CertificationPath, certificationPaths } from "./chain.ts";
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
  if (x5c.length > MAX_CHAIN_LENGTH) return fail("untrusted");
  const known =
    remembered.get(source) ?? new BoundedCache<readonly GoodPath[]>(MAX_REMEMBERED_CHAINS, () => 1);
  remembered.set(source, known);
  const isInTime = ({ notBefore, notAfter }: GoodPath): boolean => now >= notBefore && now <= notAfter;

  const ids = await Promise.all(x5c.map((_, i) => pathId(x5c.slice(0, i + 1), algorithms)));
  for (const [i, id] of ids.entries()) {
    const paths = known.get(id);
    const path = paths?.find(isInTime);
    if (paths === undefined || path === undefined) continue;
    known.set(id, paths);
    // What stands behind it is not needed, but is to be certificates.
    return (await readCertificates(x5c.slice(i + 1))) === null ? fail("untrusted") : ok(path.key);
  }
  const good = await goodPaths(source, x5c, algorithms);
  for (const [i, id] of ids.entries()) {
    const paths = good.filter(({ length }) => length === i + 1);
    if (paths.length > 0) known.set(id, paths);
  }
  const path = good.find(isInTime);
  return path === undefined ? fail("untrusted") : ok(path.key);
}

type GoodPath = CertificationPath & { readonly key: VerificationKey };

/**
 * What was found good, by source: a document that changes makes new sources, so nothing outlives its anchors. Paths are kept
 * by the certificates that are on them, so that what a stranger puts behind those adds none.
 */
const remembered = new WeakMap<X509Source, BoundedCache<readonly GoodPath[]>>();

const pathId = async (x5c: readonly string[], algorithms: WantedKey["algorithms"]): Promise<string> =>
  toBase64url(await sha256(utf8(JSON.stringify([x5c, algorithms]))));

async function goodPaths(
  { anchors, san }: X509Source,
  x5c: readonly string[],
  algorithms: WantedKey["algorithms"],
): Promise<readonly GoodPath[]> {
  const certificates = await readCertificates(x5c);
  const [leaf] = certificates ?? [];
  if (certificates === null || leaf === undefined) return [];
  const paths = await certificationPaths(certificates, anchors, san);
  if (paths.length === 0) return [];
  const key = await importVerificationKey(await subjectJwk(leaf), algorithms);
  return key.ok ? paths.map((path) => ({ ...path, key: key.value })) : [];
}

async function readCertificates(x5c: readonly string[]): Promise<readonly Certificate[] | null> {
  const certificates: Certificate[] = [];
  for (const text of x5c) {
    const der = fromBase64(text);
    const certificate = der === null ? null : await readCertificate(der);
    if (certificate === null) return null;
    certificates.push(certificate);
  }
  return certificates;
}
