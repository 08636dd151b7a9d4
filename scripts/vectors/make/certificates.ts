/** Certificates of the test keys. Authorities have Ed25519 keys, so that their signatures are the same each time. */

import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import keyFile from "../../../vectors/keys.json" with { type: "json" };
import { NOW } from "./case.ts";
import { key } from "./keys.ts";

/** Members that say what a key is, of a JWK. */
type Members = Readonly<Record<string, string>>;

export interface CertificateSource {
  /** Its name, and that of its key in `vectors/keys.json`. */
  readonly key: string;
  /** The name that it has, where that is not the one of its key. */
  readonly subject?: string;
  /** The name of the key that signs, and the name that is given for it where that is another one. */
  readonly by: string;
  readonly issuer?: string;
  readonly extensions: readonly x509.Extension[];
  /** Seconds from NOW; 30 days before and after it without them. */
  readonly from?: number;
  readonly to?: number;
}

export const AUTHORITY: readonly x509.Extension[] = [
  new x509.BasicConstraintsExtension(true, undefined, true),
  new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
];

export const authority = (pathLength: number): readonly x509.Extension[] => [
  new x509.BasicConstraintsExtension(true, pathLength, true),
  new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
];

/** Of a signer with these subject alternative names. */
export const signer = (
  ...names: readonly { type: "url" | "dns"; value: string }[]
): readonly x509.Extension[] => [
  new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
  new x509.SubjectAlternativeNameExtension([...names]),
];

export const purpose = (oid: string): x509.Extension => new x509.ExtendedKeyUsageExtension([oid]);

/** An extension that is a NULL. */
export const unknown = (oid: string, isCritical: boolean): x509.Extension =>
  new x509.Extension(oid, isCritical, Uint8Array.of(5, 0));

const MONTH = 30 * 86_400;

/** @returns DER in base64, as `x5c` has it */
export async function certificate(source: CertificateSource): Promise<string> {
  const { subject = source.key, by, issuer = by, extensions, from = -MONTH, to = MONTH } = source;
  const made = await x509.X509CertificateGenerator.create({
    serialNumber: "01",
    subject: `CN=${subject}`,
    issuer: `CN=${issuer}`,
    notBefore: new Date((NOW + from) * 1000),
    notAfter: new Date((NOW + to) * 1000),
    publicKey: await imported(source.key, "verify"),
    signingKey: await imported(by, "sign"),
    signingAlgorithm: { name: "Ed25519" },
    extensions: [...extensions],
  });
  return made.toString("base64");
}

function imported(name: string, usage: "sign" | "verify"): Promise<CryptoKey> {
  const algorithm = key(name).alg === "EdDSA" ? { name: "Ed25519" } : { name: "ECDSA", namedCurve: "P-256" };
  const keys: Readonly<Record<string, { readonly jwk: object }>> = keyFile.keys;
  const { kid: _, d, ...members } = { ...keys[name]?.jwk } as Members;
  const jwk: JsonWebKey = { kty: "", ...members, ...(usage === "sign" && d !== undefined && { d }) };
  return crypto.subtle.importKey("jwk", jwk, algorithm, true, [usage]);
}
