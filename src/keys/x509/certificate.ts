/** What is read of a certificate (RFC 5280 section 4.1). */
export interface Certificate {
  readonly der: Uint8Array<ArrayBuffer>;
  /** The part that is signed, as it was sent. */
  readonly tbs: Uint8Array<ArrayBuffer>;
  /** Object identifier of the algorithm it is signed with. */
  readonly signatureAlgorithm: string;
  readonly signature: Uint8Array<ArrayBuffer>;
  /** Names, DER in base64url: equal or not. */
  readonly issuer: string;
  readonly subject: string;
  /** Milliseconds: the first and the last at which it is valid. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** What its key is for: an AlgorithmIdentifier, DER in base64url. */
  readonly keyAlgorithm: string;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array<ArrayBuffer>;
  readonly isAuthority: boolean;
  /** How many further authorities may stand below it; null for any number. */
  readonly pathLength: number | null;
  /** Null where it does not say. */
  readonly keyUsage: { readonly digitalSignature: boolean; readonly keyCertSign: boolean } | null;
  /** Object identifiers; null where it does not say. */
  readonly extendedKeyUsage: readonly string[] | null;
  readonly uris: readonly string[];
  /** In lower case. */
  readonly hosts: readonly string[];
}
