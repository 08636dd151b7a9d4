/** From the text of a tenant document to the form the gate works with, or every fault the text has. */

import * as v from "valibot";
import { sha256, toBase64url, utf8 } from "../encoding.ts";
import { isObject, type JsonFault, type JsonValue, parseStrictJson } from "../json/strict-json.ts";
import { MAX_TENANT_BYTES } from "../limits.ts";
import { fail, ok, type Result } from "../result.ts";
import { checkTogether, field } from "./checks/together.ts";
import { type Fault, type Found, fromIssue, inDocumentOrder } from "./faults.ts";
import {
  compileAgents,
  compileAttestationKeys,
  compileIssuers,
  compileTrustDomains,
  type Placed,
} from "./identities.ts";
import { compilePrograms } from "./policy-programs.ts";
import { accessTokenPolicy, tokenIssuer } from "./schema/access-tokens.ts";
import { actPolicy } from "./schema/act.ts";
import { actionsPolicy } from "./schema/actions.ts";
import { oauthPolicy, sessionsPolicy, streamsPolicy, toolsPolicy } from "./schema/answers.ts";
import { attestationKey, attestationPolicy } from "./schema/attestation.ts";
import { auditPolicy } from "./schema/audit.ts";
import { type ShapedDocument, tenantDocument } from "./schema/document.ts";
import { ectPolicy } from "./schema/ect.ts";
import { evidencePolicy } from "./schema/evidence.ts";
import { agent, issuer, trustDomain } from "./schema/identities.ts";
import { observePolicy } from "./schema/observe.ts";
import { originPolicy } from "./schema/origin.ts";
import { policyOf } from "./schema/policy.ts";
import { signaturePolicy, webBotAuthPolicy } from "./schema/signature.ts";
import type { Tenant } from "./tenant.ts";
import { compileTokenIssuers } from "./token-issuers.ts";
import { pathTenantUrl } from "./urls.ts";

export type { Fault } from "./faults.ts";

const JSON_PROBLEMS: Record<JsonFault, string> = {
  empty: "is empty",
  not_json: "is not JSON (RFC 8259); comments and trailing commas are not taken",
  duplicate_key: "has an object with the same member twice",
  number: "has a number that not every parser reads alike",
  lone_surrogate: "has a string with a lone surrogate",
  too_deep: "is nested too deep",
  too_many_values: "has too many members and elements",
};

/**
 * Compiles a tenant document.
 *
 * @param text the JSON text as stored; its hash is the tenant's revision
 * @param gatewayUrl `GATEWAY_URL`: where path tenants are served
 * @returns the tenant, or all faults in the order of the document. Only a text that is not strict JSON (or too long)
 *   has one fault alone. Checks across entries leave out an entry that has not got its shape.
 */
