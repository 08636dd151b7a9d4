import { admitted, type Draft, denied, sent, type Topic } from "../make/case.ts";
import { key } from "../make/keys.ts";

const JWKS = "RFC 7517 section 5";
const SOURCES = "Countersign, tenant document: keySources";

const url = (id: string) => `https://keys.example/${id}.json`;

/** Takes the issuer's keys from a JWK set at a URL of the case's own. */
const published = (id: string) => (d: Draft) => {
  const [issuer] = d.issuers;
  if (issuer === undefined) return;
  issuer.keys = [];
  issuer.keySources = [{ type: "jwks", url: url(id) }];
};

const answer = (body: unknown, status = 200, type = "application/jwk-set+json") => ({
  status,
  headers: { "content-type": type },
  body: typeof body === "string" ? body : JSON.stringify(body),
});

const BOTH = { keys: [key("issuer").publicJwk, key("issuer-p256").publicJwk] };
const FIRST = { keys: [key("issuer").publicJwk] };

export const publishedKeys: Topic = {
  name: "published-keys",
  title: "Keys that their owners publish",
  cases: [
    admitted(
      "jwks",
      "The issuer publishes its keys as a JWK set",
      JWKS,
      {},
      {
        change: published("jwks"),
        remote: { [url("jwks")]: answer(BOTH) },
      },
    ),
    denied(
      "kid",
      "act.key_unknown",
      "The set does not have the kid",
      SOURCES,
      { mandate: { by: "issuer-p256" } },
      {
        change: published("kid"),
        remote: { [url("kid")]: answer(FIRST) },
      },
    ),
    denied(
      "unreachable",
      "keys.unavailable",
      "The set cannot be reached, and was never seen",
      SOURCES,
      {},
      {
        change: published("unreachable"),
      },
    ),
    denied(
      "redirect",
      "keys.unavailable",
      "The set has moved: nobody allowed the other place",
      SOURCES,
      {},
      {
        change: published("redirect"),
        remote: { [url("redirect")]: { status: 302, headers: { location: url("jwks") }, body: "" } },
      },
    ),
    denied(
      "html",
      "keys.unavailable",
      "The set is an HTML page",
      SOURCES,
      {},
      {
        change: published("html"),
        remote: { [url("html")]: answer(BOTH, 200, "text/html") },
      },
    ),
    denied(
      "duplicate",
      "keys.unavailable",
      "The set is no strict JSON",
      SOURCES,
      {},
      {
        change: published("duplicate"),
        remote: { [url("duplicate")]: answer(`{"keys":[],"keys":${JSON.stringify(BOTH.keys)}}`) },
      },
    ),
    admitted(
      "rotation",
      "A kid that is not known yet makes a verifier look again",
      SOURCES,
      {
        mandate: { by: "issuer-p256", claims: { jti: "mandate-2" } },
        ect: { claims: { pred: ["mandate-2"] } },
      },
      {
        change: published("rotation"),
        before: [sent({}, { at: -600, remote: { [url("rotation")]: answer(FIRST) } })],
        remote: { [url("rotation")]: answer(BOTH) },
      },
    ),
    admitted(
      "outage",
      "The set cannot be reached any more: its last known keys serve for a while",
      SOURCES,
      {},
      {
        change: published("outage"),
        before: [sent({}, { at: -600, remote: { [url("outage")]: answer(FIRST) } })],
      },
    ),
  ],
};
