import { makeCall } from "../../make/call.ts";
import { type CaseSource, denied } from "../../make/case.ts";
import { type Bytes, key } from "../../make/keys.ts";
import { headerOf, withHeader } from "../../make/message.ts";
import { BASE, parameters, signature, VERIFY } from "./changes.ts";

/** ECDSA-Sig-Value (RFC 3279 section 2.2.3). */
function der(octets: Bytes): Bytes {
  const integer = (part: Uint8Array): number[] => {
    const bytes = [...part];
    while (bytes[0] === 0 && (bytes[1] ?? 0) < 0x80) bytes.shift();
    if ((bytes[0] ?? 0) >= 0x80) bytes.unshift(0);
    return [2, bytes.length, ...bytes];
  };
  const content = [...integer(octets.subarray(0, 32)), ...integer(octets.subarray(32))];
  return new Uint8Array([0x30, content.length, ...content]);
}

async function hmacWithPublicKey(base: Bytes): Promise<Bytes> {
  const secret = Buffer.from(String(key("ada").publicJwk.x), "base64url");
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", secret, hmac, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, base));
}

export const keysCases: readonly CaseSource[] = [
  // -- algorithms and keys ----------------------------------------------------------------
  denied(
    "alg-differs",
    "signature.alg",
    "alg is not the algorithm of the key",
    VERIFY,
    parameters({ alg: "ed25519" }),
  ),
  denied(
    "alg-hmac",
    "signature.alg",
    "HMAC with the public key as the secret, and alg says so",
    "RFC 9421 section 7.3.6",
    signature({ parameters: { alg: "hmac-sha256" }, sign: hmacWithPublicKey }),
  ),
  denied(
    "hmac",
    "signature.mismatch",
    "HMAC with the public key as the secret, and alg says nothing",
    "RFC 9421 section 7.3.6",
    signature({ sign: hmacWithPublicKey }),
  ),
  denied("alg-unknown", "signature.alg", "An alg that does not exist", VERIFY, parameters({ alg: "es256" })),
  denied(
    "wrong-key",
    "signature.mismatch",
    "Signed with another agent's key under this one's keyid",
    VERIFY,
    signature({ by: "bob", parameters: { keyid: "ada-1" } }),
  ),
  denied(
    "der",
    "signature.mismatch",
    "An ECDSA signature in DER",
    "RFC 9421 section 3.3.4",
    signature({ bytes: der }),
  ),
  denied(
    "short",
    "signature.mismatch",
    "A signature that is one octet short",
    VERIFY,
    signature({ bytes: (octets) => octets.slice(0, 63) }),
  ),
  denied(
    "no-octets",
    "signature.mismatch",
    "A signature without any octet",
    VERIFY,
    signature({ bytes: () => new Uint8Array() }),
  ),
  denied(
    "zero",
    "signature.mismatch",
    "A signature of zeros",
    VERIFY,
    signature({ bytes: () => new Uint8Array(64) }),
  ),
  denied(
    "flipped",
    "signature.mismatch",
    "A bit of the signature is changed",
    VERIFY,
    signature({ bytes: (octets) => octets.with(5, (octets[5] ?? 0) ^ 1) as Bytes }),
  ),
  denied(
    "base-lf",
    "signature.mismatch",
    "The signer put a line feed behind the last line of the base",
    BASE,
    signature({ base: (text) => `${text}\n` }),
  ),
  denied(
    "base-crlf",
    "signature.mismatch",
    "The signer used CRLF in the base",
    BASE,
    signature({ base: (text) => text.replaceAll("\n", "\r\n") }),
  ),
  denied(
    "base-order",
    "signature.mismatch",
    "The signer sorted the components",
    BASE,
    signature({ base: (text) => text.split("\n").sort().join("\n") }),
  ),

  // -- what the request is --------------------------------------------------------
  denied("other-method", "signature.mismatch", "A GET made of a signed DELETE", "RFC 9421 section 2.2.1", {
    method: "DELETE",
    after: (m) => ({ ...m, method: "GET" }),
  }),
  denied(
    "other-tenant",
    "act.audience",
    "A captured request sent to another tenant",
    "RFC 9421 section 2.2.2",
    (t) => makeCall({ ...t, url: "https://gateway.example/other/mcp" }, { target: `/${t.id}/mcp` }),
  ),
  denied(
    "other-target",
    "signature.mismatch",
    "Signed for another URL, with a mandate and an ECT for this one",
    "RFC 9421 section 2.2.2",
    signature({
      components: (names) =>
        names.map((name) =>
          name === "@target-uri" ? { id: '"@target-uri"', value: "https://gateway.example/other/mcp" } : name,
        ),
    }),
  ),
  denied(
    "http-target",
    "signature.mismatch",
    "Signed for http in place of https",
    "RFC 9421 section 2.2.2",
    (t) =>
      makeCall(
        t,
        signature({
          components: (names) =>
            names.map((name) =>
              name === "@target-uri" ? { id: '"@target-uri"', value: t.url.replace("https", "http") } : name,
            ),
        }),
      ),
  ),
  denied("changed-header", "signature.mismatch", "A covered header is changed", VERIFY, {
    headers: { "Mcp-Param-Region": "north" },
    after: (m) => withHeader(m, "Mcp-Param-Region", "south"),
  }),
  denied(
    "changed-ect",
    "signature.mismatch",
    "Another good ECT of the same agent is put into a captured request",
    VERIFY,
    async (t) => {
      const other = await makeCall({ ...t, step: 9 });
      return withHeader(await makeCall(t), "Wimse-ECT", headerOf(other, "Wimse-ECT"));
    },
  ),
];
