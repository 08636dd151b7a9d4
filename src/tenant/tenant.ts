import type { NamedSecret, SharedSecret, VerificationKey } from "../keys/key.ts";
import type { KeyRing, KeySource } from "../keys/source.ts";
import type { AccessTokenPolicy } from "./schema/access-tokens.ts";
import type { ActPolicy } from "./schema/act.ts";
import type { ActionTemplates } from "./schema/actions.ts";
import type { OAuthMetadata, SessionPolicy, StreamPolicy, ToolPolicy } from "./schema/answers.ts";
import type { AttestationPolicy } from "./schema/attestation.ts";
import type { AuditPolicy } from "./schema/audit.ts";
import type { EctPolicy } from "./schema/ect.ts";
import type { EvidenceRule } from "./schema/evidence.ts";
import type { ObserveRule } from "./schema/observe.ts";
import type { Origin } from "./schema/origin.ts";
import type { Policy } from "./schema/policy.ts";
import type { SignaturePolicy, WebBotAuthPolicy, WimseProfile, Workload } from "./schema/signature.ts";

// What of the sections other folders need by name.
export type { AccessTokenPolicy } from "./schema/access-tokens.ts";
export type { ActionTemplates } from "./schema/actions.ts";
export type {
  AttestationDialect,
  AttestationPolicy,
  ReferencePolicy,
  SignedDialect,
} from "./schema/attestation.ts";
export type { AuditPolicy } from "./schema/audit.ts";
export type { EctLevel } from "./schema/ect.ts";
export type { EvidenceKind, EvidenceRule } from "./schema/evidence.ts";
export type { ObserveRule } from "./schema/observe.ts";
export type { Origin, OriginCredential } from "./schema/origin.ts";
export type { Policy, Scope, ToolEntry, ToolGrant } from "./schema/policy.ts";
export type { SignaturePolicy, WebBotAuthPolicy, WimseProfile, Workload } from "./schema/signature.ts";

/**
 * A tenant document in the form the gate works with: parsed once, keys imported, every identity in a map.
 * `compile.ts` makes it; no stage looks into the document itself.
 */
export interface Tenant {
  readonly id: string;
  /** base64url SHA-256 of the document text: tells which version decided. */
  readonly revision: string;
  /** The absolute URL clients use and sign. From configuration, never from the request. */
  readonly publicUrl: string;
  /** Its host, with a port where it has one, and its path. */
  readonly publicHost: string;
  readonly publicPath: string;
  /** Host of its own, with a port where it has one; null for a path tenant, which lives on the gateway's host. */
  readonly ownHost: string | null;
  /** Values of `aud` and `wimse-aud` that mean this tenant; compared byte for byte. */
  readonly audiences: ReadonlySet<string>;
  /** Values of `serverFingerprint` that mean this tenant's server. */
  readonly fingerprints: ReadonlySet<string>;
  /** As the operator counts them: a ledger can be told the lowest that may decide. */
  readonly version: number;
  readonly suspended: boolean;
  readonly origin: Origin;
  /** Values of the `Origin` header a browser may send, as `scheme://host[:port]`. */
  readonly allowedOrigins: ReadonlySet<string>;
  readonly maxBodyBytes: number;
  /** By `iss`. */
  readonly issuers: ReadonlyMap<string, Issuer>;
  /** What verifies workload identity tokens, by the name of the trust domain. */
  readonly trustDomains: ReadonlyMap<string, KeyRing>;
  readonly agents: AgentRegistry;
  /** RFC 7638 thumbprints of all keys that the document holds: none of them may come from a source in another role. */
  readonly pinnedKeys: ReadonlySet<string>;
  /** By `attestationKeyId(iss, secretVersion)`. */
  readonly attestationKeys: ReadonlyMap<string, AttestationKey>;
  /** First match wins; no match means deny. */
  readonly evidenceRules: readonly EvidenceRule[];
  readonly actions: ActionTemplates;
  readonly signature: SignaturePolicy;
  /** Null where signatures of Web Bot Auth are not looked at. */
  readonly webBotAuth: WebBotAuthPolicy | null;
  readonly act: ActPolicy;
  readonly ect: EctPolicy;
  readonly attestation: AttestationPolicy;
  readonly sessions: SessionPolicy;
  readonly streams: StreamPolicy;
  readonly oauth: OAuthMetadata;
  readonly tools: ToolPolicy;
  readonly audit: AuditPolicy;
  /** Authorization servers whose access tokens are taken, by `iss`. */
  readonly tokenIssuers: ReadonlyMap<string, TokenIssuer>;
  /** Null where no access tokens are taken. */
  readonly accessTokens: AccessTokenPolicy | null;
  readonly policy: Policy;
  /** What is only looked at, for a while. */
  readonly observe: readonly ObserveRule[];
}

