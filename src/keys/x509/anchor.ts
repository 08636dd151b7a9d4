import { fail, ok, type Result } from "../../result.ts";
import type { Certificate } from "./certificate.ts";
import { isCertifier } from "./chain.ts";
import { fromBase64 } from "./header.ts";
import { readCertificate } from "./read.ts";

const PEM = /^\s*-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*$/;

/** Reads a trust anchor: PEM (RFC 7468 section 5), or DER in base64. The error is a sentence for the operator. */
export async function readAnchor(text: string): Promise<Result<Certificate, string>> {
  const der = fromBase64((PEM.exec(text)?.[1] ?? text).replaceAll(/\s/g, ""));
  if (der === null) return fail("must be one certificate, as PEM or as its DER in base64");
  const certificate = await readCertificate(der);
  if (certificate === null) {
    return fail(
      "must be a certificate of version 3, without critical extensions or name constraints beyond those that are understood",
    );
  }
  return isCertifier(certificate)
    ? ok(certificate)
    : fail("must be the certificate of an authority that may sign others");
}