export async function compileTenant(
  text: string,
  gatewayUrl: string,
): Promise<Result<Tenant, readonly Fault[]>> {
  const bytes = utf8(text);
  if (bytes.length > MAX_TENANT_BYTES) {
    return fail([{ path: "", problem: `has more than ${MAX_TENANT_BYTES} bytes` }]);
  }
  const json = parseStrictJson(text);
  if (!json.ok) return fail([{ path: "", problem: JSON_PROBLEMS[json.error] }]);
  const raw = json.value;

  const shaped = v.safeParse(tenantDocument, raw);
  const found: Found[] = (shaped.issues ?? []).map(fromIssue);
  const signature = field(raw, "signature");
  const algorithms = signature && signaturePolicy(signature.value);
  const agents = await compileAgents(entriesOf(agent, raw, "agents"), algorithms, found);
  // Filled when all keys are known; nobody looks before.
  const pinnedKeys = new Set<string>();
  const issuers = await compileIssuers(
    entriesOf(issuer, raw, "issuers"),
    agentNames(raw),
    agents.places,
    pinnedKeys,
    found,
  );
  const trustDomains = await compileTrustDomains(
    entriesOf(trustDomain, raw, "trustDomains"),
    issuers,
    agents.places,
    pinnedKeys,
    found,
  );
  const tokenIssuers = await compileTokenIssuers(
    entriesOf(tokenIssuer, isObject(raw) ? (raw.accessTokens ?? null) : null, "issuers"),
    [...[...issuers.values()].map(({ keys }) => keys), ...trustDomains.values()],
    agents.places,
    pinnedKeys,
    found,
  );
  const attestationKeys = await compileAttestationKeys(
    entriesOf(attestationKey, raw, "attestationKeys"),
    found,
  );
  const programs = await compilePrograms(field(raw, "policy")?.value ?? null, agentNames(raw), found);
  found.push(...checkTogether(raw, gatewayUrl));
  if (!shaped.success || found.length > 0) return fail(inDocumentOrder(raw, found));

  const revision = toBase64url(await sha256(bytes));
  const { places, ...registry } = agents;
  const owners = [...issuers.values(), ...tokenIssuers.values()];
  const rings = [...owners.map(({ keys }) => keys), ...trustDomains.values()];
  for (const thumbprint of places.keys.keys()) pinnedKeys.add(thumbprint);
  for (const { own } of rings) for (const { thumbprint } of own.values()) pinnedKeys.add(thumbprint);
  return ok({
    ...settings(shaped.output, gatewayUrl),
    policy: policyOf(shaped.output.policy, programs),
    revision,
    agents: registry,
    pinnedKeys,
    issuers,
    trustDomains,
    attestationKeys,
    tokenIssuers,
  });
}

/** The entries of a list that have their shape. */
function entriesOf<S extends v.GenericSchema>(schema: S, raw: JsonValue, name: string): readonly Placed<S>[] {
  const entries: JsonValue | undefined = isObject(raw) ? raw[name] : undefined;
  if (!Array.isArray(entries)) return [];
  return entries.flatMap((entry: JsonValue, i) => {
    const parsed = v.safeParse(schema, entry);
    return parsed.typed ? [{ at: [name, i], value: parsed.output }] : [];
  });
}

/** All names, also of agents with other faults: those must not make an issuer's list look wrong. */
function agentNames(raw: JsonValue): ReadonlySet<string> {
  const agents = isObject(raw) && Array.isArray(raw.agents) ? raw.agents : [];
  return new Set(
    agents
      .map((entry: JsonValue) => (isObject(entry) ? entry.name : null))
      .filter((n) => typeof n === "string"),
  );
}

/** What needs no key: a plain translation. */
function settings(
  document: ShapedDocument,
  gatewayUrl: string,
): Omit<
  Tenant,
  | "revision"
  | "agents"
  | "pinnedKeys"
  | "issuers"
  | "trustDomains"
  | "attestationKeys"
  | "tokenIssuers"
  | "policy"
> {
  const { id } = document;
  const publicUrl = document.publicUrl ?? pathTenantUrl(gatewayUrl, id);
  const { host: publicHost, pathname: publicPath } = new URL(publicUrl);
  return {
    id,
    publicUrl,
    publicHost,
    publicPath,
    ownHost: document.publicUrl === undefined ? null : publicHost,
    audiences: new Set(document.audiences ?? [publicUrl]),
    fingerprints: new Set(document.serverFingerprints ?? [publicUrl]),
    version: document.version,
    suspended: document.status === "suspended",
    allowedOrigins: new Set(document.allowedOrigins),
    maxBodyBytes: document.maxBodyBytes,
    origin: originPolicy(document.origin),
    evidenceRules: evidencePolicy(document.evidence),
    actions: actionsPolicy(document.actions),
    signature: signaturePolicy(document.signature),
    webBotAuth: webBotAuthPolicy(document.webBotAuth),
    act: actPolicy(document.act),
    ect: ectPolicy(document.ect),
    attestation: attestationPolicy(document.attestation),
    sessions: sessionsPolicy(document.sessions),
    streams: streamsPolicy(document.streams),
    oauth: oauthPolicy(document.oauth, document.accessTokens, publicUrl),
    tools: toolsPolicy(document.tools),
    audit: auditPolicy(document.audit),
    accessTokens: accessTokenPolicy(document.accessTokens),
    observe: observePolicy(document.observe),
  };
}
