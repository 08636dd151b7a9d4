import { admitted, type CaseSource, type Draft, denied, type Topic } from "../make/case.ts";
import { AUTHORITY, authority, certificate, purpose, signer, unknown } from "../make/certificates.ts";
import { key } from "../make/keys.ts";

const X5C = "RFC 7515 section 4.1.6";
const PATH = "RFC 5280 section 6.1";
const DID_KEY = "did:key method";
const DID_WEB = "did:web method";
const CLIENT = "draft-ietf-oauth-client-id-metadata-document section 4";

type Sources = NonNullable<Draft["issuers"][number]["keySources"]>;
type AgentSources = NonNullable<Draft["agents"][number]["keySources"]>;

/** The first issuer has these sources and no other key. */
const issuerWith = (...keySources: Sources) => ({
  change: (d: Draft) => {
    const [issuer] = d.issuers;
    if (issuer !== undefined) Object.assign(issuer, { keys: [], keySources });
  },
});

const adaWith = (...keySources: AgentSources) => ({
  change: (d: Draft) => {
    const [ada] = d.agents;
    if (ada !== undefined) Object.assign(ada, { keys: [], keySources });
  },
});

const answer = (body: object, type = "application/json") => ({
  status: 200,
  headers: { "content-type": type },
  body: JSON.stringify(body),
});

// -- certificates: the signer is issuer-p256, its authority authority-below, whose authority is the anchor ----------

const NAME = "https://issuer.example/act";
const named = signer({ type: "url", value: NAME });

const anchor = await certificate({ key: "authority", by: "authority", extensions: AUTHORITY });
const between = await certificate({ key: "authority-below", by: "authority", extensions: AUTHORITY });
const leafOf = { key: "issuer-p256", by: "authority-below", extensions: named };
const leaf = await certificate(leafOf);

const trusted = issuerWith({ type: "x509", anchors: [anchor], san: { uri: NAME } });
const presenting = (x5c: unknown, by = "issuer-p256") => ({ mandate: { by, header: { x5c } } });
const untrusted = (id: string, title: string, rule: string, x5c: unknown): CaseSource =>
  denied(`x5c-${id}`, "act.key_untrusted", title, rule, presenting(x5c), trusted);

/** A chain with one certificate that is not as it should be. */
const oddLeaf = async (changes: Partial<Parameters<typeof certificate>[0]>) => [
  await certificate({ ...leafOf, ...changes }),
  between,
];
const oddAuthority = async (changes: Partial<Parameters<typeof certificate>[0]>) => [
  leaf,
  await certificate({ key: "authority-below", by: "authority", extensions: AUTHORITY, ...changes }),
];

/** Its authority has, for a key, the one of another issuer of mandates. */
const belowZero = [
  await certificate({ ...leafOf, by: "other-issuer" }),
  await certificate({ key: "other-issuer", by: "authority-below", extensions: AUTHORITY }),
  await certificate({ key: "authority-below", by: "authority", extensions: authority(0) }),
];

const hour = await oddLeaf({ from: 0, to: 3600 });

