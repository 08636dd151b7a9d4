/** What reads ASN.1. A module of its own, so that it is loaded only when a tenant has a source of certificates. */

export { AsnConvert } from "@peculiar/asn1-schema";
export {
  BasicConstraints,
  Certificate as Asn1Certificate,
  ExtendedKeyUsage,
  KeyUsage,
  KeyUsageFlags,
  SubjectAlternativeName,
} from "@peculiar/asn1-x509";
