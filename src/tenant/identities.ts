/** The tables of a tenant: agents, issuers, attestation keys. A name maps once, or the document has a fault. */

import type * as v from "valibot";
import { importNamedSecret, importSharedSecret, importVerificationKey } from "../keys/hygiene.ts";
import { type NamedSecret, TOKEN_ALGORITHMS, type VerificationKey, WIT_ALGORITHMS } from "../keys/key.ts";
import type { KeyRing } from "../keys/source.ts";
import type { Result } from "../result.ts";
import { claims, type Found, imported, type Path } from "./faults.ts";
import { type AgentKeyPlaces, compileRing, shareKeys } from "./key-rings.ts";
import { compileSource } from "./key-sources.ts";
import type { attestationKey } from "./schema/attestation.ts";
import type { agent, issuer, trustDomain } from "./schema/identities.ts";
import type { SignaturePolicy } from "./schema/signature.ts";
import {
  type Agent,
  type AgentKey,
  type AgentKeySource,
  type AgentRegistry,
  type AttestationKey,
  attestationIdentity,
  attestationKeyId,
  type Issuer,
} from "./tenant.ts";

/** A well-formed entry of a list in the document, with its place. */
export interface Placed<S extends v.GenericSchema> {
  readonly at: Path;
  readonly value: v.InferOutput<S>;
}

/**
 * Agents by every identity, and their keys.
 * @param policy what their keys may be for; null where the document does not say it well: then no key is looked at
 */
export async function compileAgents(
  agents: readonly Placed<typeof agent>[],
  policy: SignaturePolicy | null,
  found: Found[],
): Promise<AgentRegistry & { readonly places: AgentKeyPlaces }> {
  const bySubject = new Map<string, Agent>();
  const byEctIssuer = new Map<string, Agent>();
  const byAttestation = new Map<string, Agent>();
  const keys = new Map<string, AgentKey>();
  const places = { keys: new Map<string, Path>(), urls: new Map<string, Path>() };
  const claimName = claims("agent name", found);
  const claimSubject = claims("subject", found);
  const claimEctIssuer = claims("ECT issuer", found);
  const claimAttestation = claims("iss and sub", found);
  const claimWorkload = claims("workload identifier", found);
  const claimKid = claims("kid", found);
  const claimKey = claims("key", found);
  const claimUrl = claims("source of keys", found);

  for (const { at, value } of agents) {
    claimName(value.name, [...at, "name"]);
    const keySources: AgentKeySource[] = [];
    const owner: Agent = {
      name: value.name,
      suspended: value.status === "suspended",
      unsafeBearerOnly: bearerOnly(at, value, found),
      keySources,
      workload: workloadOf(at, value, claimWorkload, found),
      lanes: lanesOf(value),
    };
    for (const [i, subject] of value.subjects.entries()) {
      const place = [...at, "subjects", i];
      if (!claimSubject(subject, place)) continue;
      bySubject.set(subject, owner);
      if (value.ectIssuers === undefined && claimEctIssuer(subject, place)) byEctIssuer.set(subject, owner);
    }
    for (const [i, iss] of (value.ectIssuers ?? []).entries()) {
      if (claimEctIssuer(iss, [...at, "ectIssuers", i])) byEctIssuer.set(iss, owner);
    }
    for (const [i, { iss, sub }] of value.attestations.entries()) {
      const identity = attestationIdentity(iss, sub);
      if (claimAttestation(identity, [...at, "attestations", i])) byAttestation.set(identity, owner);
    }
    // An attestation is bound to no key: two lanes would be two ledgers, and each would take its nonce once.
    if (value.attestations.length > 0 && owner.lanes.size > 1) {
      found.push({ at: [...at, "attestations"], problem: "needs all keys of the agent to have one lane" });
    }
    const addKey = async (jwk: Jwk, { profile, lane }: KeyRole, place: Path): Promise<void> => {
      const key = policy && imported(await importAgentKey(jwk, policy), place, found);
      if (key === null) return;
      if (profile === "poc" && key.alg !== "ES256") {
        found.push({ at: place, problem: "must be a P-256 key: the poc profile signs with ES256 alone" });
      }
      // The same key under two kids would have two profiles, lanes or agents, by the caller's choice.
      if (!claimKey(key.thumbprint, place) || !claimKid(key.kid, place)) return;
      places.keys.set(key.thumbprint, place);
      keys.set(key.kid, { ...key, agent: owner, profile, lane });
    };
    for (const [i, key] of value.keys.entries()) await addKey(key.jwk, key, [...at, "keys", i, "jwk"]);
    for (const [i, entry] of value.keySources.entries()) {
      const place = [...at, "keySources", i];
      const compiled = await compileSource(entry, place, "authentication", found);
      if ("jwk" in compiled) {
        await addKey(compiled.jwk, entry, place);
      } else if (compiled.url !== null && claimUrl(compiled.url, place)) {
        places.urls.set(compiled.url, place);
        const [first] = keySources;
        // One key can be published in two places: which of them answers must not choose profile and lane.
        if (first !== undefined && (first.profile !== entry.profile || first.lane !== entry.lane)) {
          found.push({ at: place, problem: "must have profile and lane of the agent's other sources" });
        }
        keySources.push({ source: compiled.source, profile: entry.profile, lane: entry.lane });
      }
    }
  }
  return { bySubject, byEctIssuer, byAttestation, keys, places };
}

type Jwk = Readonly<Record<string, unknown>>;