const certificates: readonly CaseSource[] = [
  admitted(
    "x5c",
    "A chain over an intermediate authority to the anchor",
    X5C,
    presenting([leaf, between]),
    trusted,
  ),
  admitted("x5c-with-anchor", "The anchor is sent along", X5C, presenting([leaf, between, anchor]), trusted),
  admitted(
    "x5c-anchor-below",
    "The intermediate authority itself is the anchor",
    PATH,
    presenting([leaf]),
    issuerWith({ type: "x509", anchors: [between], san: { uri: NAME } }),
  ),
  admitted(
    "x5c-host",
    "The signer is known by a host name",
    PATH,
    presenting(await oddLeaf({ extensions: signer({ type: "dns", value: "issuer.example" }) })),
    issuerWith({ type: "x509", anchors: [anchor], san: { dns: "issuer.example" } }),
  ),
  admitted(
    "x5c-path-length",
    "As many authorities as the path length allows",
    PATH,
    presenting(await oddAuthority({ extensions: authority(0) })),
    trusted,
  ),
  admitted(
    "x5c-uncritical",
    "An unknown extension that is not critical",
    "RFC 5280 section 4.2",
    presenting(await oddLeaf({ extensions: [...named, unknown("1.2.3.4", false)] })),
    trusted,
  ),
  admitted("x5c-last-second", "The last second of a certificate", PATH, presenting(hour), {
    ...trusted,
    at: 3600,
  }),
  denied("x5c-expired", "act.key_untrusted", "A second later", PATH, presenting(hour), {
    ...trusted,
    at: 3601,
  }),
  denied("x5c-not-yet", "act.key_untrusted", "A second before its first one", PATH, presenting(hour), {
    ...trusted,
    at: -1,
  }),
  untrusted(
    "authority-expired",
    "The intermediate authority has expired",
    PATH,
    await oddAuthority({ to: -1 }),
  ),
  denied(
    "x5c-none",
    "act.key_unknown",
    "No chain, and no key by the kid",
    X5C,
    { mandate: { by: "issuer-p256" } },
    trusted,
  ),
  denied(
    "x5c-other-key",
    "act.signature",
    "A chain for another key than the one that signed",
    X5C,
    presenting([leaf, between], "ada"),
    trusted,
  ),
  denied(
    "x5c-no-anchors",
    "act.key_unknown",
    "A chain where the issuer has no anchors: nothing that only the token names is trusted",
    X5C,
    presenting([leaf, between]),
    { change: (d) => void d.issuers[0]?.keys?.splice(1) },
  ),
  untrusted("empty", "A chain of nothing", X5C, []),
  untrusted("no-list", "A certificate in place of a list", X5C, leaf),
  untrusted("no-text", "A list with something else in it", X5C, [leaf, 1]),
  untrusted("incomplete", "The intermediate authority is missing", PATH, [leaf]),
  untrusted("order", "The wrong way round", X5C, [between, leaf]),
  untrusted("too-long", "Five certificates", "Countersign, docs/keys.md", [
    leaf,
    between,
    anchor,
    anchor,
    anchor,
  ]),
  untrusted("base64url", "base64url in place of base64", X5C, [
    Buffer.from(leaf, "base64").toString("base64url"),
    between,
  ]),
  untrusted("trailing", "An octet behind the certificate", "ITU-T X.690 section 10", [
    Buffer.concat([Buffer.from(leaf, "base64"), Buffer.of(0)]).toString("base64"),
    between,
  ]),
  untrusted("same-name", "Another authority of the anchor's name", PATH, [
    await certificate({ ...leafOf, by: "other-issuer", issuer: "authority" }),
  ]),
  untrusted("name-break", "Signed by the authority, under another name", PATH, [
    await certificate({ ...leafOf, issuer: "authority-other" }),
    between,
  ]),
  untrusted(
    "no-authority",
    "The intermediate certificate is no authority's",
    PATH,
    await oddAuthority({ extensions: named }),
  ),
  untrusted(
    "authority-no-ca",
    "The intermediate certificate may sign others but says nowhere that it is an authority's",
    PATH,
    await oddAuthority({ extensions: AUTHORITY.slice(1) }),
  ),
  untrusted("too-deep", "More authorities than the path length allows", PATH, belowZero),
  untrusted(
    "signer-is-authority",
    "The signer is an authority",
    "Countersign, docs/keys.md",
    await oddLeaf({ extensions: [...AUTHORITY, ...named.slice(1)] }),
  ),
  untrusted(
    "name",
    "The name of the signer begins alike",
    "Countersign, docs/keys.md",
    await oddLeaf({ extensions: signer({ type: "url", value: `${NAME}/2` }) }),
  ),
  untrusted(
    "name-kind",
    "The name is of another kind",
    "Countersign, docs/keys.md",
    await oddLeaf({ extensions: signer({ type: "dns", value: NAME }) }),
  ),
  untrusted(
    "subject",
    "The name is in the subject alone",
    "RFC 5280 section 4.2.1.6",
    await oddLeaf({ subject: NAME, extensions: named.slice(0, 1) }),
  ),
  untrusted(
    "servers",
    "A certificate for web servers alone",
    "RFC 5280 section 4.2.1.12",
    await oddLeaf({ extensions: [...named, purpose("1.3.6.1.5.5.7.3.1")] }),
  ),
  untrusted(
    "critical",
    "An unknown critical extension",
    "RFC 5280 section 4.2",
    await oddLeaf({ extensions: [...named, unknown("1.2.3.4", true)] }),
  ),
  untrusted(
    "authority-critical",
    "The same of the authority",
    "RFC 5280 section 4.2",
    await oddAuthority({ extensions: [...AUTHORITY, unknown("1.2.3.4", true)] }),
  ),
  untrusted(
    "name-constraints",
    "Name constraints, which are not evaluated",
    "Countersign, docs/keys.md",
    await oddAuthority({ extensions: [...AUTHORITY, unknown("2.5.29.30", false)] }),
  ),
];

