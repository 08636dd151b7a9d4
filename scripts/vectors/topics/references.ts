import type { Answer } from "../format.ts";
import { type Dialect, jcs } from "../make/attestation.ts";
import { type Call, makeCall } from "../make/call.ts";
import { admitted, type CaseSource, denied, type Topic } from "../make/case.ts";
import { base64url, sha256, utf8 } from "../make/tokens.ts";

const RULE = "SEP-2787 rule 5";
const HOSTS = "Countersign, tenant document: attestation.references";

const CANONICAL = jcs({ query: "tides" });
const OTHER = jcs({ query: "storms" });
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

/** The arguments, not in canonical form: only in A may the digest be of this. */
const SPELLED = '{ "query": "t\\u0069des" }';

/** References that no host of the list is asked for. */
const ELSEWHERE: readonly (readonly [id: string, title: string, uri: string])[] = [
  ["other-host", "another host", "https://elsewhere.example/a"],
  ["host-suffix", "a host that begins like the allowed one", `https://${HOST}.evil.example/a`],
  ["http", "http", `http://${HOST}/a`],
  ["scheme", "another scheme", `cid://${HOST}/a`],
  ["port", "the allowed host with another port", `https://${HOST}:8443/a`],
  ["user", "the allowed host as user information", `https://${HOST}@evil.example/a`],
  ["address", "an address", "https://127.0.0.1/a"],
];

const inDialect = (dialect: Dialect) => {
  const name = (id: string) => `${dialect.toLowerCase()}-${id}`;
  const at = (id: string) => url(name(id));
  return [
    admitted(
      name("equal"),
      `${dialect}: the digest is that of the arguments, so that nothing is fetched: nothing is there`,
      RULE,
      referring(dialect, at("equal"), CANONICAL),
      { change: fetches },
    ),
    denied(
      name("content"),
      "attestation.ref_content_mismatch",
      `${dialect}: what is there has the right digest and is not the arguments`,
      RULE,
      referring(dialect, at("content"), OTHER),
      { change: fetches, remote: { [at("content")]: answer(OTHER) } },
    ),
    ...ELSEWHERE.map(([id, title, uri]) =>
      denied(
        name(id),
        "attestation.ref_host_not_allowed",
        `${dialect}: ${title}`,
        HOSTS,
        referring(dialect, uri, CANONICAL),
        { change: fetches },
      ),
    ),
    denied(
      name("off"),
      "attestation.ref_resolver_off",
      `${dialect}: nothing is fetched unless the tenant says so`,
      HOSTS,
      referring(dialect, at("off"), CANONICAL),
    ),
  ];
};

/** A does not refer to canonical JSON, so that another digest may be that of another spelling. */
function fetched(): readonly CaseSource[] {
  const at = (id: string) => url(`a-${id}`);
  const refused = (id: string, reason: string, title: string, committed: string, found?: Answer) =>
    denied(`a-${id}`, reason, `A: ${title}`, RULE, referring("A", at(id), committed), {
      change: fetches,
      ...(found !== undefined && { remote: { [at(id)]: found } }),
    });
  const unreachable = (id: string, title: string, found?: Answer) =>
    refused(id, "attestation.ref_unreachable", title, SPELLED, found);
  const repeated = '{"query":"storms","query":"tides"}';
  return [
    admitted(
      "a-spelled",
      "A: what is there is the arguments in another spelling",
      RULE,
      referring("A", at("spelled"), SPELLED),
      { change: fetches, remote: { [at("spelled")]: answer(SPELLED) } },
    ),
    refused(
      "digest",
      "attestation.ref_digest_mismatch",
      "what is there has another digest, though it is the arguments",
      SPELLED,
      answer(CANONICAL),
    ),
    refused(
      "text",
      "attestation.ref_content_mismatch",
      "what is there has the right digest and is no JSON",
      "tides",
      answer("tides"),
    ),
    refused(
      "repeated",
      "attestation.ref_content_mismatch",
      "what is there has the right digest and has a member twice",
      repeated,
      answer(repeated),
    ),
    unreachable("unreachable", "nothing is there"),
    unreachable("not-found", "a 404", answer(SPELLED, 404)),
    unreachable("redirect", "a redirect to a private address", {
      status: 307,
      headers: { location: "http://169.254.169.254/" },
      body: "",
    }),
    unreachable("html", "an HTML page", answer(SPELLED, 200, "text/html")),
    denied(
      "a-no-binding",
      "reference.misconfigured",
      "A: the tenant names a binding that does not exist",
      HOSTS,
      referring("A", at("no-binding"), SPELLED),
      {
        change: (d) => {
          d.attestation = { references: { hosts: [HOST], binding: "NO_SUCH_BINDING" } };
        },
      },
    ),
    denied(
      "a-suspended",
      "policy.tenant_suspended",
      "A: nothing is there, but the tenant is suspended: policy comes before the fetch",
      HOSTS,
      referring("A", at("suspended"), SPELLED),
      {
        change: (d) => {
          fetches(d);
          d.status = "suspended";
        },
      },
    ),
  ];
}

/** B refers to canonical JSON, so that the digest alone tells. */
const notFetched = (): CaseSource =>
  denied(
    "b-spelled",
    "attestation.ref_content_mismatch",
    "B: what is there is the arguments, and not in canonical form",
    RULE,
    referring("B", url("b-spelled"), SPELLED),
    { change: fetches, remote: { [url("b-spelled")]: answer(SPELLED) } },
  );

export const references: Topic = {
  name: "references",
  title: "Attestations that refer to their arguments",
  cases: [...inDialect("A"), ...fetched(), ...inDialect("B"), notFetched()],
};
