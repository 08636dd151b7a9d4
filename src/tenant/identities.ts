/** The tables of a tenant: agents, issuers, attestation keys. A name maps once, or the document has a fault. */

import type * as v from "valibot";
import { importSharedSecret, importVerificationKey } from "../keys/hygiene.ts";
import type { KeyAlgorithm, VerificationKey } from "../keys/key.ts";
import type { Result } from "../result.ts";
import { type Found, formatPath, type Path } from "./faults.ts";
import type { attestationKey } from "./schema/attestation.ts";
import type { agent, issuer } from "./schema/identities.ts";
import {
  type Agent,
  type AgentKey,
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

const SIGNING_ALGORITHMS: readonly KeyAlgorithm[] = ["ES256", "EdDSA"];

/** Who claims a name first keeps it; a second claim is a fault that names both places. */
function claims(what: string, found: Found[]): (name: string, at: Path) => boolean {
  const owners = new Map<string, Path>();
  return (name, at) => {
    const owner = owners.get(name);
    if (owner === undefined) owners.set(name, at);
    else found.push({ at, problem: `is the same ${what} as ${formatPath(owner)}` });
    return owner === undefined;
  };
}

/** The value of an import; its error becomes a fault. */
function imported<T>(result: Result<T, string>, at: Path, found: Found[]): T | null {
  if (result.ok) return result.value;
  found.push({ at, problem: result.error });
  return null;
}

/** Agents by every identity, and their keys. */
export async function compileAgents(
  agents: readonly Placed<typeof agent>[],
  found: Found[],
): Promise<AgentRegistry & { readonly keyPlaces: ReadonlyMap<string, Path> }> {
  const bySubject = new Map<string, Agent>();
  const byEctIssuer = new Map<string, Agent>();
  const byAttestation = new Map<string, Agent>();
  const keys = new Map<string, AgentKey>();
  const keyPlaces = new Map<string, Path>();
  const claimName = claims("agent name", found);
  const claimSubject = claims("subject", found);
  const claimEctIssuer = claims("ECT issuer", found);
  const claimAttestation = claims("iss and sub", found);
  const claimKid = claims("kid", found);
  const claimKey = claims("key", found);

  for (const { at, value } of agents) {
    claimName(value.name, [...at, "name"]);
    const owner: Agent = {
      name: value.name,
      suspended: value.status === "suspended",
      unsafeBearerOnly: bearerOnly(at, value, found),
      keySources: [],
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
    if (value.attestations.length > 0 && new Set(value.keys.map(({ lane }) => lane)).size > 1) {
      found.push({ at: [...at, "attestations"], problem: "needs all keys of the agent to have one lane" });
    }
    for (const [i, { jwk, profile, lane }] of value.keys.entries()) {
      const place = [...at, "keys", i, "jwk"];
      const key = imported(await importVerificationKey(jwk, SIGNING_ALGORITHMS), place, found);
      if (key === null) continue;
      if (profile === "poc" && key.alg !== "ES256") {
        found.push({ at: place, problem: "must be a P-256 key: the poc profile signs with ES256 alone" });
      }
      // The same key under two kids would have two profiles, lanes or agents, by the caller's choice.
      if (!claimKey(key.thumbprint, place) || !claimKid(key.kid, place)) continue;
      keyPlaces.set(key.thumbprint, place);
      keys.set(key.kid, { ...key, agent: owner, profile, lane });
    }
  }
  return { bySubject, byEctIssuer, byAttestation, keys, keyPlaces };
}

/** A bearer alone names an agent and no key, so whatever the key, profile and lane have to be the same. */
function bearerOnly(
  at: Path,
  { unsafeBearerOnly, keys }: v.InferOutput<typeof agent>,
  found: Found[],
): Agent["unsafeBearerOnly"] {
  if (!unsafeBearerOnly) return null;
  const place = [...at, "unsafeBearerOnly"];
  if (keys.some(({ profile }) => profile !== "poc")) {
    found.push({ at: place, problem: "is for agents whose keys are all of the profile poc" });
  }
  const lanes = new Set(keys.map(({ lane }) => lane));
  if (lanes.size > 1) found.push({ at: place, problem: "needs all keys of the agent to have one lane" });
  const [lane] = lanes;
  if (lane === undefined) found.push({ at: place, problem: "needs a key, whose lane it is kept in" });
  return lane === undefined ? null : { lane };
}

/**
 * Issuers by `iss`.
 * @param agentNames names in `agents`, also of agents that have other faults
 * @param agentKeys thumbprints of the agents' keys, with their places
 */
export async function compileIssuers(
  issuers: readonly Placed<typeof issuer>[],
  agentNames: ReadonlySet<string>,
  agentKeys: ReadonlyMap<string, Path>,
  found: Found[],
): Promise<ReadonlyMap<string, Issuer>> {
  const table = new Map<string, Issuer>();
  const claimIss = claims("iss", found);
  for (const { at, value } of issuers) {
    for (const [i, name] of value.agents.entries()) {
      if (!agentNames.has(name))
        found.push({ at: [...at, "agents", i], problem: "is not the name of an agent" });
    }
    const keys = new Map<string, VerificationKey>();
    const claimKid = claims("kid", found);
    for (const [i, jwk] of value.keys.entries()) {
      const place = [...at, "keys", i];
      const key = imported(await importVerificationKey(jwk, SIGNING_ALGORITHMS), place, found);
      if (key === null) continue;
      const agentKey = agentKeys.get(key.thumbprint);
      if (agentKey !== undefined) {
        found.push({
          at: place,
          problem: `is the same key as ${formatPath(agentKey)}: an agent's own key cannot sign mandates`,
        });
      }
      if (claimKid(key.kid, place)) keys.set(key.kid, key);
    }
    const { iss, actions, maxLifetimeSeconds: maxLifetime } = value;
    if (claimIss(iss, [...at, "iss"])) {
      table.set(iss, {
        iss,
        keys: { own: keys, sources: [] },
        agents: new Set(value.agents),
        actions,
        maxLifetime,
      });
    }
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
    const key =
      value.alg === "HS256"
        ? imported(await importSharedSecret(value.secret), [...at, "secret"], found)
        : imported(await importVerificationKey(value.jwk, [value.alg]), [...at, "jwk"], found);
    if (isNew && key !== null) table.set(id, key);
  }
  return table;
}
