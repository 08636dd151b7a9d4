import { makeCall } from "../../make/call.ts";
import { type CaseSource, denied } from "../../make/case.ts";
import { headerOf } from "../../make/message.ts";
import { part } from "../../make/tokens.ts";
import { ect, HEADER } from "./changes.ts";

export const headerCases: readonly CaseSource[] = [
  // -- JOSE header ------------------------------------------------------------------------------------
  denied("typ-missing", "ect.typ", "There is no typ", HEADER, ect({ header: { typ: undefined } })),
  denied("typ-jwt", "ect.typ", "typ is JWT", HEADER, ect({ header: { typ: "JWT" } })),
  denied("typ-act", "ect.typ", "The mandate itself as ECT", "RFC 8725 section 3.11", async (t) => {
    const mandate = headerOf(await makeCall(t), "Authorization").replace("Bearer ", "");
    return makeCall(t, ect({ token: () => mandate }));
  }),
  denied(
    "alg-none",
    "ect.alg",
    "alg is none",
    "RFC 8725 section 3.2",
    ect({ header: { alg: "none" }, token: part(2, () => "") }),
  ),
  denied("alg-hs256", "ect.alg", "alg is HS256", "RFC 8725 section 2.1", ect({ header: { alg: "HS256" } })),
  denied("alg-eddsa", "ect.alg", "EdDSA, which the tenant does not allow", HEADER, {
    ect: { by: "ada-ed25519" },
    signature: { by: "ada-ed25519" },
  }),
  denied(
    "alg-of-other-key",
    "ect.alg",
    "alg is ES256, and the kid that of an Ed25519 key",
    HEADER,
    ect({ header: { kid: "ada-3" } }),
  ),
  denied(
    "crit",
    "ect.crit",
    "crit names an extension",
    "RFC 7515 section 4.1.11",
    ect({ header: { crit: ["exp"] } }),
  ),
  denied("kid-missing", "ect.kid", "There is no kid", HEADER, ect({ header: { kid: undefined } })),
  denied("kid-object", "ect.kid", "kid is an object", HEADER, ect({ header: { kid: {} } })),
  denied(
    "jwk",
    "ect.key_unknown",
    "The token brings its own key along",
    "RFC 7515 section 4.1.3",
    ect({
      by: "stranger",
      header: { jwk: { kty: "EC", crv: "P-256", x: "AA", y: "AA" } },
    }),
  ),
];
