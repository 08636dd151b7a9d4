import { toBase64url } from "../../encoding.ts";
import { MAX_CERTIFICATE_BYTES } from "../../limits.ts";
import type { Certificate } from "./certificate.ts";

type Library = typeof import("./library.ts");

/** In the built Worker, the name of the module beside it that `library.ts` is built into (wrangler.toml). */
declare const X509_LIBRARY: "./library.mjs" | undefined;

// Not import(a ? b : c): that would be built in, whichever it is.
const load = (): Promise<Library> =>
  typeof X509_LIBRARY === "undefined" ? import("./library.ts") : import(X509_LIBRARY);

/** Object identifiers of the extensions that are understood (RFC 5280 section 4.2.1). */
const KEY_USAGE = "2.5.29.15";
const SUBJECT_ALTERNATIVE_NAME = "2.5.29.17";
const BASIC_CONSTRAINTS = "2.5.29.19";
const EXTENDED_KEY_USAGE = "2.5.29.37";
const UNDERSTOOD = [KEY_USAGE, SUBJECT_ALTERNATIVE_NAME, BASIC_CONSTRAINTS, EXTENDED_KEY_USAGE];

/** What narrows a chain whether it is critical or not, and is not understood (section 4.2.1.10). */
const NAME_CONSTRAINTS = "2.5.29.30";

const VERSION_3 = 2;

/**
 * Reads a certificate of version 3. Null for what is none, and for one that says something we do not understand and may
 * not overlook.
 */
export async function readCertificate(der: Uint8Array<ArrayBuffer>): Promise<Certificate | null> {
  if (der.length > MAX_CERTIFICATE_BYTES || sequenceLength(der) !== der.length) return null;
  const library = await load();
  try {
    return read(der, library);
  } catch {
    // The library says "no certificate" with errors of many kinds.
    return null;
  }
}

function read(der: Uint8Array<ArrayBuffer>, library: Library): Certificate | null {
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
  const { validity, issuer, subject, subjectPublicKeyInfo } = tbsCertificate;
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
    ...constraints(extensions, library),
  };
}

function constraints(
  extensions: ReadonlyMap<string, ArrayBuffer>,
  {
    AsnConvert,
    BasicConstraints,
    ExtendedKeyUsage,
    KeyUsage,
    KeyUsageFlags,
    SubjectAlternativeName,
  }: Library,
): Pick<Certificate, "isAuthority" | "pathLength" | "keyUsage" | "extendedKeyUsage" | "uris" | "hosts"> {
  const get = <T>(id: string, type: new () => T): T | null => {
    const value = extensions.get(id);
    return value === undefined ? null : AsnConvert.parse(value, type);
  };
  const basic = get(BASIC_CONSTRAINTS, BasicConstraints);
  const usage = get(KEY_USAGE, KeyUsage)?.toNumber() ?? null;
  const purposes = get(EXTENDED_KEY_USAGE, ExtendedKeyUsage);
  const names = [...(get(SUBJECT_ALTERNATIVE_NAME, SubjectAlternativeName) ?? [])];
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

/** Octets of the DER sequence that begins here, its head included; null where none does. Nothing may stand behind a certificate. */
function sequenceLength([tag, first, second, third]: Uint8Array): number | null {
  if (tag !== 0x30 || first === undefined) return null;
  if (first < 0x80) return 2 + first;
  if (first === 0x81 && second !== undefined) return 3 + second;
  return first === 0x82 && second !== undefined && third !== undefined ? 4 + second * 256 + third : null;
}
