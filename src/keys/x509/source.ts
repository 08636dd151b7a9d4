import type { Certificate } from "./certificate.ts";

/** The subject alternative name that a signer's certificate must have (RFC 5280 section 4.2.1.6), in full. */
export type SubjectName = { readonly uri: string } | { readonly dns: string };

/** Keys in certificates that come with a message, below authorities that the tenant document holds. */
export interface X509Source {
  readonly type: "x509";
  readonly anchors: readonly Certificate[];
  readonly san: SubjectName;
}
