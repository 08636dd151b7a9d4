/** Certificates for tests, made on the spot. */

import "reflect-metadata";
import * as x509 from "@peculiar/x509";

export { x509 };

export type Usage = "signer" | "authority";

export interface Issued {
  readonly certificate: x509.X509Certificate;
  readonly keys: CryptoKeyPair;
  /** DER in base64, as in `x5c`. */
  readonly base64: string;
}

export interface Wanted {
  readonly name: string;
  readonly by?: Issued;
  readonly usage?: Usage;
  readonly extensions?: readonly x509.Extension[];
  /** In place of those that belong to the usage. */
  readonly onlyExtensions?: readonly x509.Extension[];
  readonly keys?: CryptoKeyPair;
  readonly signingAlgorithm?: { readonly name: string; readonly hash?: string };
  readonly issuer?: string;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

export const P256 = { name: "ECDSA", namedCurve: "P-256" };

export const keyPair = async (algorithm: object = P256): Promise<CryptoKeyPair> =>
  (await crypto.subtle.generateKey(algorithm as SubtleCryptoGenerateKeyAlgorithm, true, [
    "sign",
    "verify",
  ])) as CryptoKeyPair;

export const FROM = new Date("2026-01-01T00:00:00Z");
export const TO = new Date("2027-01-01T00:00:00Z");

const EXTENSIONS: Readonly<Record<Usage, readonly x509.Extension[]>> = {
  authority: [
    new x509.BasicConstraintsExtension(true, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
  ],
  signer: [new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true)],
};

/** @returns a certificate, signed by `by` or by itself */
export async function issue(wanted: Wanted): Promise<Issued> {
  const { name, by, usage = "authority", extensions = [], notBefore = FROM, notAfter = TO } = wanted;
  const keys = wanted.keys ?? (await keyPair());
  const signer = by?.keys ?? keys;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: "01",
    subject: `CN=${name}`,
    issuer: wanted.issuer ?? by?.certificate.subject ?? `CN=${name}`,
    notBefore,
    notAfter,
    signingKey: signer.privateKey,
    publicKey: keys.publicKey,
    signingAlgorithm: wanted.signingAlgorithm ?? { name: "ECDSA", hash: "SHA-256" },
    extensions: [...(wanted.onlyExtensions ?? EXTENSIONS[usage]), ...extensions],
  });
  return { certificate, keys, base64: certificate.toString("base64") };
}

export const uriName = (uri: string): x509.Extension =>
  new x509.SubjectAlternativeNameExtension([{ type: "url", value: uri }]);

export const hostName = (host: string): x509.Extension =>
  new x509.SubjectAlternativeNameExtension([{ type: "dns", value: host }]);