const importAgentKey = (
  jwk: Jwk,
  { algorithms, publicAlgorithms }: SignaturePolicy,
): Promise<Result<VerificationKey | NamedSecret, string>> =>
  jwk.kty === "oct" && algorithms.has("HS256")
    ? importNamedSecret(jwk)
    : importVerificationKey(jwk, publicAlgorithms);

/** A workload proves itself by its token alone: with keys beside it, a caller could choose the laxer profile. */
function workloadOf(
  at: Path,
  { workload, keys, keySources }: v.InferOutput<typeof agent>,
  claim: (name: string, at: Path) => boolean,
  found: Found[],
): Agent["workload"] {
  if (workload === undefined) return null;
  if (keys.length + keySources.length > 0) {
    found.push({
      at: [...at, "workload"],
      problem: "excludes keys and keySources: the agent signs with that of its token alone",
    });
  }
  const { subjects, revision, lane } = workload;
  for (const [i, subject] of subjects.entries()) claim(subject, [...at, "workload", "subjects", i]);
  return { subjects: new Set(subjects), profile: revision, lane };
}

type KeyRole = Pick<AgentKeySource, "profile" | "lane">;

const rolesOf = ({ keys, keySources }: v.InferOutput<typeof agent>): readonly KeyRole[] => [
  ...keys,
  ...keySources,
];

const lanesOf = (value: v.InferOutput<typeof agent>): Agent["lanes"] =>
  new Set([...rolesOf(value), ...(value.workload ? [value.workload] : [])].map(({ lane }) => lane));

/** A bearer alone names an agent and no key, so whatever the key, profile and lane have to be the same. */
function bearerOnly(at: Path, value: v.InferOutput<typeof agent>, found: Found[]): Agent["unsafeBearerOnly"] {
  if (!value.unsafeBearerOnly) return null;
  const roles = rolesOf(value);
  const place = [...at, "unsafeBearerOnly"];
  if (roles.some(({ profile }) => profile !== "poc")) {
    found.push({ at: place, problem: "is for agents whose keys are all of the profile poc" });
  }
  const lanes = new Set(roles.map(({ lane }) => lane));
  if (lanes.size > 1) found.push({ at: place, problem: "needs all keys of the agent to have one lane" });
  const [lane] = lanes;
  if (lane === undefined) found.push({ at: place, problem: "needs a key, whose lane it is kept in" });
  return lane === undefined ? null : { lane };
}

/**
 * Issuers by `iss`.
 * @param agentNames names in `agents`, also of agents that have other faults
 */
export async function compileIssuers(
  issuers: readonly Placed<typeof issuer>[],
  agentNames: ReadonlySet<string>,
  agentKeys: AgentKeyPlaces,
  pinned: KeyRing["pinned"],
  found: Found[],
): Promise<ReadonlyMap<string, Issuer>> {
  const table = new Map<string, Issuer>();
  const claimIss = claims("iss", found);
  for (const { at, value } of issuers) {
    for (const [i, name] of value.agents.entries()) {
      if (!agentNames.has(name))
        found.push({ at: [...at, "agents", i], problem: "is not the name of an agent" });
    }
    const keys = await compileRing(value, at, TOKEN_ALGORITHMS, agentKeys, pinned, found);
    const { iss, actions, maxLifetimeSeconds: maxLifetime } = value;
    if (claimIss(iss, [...at, "iss"])) {
      table.set(iss, {
        iss,
        keys,
        agents: new Set(value.agents),
        actions,
        maxLifetime,
      });
    }
  }
  return table;
}

/** Key rings of trust domains, by their names. */
export async function compileTrustDomains(
  domains: readonly Placed<typeof trustDomain>[],
  issuers: ReadonlyMap<string, Issuer>,
  agentKeys: AgentKeyPlaces,
  pinned: KeyRing["pinned"],
  found: Found[],
): Promise<ReadonlyMap<string, KeyRing>> {
  const table = new Map<string, KeyRing>();
  const claimDomain = claims("trust domain", found);
  for (const { at, value } of domains) {
    const ring = await compileRing(value, at, WIT_ALGORITHMS, agentKeys, pinned, found);
    for (const { iss, keys } of issuers.values()) {
      if (shareKeys(ring, keys)) found.push({ at, problem: `has a key or source of the issuer ${iss}` });
    }
    if (claimDomain(value.domain, [...at, "domain"])) table.set(value.domain, ring);
  }
  return table;
}

/** Attestation keys by `attestationKeyId`. */
export async function compileAttestationKeys(
  entries: readonly Placed<typeof attestationKey>[],
  found: Found[],
): Promise<ReadonlyMap<string, AttestationKey>> {
  const table = new Map<string, AttestationKey>();
  const claimId = claims("iss and secretVersion", found);
  for (const { at, value } of entries) {
    const id = attestationKeyId(value.iss, value.secretVersion);
    const isNew = claimId(id, at);
    const key = await importAttestationKey(value, at, found);
    if (isNew && key !== null) table.set(id, key);
  }
  return table;
}

async function importAttestationKey(
  entry: v.InferOutput<typeof attestationKey>,
  at: Path,
  found: Found[],
): Promise<AttestationKey | null> {
  if (entry.alg !== "HS256")
    return imported(await importVerificationKey(entry.jwk, [entry.alg]), [...at, "jwk"], found);
  const secret = imported(await importSharedSecret(entry.secret), [...at, "secret"], found);
  return secret && { ...secret, unsafeDialectC: entry.unsafeDialectC };
}
