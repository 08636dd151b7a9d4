import type { Certificate } from "./certificate.ts";
import { isSignedBy } from "./signature.ts";
import type { SubjectName } from "./source.ts";

/** Purposes that signing a token does not contradict (RFC 5280 section 4.2.1.12, RFC 9336): any, client, document. */
const PURPOSES = ["2.5.29.37.0", "1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.36"];

/** A way from a signer's certificate to an anchor. */
export interface CertificationPath {
  /** How many certificates of the `x5c` are on it. */
  readonly length: number;
  /** From when to when all of them and the anchor are valid, milliseconds. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/**
 * Validates the paths (RFC 5280 section 6.1) from a signer's certificate over those that follow it to an anchor. Whether one
 * is valid at a given time is for the caller to ask: it changes, while all else about a path never does. There can be
 * several, because an authority that is renewed keeps its name and often its key.
 *
 * @param certificates in the order of `x5c`, the signer's own first
 * @returns none for a chain that leads nowhere, or breaks a rule
 */
export async function certificationPaths(
  certificates: readonly Certificate[],
  anchors: readonly Certificate[],
  san: SubjectName,
): Promise<readonly CertificationPath[]> {
  const [leaf] = certificates;
  if (leaf === undefined || !isSigner(leaf) || !isNamed(leaf, san)) return [];
  const paths: CertificationPath[] = [];
  for (const [i, certificate] of certificates.entries()) {
    // The certificate that signed this one has i authorities between itself and the signer.
    for (const anchor of anchors) {
      if (!(await certifies(anchor, certificate, i))) continue;
      const path = [...certificates.slice(0, i + 1), anchor];
      paths.push({
        length: i + 1,
        notBefore: Math.max(...path.map(({ notBefore }) => notBefore)),
        notAfter: Math.min(...path.map(({ notAfter }) => notAfter)),
      });
    }
    const next = certificates[i + 1];
    if (next === undefined || !(await certifies(next, certificate, i))) break;
  }
  return paths;
}

const isSigner = ({ isAuthority, keyUsage, extendedKeyUsage }: Certificate): boolean =>
  !isAuthority && keyUsage?.digitalSignature !== false && isForSigning(extendedKeyUsage);

/** Compared whole: neither a wildcard nor a part of a name stands for another one. */
const isNamed = ({ uris, hosts }: Certificate, san: SubjectName): boolean =>
  "uri" in san ? uris.includes(san.uri) : hosts.includes(san.dns);

const isForSigning = (purposes: Certificate["extendedKeyUsage"]): boolean =>
  purposes === null || purposes.some((purpose) => PURPOSES.includes(purpose));

/** Whether an authority may sign certificates at all. */
export const isCertifier = ({ isAuthority, keyUsage, extendedKeyUsage }: Certificate): boolean =>
  isAuthority && keyUsage?.keyCertSign !== false && isForSigning(extendedKeyUsage);

/** @param below authorities between the signer's certificate and this one */
async function certifies(authority: Certificate, certificate: Certificate, below: number): Promise<boolean> {
  const { subject, pathLength } = authority;
  if (subject !== certificate.issuer || !isCertifier(authority)) return false;
  if (pathLength !== null && pathLength < below) return false;
  return isSignedBy(certificate, authority);
}
