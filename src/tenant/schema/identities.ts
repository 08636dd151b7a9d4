/** The entries of a tenant document that say who may grant and who may call, and with which keys. */

import * as v from "valibot";
import {
  DEFAULT_MANDATE_LIFETIME,
  MAX_MANDATE_LIFETIME,
  MAX_TENANT_ENTRIES,
  MAX_TENANT_KEYS,
  MAX_TENANT_LIST,
} from "../../limits.ts";
import { fields, flag, identifier, integer, list, text } from "../fields.ts";
import { agentKeySources, domainKeySources, issuerKeySources, keyRole } from "./keys.ts";
import { workload } from "./signature.ts";

export const status = (whose: string) =>
  v.optional(
    v.pipe(v.picklist(["active", "suspended"]), v.description(`A suspended ${whose} is refused everything.`)),
    "active",
  );

const agentName = (description: string) =>
  text(
    /^[a-z0-9][a-z0-9._-]{0,63}$/,
    "must have 1 to 64 characters of a-z, 0-9, '.', '_', '-' and begin with a letter or digit",
    description,
  );

export const jwk = (description: string) =>
  v.pipe(v.record(v.string(), v.unknown()), v.description(description));

export const issuer = fields({
  iss: identifier("The iss of its mandates, byte for byte."),
  keys: v.optional(
    list(jwk("Public JWK: Ed25519 (EdDSA) or P-256 (ES256)."), MAX_TENANT_KEYS, "Its keys, by kid."),
    [],
  ),
  keySources: issuerKeySources,
  agents: list(
    agentName("Name of an agent of this document."),
    MAX_TENANT_ENTRIES,
    "The agents it may authorise.",
  ),
  actions: list(
    text(
      /^[!-)+-~]{1,254}(\.\*)?$/,
      "must be an action, or a prefix followed by .*, in printable ASCII",
      "An action, or a prefix followed by .* for all actions below it.",
    ),
    MAX_TENANT_LIST,
    "The actions it may grant.",
  ),
  maxLifetimeSeconds: v.optional(
    integer(1, MAX_MANDATE_LIFETIME, "Longest life of its mandates, from iat to exp."),
    DEFAULT_MANDATE_LIFETIME,
  ),
});

const agentKey = fields({
  jwk: jwk(
    "Public JWK: P-256 (ES256), Ed25519 (EdDSA), P-384 (ES384) or RSA (PS512). ECTs need one of the first two.",
  ),
  ...keyRole,
});

export const agent = fields({
  name: agentName(
    "Name of the agent in decisions and in issuers' lists. Do not rename it while its keys live: what it spent is kept under its name.",
  ),
  status: status("agent"),
  subjects: v.optional(
    list(identifier("A mandate's sub."), MAX_TENANT_LIST, "The sub of mandates that mean this agent."),
    [],
  ),
  ectIssuers: v.optional(
    list(
      identifier("An ECT's iss."),
      MAX_TENANT_LIST,
      "The iss of ECTs that this agent signs; without it, its subjects.",
    ),
  ),
  attestations: v.optional(
    list(
      fields({ iss: identifier("The envelope's iss."), sub: identifier("The envelope's sub.") }),
      MAX_TENANT_LIST,
      "The iss and sub of tool call attestations that mean this agent.",
    ),
    [],
  ),
  keys: v.optional(
    list(agentKey, MAX_TENANT_KEYS, "The keys it signs HTTP messages and ECTs with, by kid."),
    [],
  ),
  keySources: agentKeySources,
  workload: v.optional(workload),
  unsafeBearerOnly: flag(
    "Takes its GET, DELETE, notifications and posted responses with the mandate alone, in a session of its own: who steals mandate and session id can send them too. For agents with keys of the profile poc alone, whose client does not sign these.",
  ),
});

export const trustDomain = fields({
  domain: text(
    /^(?=.{1,255}$)[a-z0-9._-]*[a-z0-9_-]$/,
    "must have 1 to 255 characters of a-z, 0-9, '.', '_', '-', the last no dot",
    "Name of the trust domain, as it stands in workload identifiers.",
  ),
  keys: v.optional(
    list(
      jwk("Public JWK: P-256 (ES256), Ed25519 (EdDSA), P-384 (ES384) or RSA (PS512)."),
      MAX_TENANT_KEYS,
      "The keys of its issuer, by kid.",
    ),
    [],
  ),
  keySources: domainKeySources,
});
