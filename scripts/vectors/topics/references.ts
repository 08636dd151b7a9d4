import type { Answer } from "../format.ts";
import { type Dialect, jcs } from "../make/attestation.ts";
import { type Call, makeCall } from "../make/call.ts";
import { admitted, denied, type Topic } from "../make/case.ts";
import { base64url, sha256, utf8 } from "../make/tokens.ts";

const RULE = "SEP-2787 rule 5";
const HOSTS = "Countersign, tenant document: attestation.references";

const ARGUMENTS = { query: "tides" };
const HOST = "store.example";
const url = (id: string) => `https://${HOST}/${id}`;

const answer = (body: string, status = 200, type = "application/json"): Answer => ({
  status,
  headers: { "content-type": type },
  body,
});

/** Fetches from the one host. */
const fetches = (d: { attestation?: unknown }) => {
  Object.assign(d, { attestation: { references: { hosts: [HOST] } } });
};

/** A call whose arguments are referred to: what is at the URL, and what the digest is of. */
const referring =
  (dialect: Dialect, uri: string, committed: string, call: Call = {}) =>
  async (target: Parameters<typeof makeCall>[0]) => {
    const octets = await sha256(utf8(committed));
    const hex = Buffer.from(octets).toString("hex");
    return makeCall(target, {
      ...call,
      attestation: {
        dialect,
        calls: ({ name, serverFingerprint }) => [
          {
            name,
            serverFingerprint,
            ...(dialect === "A"
              ? { argsRef: { uri, digest: base64url(octets) } }
              : { args: { ref: uri, digest: `sha256:${hex}`, canonicalization: "jcs" } }),
          },
        ],
      },
    });
  };

const inDialect = (dialect: Dialect) => {
  const name = (id: string) => `${dialect.toLowerCase()}-${id}`;
  const at = (id: string) => url(name(id));
  const canonical = jcs(ARGUMENTS);
  const other = jcs({ query: "storms" });
  const refused = (id: string, reason: string, title: string, committed: string, found?: Answer) =>
    denied(name(id), reason, `${dialect}: ${title}`, RULE, referring(dialect, at(id), committed), {
      change: fetches,
      ...(found !== undefined && { remote: { [at(id)]: found } }),
    });
  return [
    admitted(
      name("equal"),
      `${dialect}: the arguments are where the reference says`,
      RULE,
      referring(dialect, at("equal"), canonical),
      {
        change: fetches,
        remote: { [at("equal")]: answer(canonical) },
      },
    ),
    refused(
      "digest",
      "attestation.ref_digest_mismatch",
      "what is there has another digest",
      canonical,
      answer(other),
    ),
    refused(
      "content",
      "attestation.ref_content_mismatch",
      "what is there has the right digest and is not the arguments",
      other,
      answer(other),
    ),
    refused(
      "text",
      "attestation.ref_content_mismatch",
      "what is there has the right digest and is no JSON",
      "tides",
      answer("tides"),
    ),
    refused("unreachable", "attestation.ref_unreachable", "nothing is there", canonical),
    refused("not-found", "attestation.ref_unreachable", "a 404", canonical, answer(canonical, 404)),
    refused("redirect", "attestation.ref_unreachable", "a redirect to a private address", canonical, {
      status: 307,
      headers: { location: "http://169.254.169.254/" },
      body: "",
    }),
    refused(
      "html",
      "attestation.ref_unreachable",
      "an HTML page",
      canonical,
      answer(canonical, 200, "text/html"),
    ),
    denied(
      name("other-host"),
      "attestation.ref_host_not_allowed",
      `${dialect}: another host`,
      HOSTS,
      referring(dialect, "https://elsewhere.example/a", canonical),
      { change: fetches },
    ),
    denied(
      name("host-suffix"),
      "attestation.ref_host_not_allowed",
      `${dialect}: a host that begins like the allowed one`,
      HOSTS,
      referring(dialect, `https://${HOST}.evil.example/a`, canonical),
      { change: fetches },
    ),
    denied(
      name("http"),
      "attestation.ref_host_not_allowed",
      `${dialect}: http`,
      HOSTS,
      referring(dialect, `http://${HOST}/a`, canonical),
      { change: fetches },
    ),
    denied(
      name("port"),
      "attestation.ref_host_not_allowed",
      `${dialect}: the allowed host with another port`,
      HOSTS,
      referring(dialect, `https://${HOST}:8443/a`, canonical),
      { change: fetches },
    ),
    denied(
      name("user"),
      "attestation.ref_host_not_allowed",
      `${dialect}: the allowed host as user information`,
      HOSTS,
      referring(dialect, `https://${HOST}@evil.example/a`, canonical),
      { change: fetches },
    ),
    denied(
      name("off"),
      "attestation.ref_resolver_off",
      `${dialect}: nothing is fetched unless the tenant says so`,
      HOSTS,
      referring(dialect, at("off"), canonical),
      {
        remote: { [at("off")]: answer(canonical) },
      },
    ),
  ];
};

export const references: Topic = {
  name: "references",
  title: "Attestations that refer to their arguments",
  cases: [...inDialect("A"), ...inDialect("B")],
};
