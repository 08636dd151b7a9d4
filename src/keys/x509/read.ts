import { toBase64url } from "../../encoding.ts";
import { loadX509Library, type X509Library } from "../../libraries/load.ts";
import { MAX_CERTIFICATE_BYTES } from "../../limits.ts";
import type { Certificate } from "./certificate.ts";

/** Object identifiers of the extensions that are understood (RFC 5280 section 4.2.1). */
const KEY_USAGE = "2.5.29.15";
const SUBJECT_ALTERNATIVE_NAME = "2.5.29.17";
const BASIC_CONSTRAINTS = "2.5.29.19";
const EXTENDED_KEY_USAGE = "2.5.29.37";
const UNDERSTOOD = [KEY_USAGE, SUBJECT_ALTERNATIVE_NAME, BASIC_CONSTRAINTS, EXTENDED_KEY_USAGE];

/** What narrows a chain whether it is critical or not, and is not understood (section 4.2.1.10). */
const NAME_CONSTRAINTS = "2.5.29.30";

const VERSION_3 = 2;

/** Where the validity stands in a TBSCertificate of version 3: behind version, number, algorithm and issuer (section 4.1). */
const VALIDITY = 4;

/**
 * Reads a certificate of version 3. Null for what is none, and for one that says something we do not understand and may
 * not overlook.
 */
export async function readCertificate(der: Uint8Array<ArrayBuffer>): Promise<Certificate | null> {
  if (der.length > MAX_CERTIFICATE_BYTES || elements(der).length !== 3) return null;
  const library = await loadX509Library();
  try {
    return read(der, library);
  } catch {
    // The library says "no certificate" with errors of many kinds.
    return null;
  }
}

function read(der: Uint8Array<ArrayBuffer>, library: X509Library): Certificate | null {
  const { AsnConvert, Asn1Certificate } = library;
  const { tbsCertificate, tbsCertificateRaw, signatureAlgorithm, signatureValue } = AsnConvert.parse(
    der,
    Asn1Certificate,
  );
  if (tbsCertificate.version !== VERSION_3 || tbsCertificateRaw === undefined) return null;
  const encoded = (value: unknown): string => toBase64url(new Uint8Array(AsnConvert.serialize(value)));
  // Section 4.1.1.2: the same algorithm is named inside what is signed.
  if (encoded(tbsCertificate.signature) !== encoded(signatureAlgorithm)) return null;
  const extensions = new Map<string, ArrayBuffer>();
  for (const { extnID, extnValue, critical } of tbsCertificate.extensions ?? []) {
    const isUnderstood = UNDERSTOOD.includes(extnID);
    if ((critical && !isUnderstood) || extnID === NAME_CONSTRAINTS || extensions.has(extnID)) return null;
    extensions.set(extnID, extnValue.buffer);
  }
  const said = constraints(extensions, encoded, library);
  if (said === null) return null;
  const { validity, issuer, subject, subjectPublicKeyInfo } = tbsCertificate;
  // The library takes impossible dates for others, and garbage for the year 0.
  const validityDer = elements(new Uint8Array(tbsCertificateRaw))[VALIDITY];
  if (validityDer === undefined || toBase64url(validityDer) !== encoded(validity)) return null;
  return {
    der,
    tbs: new Uint8Array(tbsCertificateRaw),
    signatureAlgorithm: signatureAlgorithm.algorithm,
    signature: new Uint8Array(signatureValue),
    issuer: encoded(issuer),
    subject: encoded(subject),
    notBefore: validity.notBefore.getTime().getTime(),
    notAfter: validity.notAfter.getTime().getTime(),
    keyAlgorithm: encoded(subjectPublicKeyInfo.algorithm),
    spki: new Uint8Array(AsnConvert.serialize(subjectPublicKeyInfo)),
    ...said,
  };
}

function constraints(
  extensions: ReadonlyMap<string, ArrayBuffer>,
  encoded: (value: unknown) => string,
  {
    AsnConvert,
    BasicConstraints,
    ExtendedKeyUsage,
    KeyUsage,
    KeyUsageFlags,
    SubjectAlternativeName,
  }: X509Library,
): Pick<
  Certificate,
  "isAuthority" | "pathLength" | "keyUsage" | "extendedKeyUsage" | "uris" | "hosts"
> | null {
  let isDer = true;
  const get = <T>(id: string, type: new () => T): T | null => {
    const value = extensions.get(id);
    if (value === undefined) return null;
    const parsed = AsnConvert.parse(value, type);
    // Anything that the library overlooks, such as what stands behind the value.
    isDer &&= encoded(parsed) === toBase64url(new Uint8Array(value));
    return parsed;
  };
  const basic = get(BASIC_CONSTRAINTS, BasicConstraints);
  const usage = get(KEY_USAGE, KeyUsage)?.toNumber() ?? null;
  const purposes = get(EXTENDED_KEY_USAGE, ExtendedKeyUsage);
  const names = [...(get(SUBJECT_ALTERNATIVE_NAME, SubjectAlternativeName) ?? [])];
  if (!isDer) return null;
  return {
    isAuthority: basic?.cA === true,
    pathLength: basic?.pathLenConstraint ?? null,
    keyUsage:
      usage === null
        ? null
        : {
            digitalSignature: (usage & KeyUsageFlags.digitalSignature) !== 0,
            keyCertSign: (usage & KeyUsageFlags.keyCertSign) !== 0,
          },
    extendedKeyUsage: purposes === null ? null : [...purposes],
    uris: names.flatMap(({ uniformResourceIdentifier: uri }) => (uri === undefined ? [] : [uri])),
    hosts: names.flatMap(({ dNSName }) => (dNSName === undefined ? [] : [dNSName.toLowerCase()])),
  };
}

/** The elements of a DER sequence, whole; none where something is behind it, or it is none. */
function elements(der: Uint8Array): readonly Uint8Array[] {
  const sequence = elementAt(der, 0);
  if (der[0] !== SEQUENCE || sequence?.end !== der.length) return [];
  const found: Uint8Array[] = [];
  for (let at = sequence.content; at < der.length; ) {
    const element = elementAt(der, at);
    if (element === null || element.end > der.length) return [];
    found.push(der.subarray(at, element.end));
    at = element.end;
  }
  return found;
}

const SEQUENCE = 0x30;

/** Where the contents of a DER element of less than 64 KiB begin, and where they end; null where there is none. */
function elementAt(der: Uint8Array, at: number): { readonly content: number; readonly end: number } | null {
  const [, first, second, third] = der.subarray(at, at + 4);
  if (first === undefined) return null;
  if (first < 0x80) return { content: at + 2, end: at + 2 + first };
  if (first === 0x81 && second !== undefined) return { content: at + 3, end: at + 3 + second };
  if (first !== 0x82 || second === undefined || third === undefined) return null;
  return { content: at + 4, end: at + 4 + second * 256 + third };
}