/** Who may grant mandates (ACT `iss`), and what. */
export interface Issuer {
  readonly iss: string;
  readonly keys: KeyRing;
  /** Names of the agents it may authorise. */
  readonly agents: ReadonlySet<string>;
  /** Action patterns it may grant; see `actionMatches`. */
  readonly actions: readonly string[];
  /** Seconds. */
  readonly maxLifetime: number;
}

/** An authorization server whose access tokens (RFC 9068) are taken. */
export interface TokenIssuer {
  readonly iss: string;
  readonly keys: KeyRing;
  /** Seconds. */
  readonly maxLifetime: number;
}

export interface Agent {
  readonly name: string;
  readonly suspended: boolean;
  /**
   * Where it is not null, messages that are no requests (GET, DELETE, notifications, responses) are taken with the
   * mandate alone, in this lane. For clients of the profile poc, which sign none of them.
   */
  readonly unsafeBearerOnly: { readonly lane: number } | null;
  /** Where keys of its own come from that the document does not hold. */
  readonly keySources: readonly AgentKeySource[];
  /** Where it is not null, the agent has no keys of its own: it signs with that of a WIT. */
  readonly workload: Workload | null;
  /** Those of all its keys, sources and workload: each is a ledger of its own. */
  readonly lanes: ReadonlySet<number>;
}

/** A source of keys of an agent; all of them have this profile and lane. */
export interface AgentKeySource {
  readonly source: KeySource;
  readonly profile: RegisteredProfile;
  readonly lane: number;
}

/** The profile of an HTTP message signature. A key is registered for exactly one. */
export type RegisteredProfile = "agent" | "poc";

/** The profile is that of the key, or that of the agent's workload. */
export type SignatureProfile = RegisteredProfile | WimseProfile;

/** What an agent signs with: a key of the document or of its sources, or that of its WIT. */
export type AgentKey = (VerificationKey | NamedSecret) & {
  readonly agent: Agent;
  readonly profile: SignatureProfile;
  /** Part of the ledger's name; never changes while the key lives. */
  readonly lane: number;
};

/** The only place where a verified identity becomes an agent. Every look-up is byte for byte. */
export interface AgentRegistry {
  readonly bySubject: ReadonlyMap<string, Agent>;
  readonly byEctIssuer: ReadonlyMap<string, Agent>;
  /** By `attestationIdentity(iss, sub)`. */
  readonly byAttestation: ReadonlyMap<string, Agent>;
  /** By `kid`. */
  readonly keys: ReadonlyMap<string, AgentKey>;
}

export type AttestationKey =
  | VerificationKey
  /** With the flag, envelopes of dialect C are taken as well. */
  | (SharedSecret & { readonly unsafeDialectC?: boolean });

/** Injective keys for the two maps that have pairs. */
export const attestationKeyId = (iss: string, secretVersion: string): string =>
  JSON.stringify([iss, secretVersion]);

export const attestationIdentity = (iss: string, sub: string): string => JSON.stringify([iss, sub]);
