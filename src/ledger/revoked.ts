/** What can be revoked, by what name ledgers know it, and how they are told. Plain data: it crosses an RPC. */

import type { Reason } from "../reasons.ts";

/** Everything that rests on it is refused. */
export type Revoked =
  | { readonly kind: "mandate"; readonly iss: string; readonly jti: string }
  /** An access token. */
  | { readonly kind: "token"; readonly iss: string; readonly jti: string }
  /** By its name in the tenant document. */
  | { readonly kind: "agent"; readonly name: string }
  /** Of access tokens. */
  | { readonly kind: "subject"; readonly iss: string; readonly sub: string }
  /** RFC 7638 thumbprint. */
  | { readonly kind: "key"; readonly thumbprint: string }
  /** Of mandates, or of access tokens. */
  | { readonly kind: "issuer"; readonly iss: string }
  /** As `runId` names it. */
  | { readonly kind: "run"; readonly run: string }
  /** The emergency stop. */
  | { readonly kind: "tenant" }
  /** What an older tenant document decides: the lowest `version` that may. */
  | { readonly kind: "document"; readonly version: number };

export type RevokedKind = Revoked["kind"];

/** Injective: the kind, and the values in the order above. */
export function revokedName(revoked: Revoked): string {
  switch (revoked.kind) {
    case "mandate":
    case "token":
      return JSON.stringify([revoked.kind, revoked.iss, revoked.jti]);
    case "agent":
      return JSON.stringify([revoked.kind, revoked.name]);
    case "subject":
      return JSON.stringify([revoked.kind, revoked.iss, revoked.sub]);
    case "key":
      return JSON.stringify([revoked.kind, revoked.thumbprint]);
    case "issuer":
      return JSON.stringify([revoked.kind, revoked.iss]);
    case "run":
      return JSON.stringify([revoked.kind, revoked.run]);
    case "tenant":
      return JSON.stringify([revoked.kind]);
    case "document":
      return JSON.stringify([revoked.kind, revoked.version]);
  }
}

/** What a name stands for. */
export function revokedNamed(name: string): Revoked {
  const [kind, first, second] = JSON.parse(name) as [RevokedKind, string, string];
  switch (kind) {
    case "mandate":
    case "token":
      return { kind, iss: first, jti: second };
    case "agent":
      return { kind, name: first };
    case "subject":
      return { kind, iss: first, sub: second };
    case "key":
      return { kind, thumbprint: first };
    case "issuer":
      return { kind, iss: first };
    case "run":
      return { kind, run: first };
    case "tenant":
      return { kind };
    case "document":
      return { kind, version: Number(first) };
  }
}

/** What a request is refused with that rests on such a thing. */
export const REVOKED: Readonly<Record<RevokedKind, Reason>> = {
  mandate: "revoked.mandate",
  token: "revoked.token",
  agent: "revoked.agent",
  subject: "revoked.subject",
  key: "revoked.key",
  issuer: "revoked.issuer",
  run: "revoked.run",
  tenant: "revoked.tenant",
  document: "tenant.stale",
};

/** A revocation, as ledgers hold it. */
export interface Notice {
  readonly name: string;
  /** Seconds: its end; null where it has none. */
  readonly until: number | null;
}

/** How far a ledger has followed the revocations of its tenant. */
export interface KnownNotices {
  /** Of the directory, which has a new one where it was lost; empty before anything is known. */
  readonly epoch: string;
  /** Number of the last change. */
  readonly version: number;
}

/** What a ledger is told. */
export interface Bulletin extends KnownNotices {
  /** The changes behind this number; null where these are all revocations that there are. */
  readonly since: number | null;
  readonly notices: readonly Notice[];
  /** Names of those that are lifted. */
  readonly lifted: readonly string[];
}

/** What a ledger is told when it enrols. */
export interface Enrolled {
  /** Whether there was another ledger of this name. */
  readonly wasLost: boolean;
  /** Whether the directory has lost what the ledger knows, and is to be taught. */
  readonly teaches: boolean;
  readonly bulletin: Bulletin;
}
