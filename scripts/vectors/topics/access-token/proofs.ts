import { admitted, again, type CaseSource, denied, NOW, sent } from "../../make/case.ts";
import { key } from "../../make/keys.ts";
import { withLine } from "../../make/message.ts";
import { part, respelled, type TokenChanges } from "../../make/tokens.ts";
import { bringing, taking, thumbprintOf } from "./bringing.ts";

const CHECKS = "RFC 9449 section 4.3";

const refused = (id: string, reason: string, title: string, proof: TokenChanges): CaseSource =>
  denied(id, `dpop.${reason}`, title, CHECKS, bringing({ proof }), taking());

const { kid: _, ...holderJwk } = key("holder").publicJwk;

export const proofCases: readonly CaseSource[] = [
  admitted(
    "host-case",
    "htu with the host in capitals and the default port",
    CHECKS,
    (target) =>
      bringing({ proof: { claims: { htu: target.url.replace("gateway.example", "GATEWAY.example:443") } } })(
        target,
      ),
    taking(),
  ),
  admitted(
    "oldest",
    "A proof that is five minutes old",
    CHECKS,
    bringing({ proof: { claims: { iat: NOW - 300 } } }),
    {
      ...taking(),
      // The ledger takes nothing that is older than itself.
      before: [sent(bringing({ token: { claims: { iat: NOW - 400, exp: NOW + 400 } } }), { at: -400 })],
    },
  ),
  denied("missing", "dpop.missing", "No proof", CHECKS, bringing({ proof: null }), taking()),
  denied(
    "two",
    "dpop.malformed",
    "Two proofs, in two lines",
    CHECKS,
    bringing({
      call: { after: (m) => withLine(m, "DPoP", m.headers.find(([n]) => n === "DPoP")?.[1] ?? "") },
    }),
    taking(),
  ),
  refused("spelling", "malformed", "Another spelling of the signature", { token: part(2, respelled) }),
  refused("typ", "typ", "typ is JWT", { header: { typ: "JWT" } }),
  refused("none", "alg", "alg is none", { header: { alg: "none" }, token: part(2, () => "") }),
  refused("symmetric", "alg", "alg is HS256", { header: { alg: "HS256" } }),
  refused("crit", "crit", "An extension that is critical", { header: { crit: ["exp"] } }),
  refused("no-key", "key", "No jwk", { header: { jwk: undefined } }),
  refused("private-key", "key", "jwk has a private member", { header: { jwk: { ...holderJwk, d: "AA" } } }),
  denied(
    "agents-key",
    "dpop.key",
    "Token and proof are of a key that the tenant document has for an agent",
    "Countersign docs/oauth.md",
    bringing({ token: { claims: { cnf: { jkt: await thumbprintOf("ada") } } }, proof: { by: "ada" } }),
    taking(),
  ),
  refused("claims", "claims", "No jti", { claims: { jti: undefined } }),
  refused("signature", "signature", "Signed by another key than its jwk", {
    by: "workload",
    header: { jwk: holderJwk },
  }),
  refused("thief", "confirmation", "By a key that the token is not bound to", { by: "workload" }),
  refused("ath", "token", "Made for another token", {
    claims: { ath: "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU" },
  }),
  refused("method", "method", "Made for a GET", { claims: { htm: "GET" } }),
  refused("target", "target", "Made for another tenant", {
    claims: { htu: "https://gateway.example/other/mcp" },
  }),
  denied(
    "query",
    "dpop.target",
    "htu has a query",
    "RFC 9449 section 4.2",
    (target) => bringing({ proof: { claims: { htu: `${target.url}?` } } })(target),
    taking(),
  ),
  refused("old", "too_old", "301 s old", { claims: { iat: NOW - 301 } }),
  refused("future", "in_future", "301 s in the future", { claims: { iat: NOW + 301 } }),
  denied("replay", "dpop.replay", "The very same request twice", "RFC 9449 section 11.1", again(), {
    ...taking(),
    before: [sent(bringing())],
  }),
  denied(
    "replay-changed",
    "dpop.replay",
    "The proof of another request, which it does not cover",
    "RFC 9449 section 11.1",
    (target) =>
      bringing({ proof: { claims: { jti: "proof-1" } }, call: { arguments: { query: "else" } } })(target),
    { ...taking(), before: [sent(bringing())] },
  ),
  denied(
    "nonce",
    "dpop.nonce",
    "No nonce, where the tenant asks for one",
    "RFC 9449 section 9",
    bringing(),
    taking({ dpop: { requireNonce: true } }),
  ),
  denied(
    "nonce-forged",
    "dpop.nonce",
    "A nonce that was not given out",
    "RFC 9449 section 9",
    bringing({ proof: { claims: { nonce: "A".repeat(43) } } }),
    taking({ dpop: { requireNonce: true } }),
  ),
];
