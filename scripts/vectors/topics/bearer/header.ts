import { type CaseSource, denied } from "../../make/case.ts";
import { key } from "../../make/keys.ts";
import { compact, part } from "../../make/tokens.ts";
import { HEADER, mandate, TRUST } from "./changes.ts";

export const headerCases: readonly CaseSource[] = [
  // -- JOSE header ----------------------------------------------------------------------------------
  denied("typ-missing", "act.typ", "There is no typ", HEADER, mandate({ header: { typ: undefined } })),
  denied("typ-jwt", "act.typ", "typ is JWT", HEADER, mandate({ header: { typ: "JWT" } })),
  denied(
    "typ-ect",
    "act.typ",
    "typ is that of an ECT: no token is taken for another",
    "RFC 8725 section 3.11",
    mandate({ header: { typ: "exec+jwt" } }),
  ),
  denied("typ-case", "act.typ", "typ is ACT+JWT", HEADER, mandate({ header: { typ: "ACT+JWT" } })),
  denied("alg-none", "act.alg", "alg is none, and there is no signature", "RFC 8725 section 3.2", {
    mandate: { header: { alg: "none" }, token: part(2, () => "") },
  }),
  denied("alg-hs256", "act.alg", "HS256 with the issuer's public key as the secret", "RFC 8725 section 2.1", {
    mandate: {
      token: async (token) => {
        const payload = Buffer.from(token.split(".")[1] ?? "", "base64url").toString();
        const secret = Buffer.from(String(key("issuer").publicJwk.x), "base64url");
        const hmac = { name: "HMAC", hash: "SHA-256" };
        const imported = await crypto.subtle.importKey("raw", secret, hmac, false, ["sign"]);
        return compact(
          '{"typ":"act+jwt","alg":"HS256","kid":"issuer-1"}',
          payload,
          async (bytes) => new Uint8Array(await crypto.subtle.sign("HMAC", imported, bytes)),
        );
      },
    },
  }),
  denied(
    "alg-of-other-key",
    "act.alg",
    "alg is ES256, and the kid is that of an Ed25519 key",
    TRUST,
    mandate({ by: "issuer-p256", header: { kid: "issuer-1" } }),
  ),
  denied(
    "crit",
    "act.crit",
    "crit names an extension",
    "RFC 7515 section 4.1.11",
    mandate({ header: { crit: ["b64"], b64: true } }),
  ),
  denied("kid-missing", "act.kid", "There is no kid", HEADER, mandate({ header: { kid: undefined } })),
  denied("kid-number", "act.kid", "kid is a number", HEADER, mandate({ header: { kid: 1 } })),
];