// -- DIDs -------------------------------------------------------------------------------------------

/** The keys `issuer` (Ed25519) and `issuer-p256` as Multikeys. */
const ISSUER_MULTIKEY = "z6MkiuYcmu6R9zixsgscnyAKDXy2VHTF74NjtuYVmUFhMoH8";
const P256_MULTIKEY = "zDnaeXjGyDj6enPcXNLetgJtmwu2CtUXWUrWyW31RsiowCgcr";
const didKey = (multikey: string) => `did:key:${multikey}`;
const under = (kid: string, by = "issuer") => ({ mandate: { by, header: { kid } } });

const didWeb = (id: string) => `did:web:keys.example:${id}`;
const didUrl = (id: string) => `https://keys.example/${id}/did.json`;
const method = (id: string, changes: object = {}) => ({
  id: `${didWeb(id)}#a`,
  type: "JsonWebKey2020",
  controller: didWeb(id),
  publicKeyJwk: key("issuer").publicJwk,
  ...changes,
});
const viaDid = (id: string, document: object) => ({
  ...issuerWith({ type: "did", did: didWeb(id) }),
  remote: { [didUrl(id)]: answer({ id: didWeb(id), ...document }, "application/did+json") },
});

const dids: readonly CaseSource[] = [
  ...[ISSUER_MULTIKEY, P256_MULTIKEY].map((multikey, i) =>
    admitted(
      i === 0 ? "did-key" : "did-key-p256",
      `A did:key of ${i === 0 ? "Ed25519" : "P-256"}`,
      DID_KEY,
      under(`${didKey(multikey)}#${multikey}`, i === 0 ? "issuer" : "issuer-p256"),
      issuerWith({ type: "did", did: didKey(multikey) }),
    ),
  ),
  denied(
    "did-key-fragment",
    "act.key_unknown",
    "A kid that is the DID without the fragment",
    "Countersign, docs/keys.md",
    under(didKey(ISSUER_MULTIKEY)),
    issuerWith({ type: "did", did: didKey(ISSUER_MULTIKEY) }),
  ),
  denied(
    "did-key-unlisted",
    "act.key_unknown",
    "A did:key that the document does not list",
    "Countersign, docs/keys.md",
    under(`${didKey(P256_MULTIKEY)}#${P256_MULTIKEY}`, "issuer-p256"),
    issuerWith({ type: "did", did: didKey(ISSUER_MULTIKEY) }),
  ),
  admitted(
    "did-web",
    "A key that the DID document allows for assertions",
    DID_WEB,
    under(`${didWeb("did-web")}#a`),
    {
      ...viaDid("did-web", {
        verificationMethod: [method("did-web")],
        assertionMethod: [`${didWeb("did-web")}#a`],
      }),
    },
  ),
  admitted(
    "did-web-embedded",
    "A Multikey that stands in the relationship itself, with a relative id",
    "DID Core section 5.3",
    under(`${didWeb("did-web-embedded")}#b`),
    viaDid("did-web-embedded", {
      assertionMethod: [
        method("did-web-embedded", {
          id: "#b",
          type: "Multikey",
          publicKeyJwk: undefined,
          publicKeyMultibase: ISSUER_MULTIKEY,
        }),
      ],
    }),
  ),
  denied(
    "did-web-purpose",
    "act.key_unknown",
    "A key for authentication signs no mandates",
    "DID Core section 5.3",
    under(`${didWeb("did-web-purpose")}#a`),
    viaDid("did-web-purpose", {
      verificationMethod: [method("did-web-purpose")],
      authentication: [`${didWeb("did-web-purpose")}#a`],
    }),
  ),
  denied(
    "did-web-controller",
    "act.key_unknown",
    "A key of another controller",
    "DID Core section 5.2",
    under(`${didWeb("did-web-controller")}#a`),
    viaDid("did-web-controller", {
      assertionMethod: [method("did-web-controller", { controller: "did:web:other.example" })],
    }),
  ),
  denied(
    "did-web-relative-kid",
    "act.key_unknown",
    "A kid that is the fragment alone",
    "Countersign, docs/keys.md",
    under("#a"),
    viaDid("did-web-relative-kid", { assertionMethod: [method("did-web-relative-kid")] }),
  ),
  denied(
    "did-web-id",
    "keys.unavailable",
    "The document is another DID's",
    DID_WEB,
    under(`${didWeb("did-web-id")}#a`),
    viaDid("did-web-id", { id: "did:web:other.example", assertionMethod: [method("did-web-id")] }),
  ),
];

