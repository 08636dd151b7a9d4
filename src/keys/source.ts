import type { Result } from "../result.ts";
import type { Relationship } from "./did.ts";
import type { KeyAlgorithm, VerificationKey } from "./key.ts";
import type { X509Source } from "./x509/source.ts";

/** A document on a web server, where its owner publishes keys. */
export interface KeyDocument {
  readonly url: string;
  /** Name of a Fetcher binding to reach it through; null for public https. */
  readonly binding: string | null;
}

/** A JWK set (RFC 7517). */
export interface JwksSource extends KeyDocument {
  readonly type: "jwks";
}

/** A DID document that a web server holds (did:web). */
export interface DidWebSource extends KeyDocument {
  readonly type: "did:web";
  readonly did: string;
  /** What the keys must be allowed for. */
  readonly relationship: Relationship;
}

/** A client's metadata (OAuth Client ID Metadata Document). Its URL is the client's id. */
export interface ClientMetadataSource extends KeyDocument {
  readonly type: "clientIdMetadata";
  /** Hosts that its `jwks_uri` may be on. */
  readonly jwksHosts: ReadonlySet<string>;
  /** What its keys are called: as it calls them itself, or by their thumbprints (RFC 7638). */
  readonly names: "kid" | "thumbprint";
}

/** Where an agent of the web publishes its keys (Web Bot Auth); each is found by its thumbprint. */
export interface SignatureAgentSource extends KeyDocument {
  readonly type: "signatureAgent";
  /** A directory of keys for HTTP message signatures, or a JWK set like others. */
  readonly form: "directory" | "jwks_uri";
}

/** Sources that are fetched. */
export type RemoteSource = JwksSource | DidWebSource | ClientMetadataSource | SignatureAgentSource;

/** Where keys come from that are not in the tenant document itself. The document names it; nothing in it comes from a message. */
export type KeySource = RemoteSource | X509Source;

/** What a message says of the key that it is signed with. */
export interface WantedKey {
  readonly kid: string;
  /** What a key may be for; other keys of the source are not looked at. */
  readonly algorithms: readonly KeyAlgorithm[];
  /** The `x5c` of the JOSE header (RFC 7515 section 4.1.6); null where there is none. */
  readonly x5c: readonly string[] | null;
}

/** `unknown`: the owner has no such key. `unavailable`: we cannot tell. `untrusted`: a chain that leads to no anchor. */
export type KeyFault = "unknown" | "unavailable" | "untrusted";

/** `memory`: what is known and fresh; anything else is `unknown`. `network`: what is there, fetched where it has to be. */
export type Reach = "memory" | "network";

/** Finds a key in a source. */
export type KeyFinder = (
  source: KeySource,
  wanted: WantedKey,
  reach: Reach,
) => Promise<Result<VerificationKey, KeyFault>>;

/** The time, milliseconds: asked for whenever it matters, because a fetch takes some. */
export type Clock = () => number;

/** All the keys of one owner: those in the tenant document by `kid`, then the sources. */
export interface KeyRing {
  readonly own: ReadonlyMap<string, VerificationKey>;
  readonly sources: readonly KeySource[];
  /** Thumbprints of keys that the tenant document holds. It says whose they are, so none may come from a source. */
  readonly pinned: ReadonlySet<string>;
}
