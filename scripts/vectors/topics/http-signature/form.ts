import { admitted, again, type CaseSource, denied, refused, sent } from "../../make/case.ts";
import type { Bytes } from "../../make/keys.ts";
import { changeHeader, withHeader } from "../../make/message.ts";
import { beside, FIELDS, FOREIGN, field, PROFILE } from "./changes.ts";

/** Order of the group of P-256. */
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** The other signature of the same base: (r, n - s). */
function malleated(octets: Bytes): Bytes {
  const s = BigInt(`0x${Buffer.from(octets.subarray(32)).toString("hex")}`);
  const other = (P256_ORDER - s).toString(16).padStart(64, "0");
  return new Uint8Array([...octets.subarray(0, 32), ...Buffer.from(other, "hex")]);
}

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** The last character of octets, with an unused bit set. */
const nextInBase64 = (c: string): string => BASE64[BASE64.indexOf(c) ^ 1] ?? "";

export const formCases: readonly CaseSource[] = [
  // -- form and size ------------------------------------------------------------------
  denied(
    "no-structure",
    "signature.malformed",
    "Signature-Input is no Dictionary",
    FIELDS,
    field("Signature-Input", () => "sig=("),
  ),
  denied(
    "item",
    "signature.malformed",
    "The member is an Item, not an Inner List",
    FIELDS,
    field("Signature-Input", () => 'sig="@method"'),
  ),
  denied(
    "token-component",
    "signature.malformed",
    "A component is a Token",
    FIELDS,
    field("Signature-Input", (v) => v.replace('"@method"', "method")),
  ),
  denied(
    "string-signature",
    "signature.malformed",
    "The signature is a String",
    FIELDS,
    field("Signature", () => 'sig="AAAA"'),
  ),
  denied(
    "base64url",
    "signature.malformed",
    "The signature is in base64url",
    "RFC 9651 section 3.3.5",
    field("Signature", () => "sig=:-_-_:"),
  ),
  denied("empty-fields", "signature.malformed", "Both fields are empty", FIELDS, {
    after: (m) => withHeader(withHeader(m, "Signature-Input", ""), "Signature", ""),
  }),
  admitted(
    "inner-space",
    "White space that is not signed",
    "RFC 9651 section 3.1.1",
    field("Signature-Input", (v) => v.replace('("@method" ', '(  "@method"   ')),
  ),
  denied(
    "nine-labels",
    "signature.too_large",
    "Nine signatures",
    PROFILE,
    beside(
      Array.from({ length: 8 }, (_, i) => `p${i}=();keyid="p"`).join(", "),
      Array.from({ length: 8 }, (_, i) => `p${i}=${FOREIGN}`).join(", "),
    ),
  ),
  denied(
    "65-components",
    "signature.too_large",
    "65 components in somebody else's signature",
    PROFILE,
    beside(`p=(${Array.from({ length: 65 }, (_, i) => `"x-${i}"`).join(" ")});keyid="p"`, `p=${FOREIGN}`),
  ),
  denied(
    "17-parameters",
    "signature.too_large",
    "17 parameters in somebody else's signature",
    PROFILE,
    beside(`p=()${Array.from({ length: 17 }, (_, i) => `;p${i}=1`).join("")}`, `p=${FOREIGN}`),
  ),
  denied(
    "too-large",
    "signature.too_large",
    "A field of more than 8 KiB",
    PROFILE,
    beside(`p=();keyid="${"p".repeat(8192)}"`, `p=${FOREIGN}`),
  ),

  // -- replay ---------------------------------------------------------------------------
  admitted(
    "forged-copy-first",
    "A forged copy with the same nonce and ECT first: nothing of it was spent",
    "RFC 9421 section 7.2.2",
    {
      rpc: { id: 1, method: "ping" },
      ect: null,
      signature: { parameters: { nonce: "nonce-1" } },
    },
    {
      before: [
        refused("signature.mismatch", {
          rpc: { id: 1, method: "ping" },
          ect: null,
          signature: { bytes: (octets) => octets.with(0, (octets[0] ?? 0) ^ 1) as Bytes },
        }),
      ],
    },
  ),
  denied(
    "malleated",
    "replay.ect",
    "The same request with (r, n - s), which verifies as well",
    "RFC 9421 section 7.3.2",
    {
      ect: { claims: { jti: "ect-1" } },
      signature: { parameters: { nonce: "nonce-1" }, bytes: malleated },
    },
    { before: [sent()] },
  ),
  denied(
    "respaced",
    "replay.ect",
    "The same request with other white space in its fields",
    "RFC 9421 section 7.2.2",
    async (t) => {
      const first = again()(t);
      return changeHeader(first, "Signature-Input", (v) => v.replace('("@method" ', '( "@method"  '));
    },
    { before: [sent()] },
  ),
  denied(
    "respelled",
    "replay.ect",
    "The same request with its signature in another base64 spelling",
    "RFC 4648 section 3.5",
    (t) =>
      changeHeader(again()(t), "Signature", (v) => v.replace(/(.)==:$/, (_, c) => `${nextInBase64(c)}==:`)),
    { before: [sent()] },
  ),
  denied("captured-nonce", "replay.nonce", "A request without an ECT twice", PROFILE, again(), {
    before: [sent({ rpc: { id: 1, method: "ping" }, ect: null })],
  }),
];