// -- client id metadata documents -------------------------------------------------------------------------

const clientUrl = (id: string) => `https://client.example/${id}`;
const ADA = { keys: [key("ada").publicJwk] };
const viaMetadata = (id: string, metadata: object, more: { jwksHosts?: string[]; jwks?: string } = {}) => ({
  ...adaWith({ type: "clientIdMetadata", url: clientUrl(id), jwksHosts: more.jwksHosts ?? [] }),
  remote: {
    [clientUrl(id)]: answer({ client_id: clientUrl(id), client_name: "Ada", ...metadata }),
    ...(more.jwks && { [more.jwks]: answer(ADA) }),
  },
});
const ownJwks = "https://client.example/client-own/jwks.json";
const otherJwks = (id: string) => `https://keys.example/${id}.json`;

const clients: readonly CaseSource[] = [
  admitted(
    "client",
    "The agent's keys stand in its metadata document",
    CLIENT,
    {},
    viaMetadata("client", { jwks: ADA }),
  ),
  admitted(
    "client-own",
    "They stand on the document's own host",
    CLIENT,
    {},
    viaMetadata("client-own", { jwks_uri: ownJwks }, { jwks: ownJwks }),
  ),
  admitted(
    "client-listed",
    "They stand on a host that the tenant lists",
    "Countersign, docs/keys.md",
    {},
    viaMetadata(
      "client-listed",
      { jwks_uri: otherJwks("client-listed") },
      { jwksHosts: ["keys.example"], jwks: otherJwks("client-listed") },
    ),
  ),
  denied(
    "client-elsewhere",
    "keys.unavailable",
    "They stand on any other host",
    "Countersign, docs/keys.md",
    {},
    viaMetadata(
      "client-elsewhere",
      { jwks_uri: otherJwks("client-elsewhere") },
      { jwks: otherJwks("client-elsewhere") },
    ),
  ),
  denied(
    "client-id",
    "keys.unavailable",
    "The document is another client's",
    CLIENT,
    {},
    viaMetadata("client-id", { client_id: clientUrl("client"), jwks: ADA }),
  ),
  denied(
    "client-both",
    "keys.unavailable",
    "Keys in the document, and elsewhere too",
    "RFC 7591 section 2",
    {},
    viaMetadata("client-both", { jwks: ADA, jwks_uri: ownJwks }),
  ),
  denied(
    "client-kid",
    "signature.key_unknown",
    "A key that the agent does not publish",
    CLIENT,
    { signature: { by: "ada-second" }, ect: { by: "ada-second" } },
    viaMetadata("client-kid", { jwks: ADA }),
  ),
];

export const keySources: Topic = {
  name: "key-sources",
  title: "Keys by certificate, DID and client metadata",
  cases: [...certificates, ...dids, ...clients],
};
