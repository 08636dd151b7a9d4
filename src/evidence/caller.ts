import { MANDATE_HEADERS } from "../evidence-headers.ts";
import type { Facts } from "../facts.ts";
import type { KeyFinder } from "../keys/source.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Agent, AgentKey, EvidenceKind, Tenant, Workload } from "../tenant/tenant.ts";
import { tokenPrincipal } from "./access-token/subject.ts";
import type { VerifiedAccessToken } from "./access-token/verify.ts";
import { lastAcceptable, type VerifiedMandate } from "./act/verify.ts";
import { agentKeys, type FindAgentKey, onlyKey } from "./agent-key.ts";
import { type Ect, parseEct } from "./ect/parse.ts";
import { type VerifiedEct, verifyEct } from "./ect/verify.ts";
import { checkContentDigest } from "./http-signature/content-digest.ts";
import { type LabelledSignature, plainIdentifier } from "./http-signature/fields.ts";
import { parseHttpSignature } from "./http-signature/parse.ts";
import {
  type SignatureContext,
  type VerifiedSignature,
  verifyRegistered,
  verifyWimse,
} from "./http-signature/verify.ts";
import { verifyWebBotAuth } from "./http-signature/web-bot-auth.ts";
import type { Presented } from "./presented.ts";
import { parseWit } from "./wit/parse.ts";
import { type VerifiedWit, verifyWit } from "./wit/verify.ts";

/**
 * What comes with the bearer to prove the caller, as found. The attestation is about the call and is taken later, and a WIT
 * is looked for where the agent is a workload.
 */
export interface CallerEvidence {
  readonly signature: Presented<readonly LabelledSignature[]>;
  readonly ect: Presented<Ect>;
}

/** Who is calling, proven. */
export type Caller = AgentCaller | TokenCaller;

/**
 * A mandate for an agent, and a message signed by a key of that agent, unless the tenant takes the message with the bearer
 * alone. The key is registered, or confirmed by a WIT.
 */
export interface AgentCaller {
  readonly kind: "agent";
  readonly agent: Agent;
  /** Of the key that signed, or that of the agent's bearer-only messages: with the principal it names the ledger. */
  readonly lane: number;
  readonly mandate: VerifiedMandate;
  /** Null where the message came with the bearer alone. */
  readonly signature: VerifiedSignature | null;
  readonly ect: VerifiedEct | null;
  /** What the key of the signature was taken from; null where it is a registered one. */
  readonly wit: VerifiedWit | null;
  readonly token: null;
}

/** The holder of an access token, who proved with each request to have the key that it is bound to, where it is bound to one. */
export interface TokenCaller {
  readonly kind: "token";
  readonly token: VerifiedAccessToken;
  readonly lane: 0;
  readonly agent: null;
  readonly mandate: null;
  readonly signature: null;
  readonly ect: null;
  readonly wit: null;
}

/** The principal, as decisions, ledgers and sessions name it. */
export const principalOf = (caller: Caller): string =>
  caller.kind === "agent" ? agentPrincipal(caller.agent) : tokenPrincipal(caller.token);

export const agentPrincipal = ({ name }: Pick<Agent, "name">): string => `agent:${name}`;

/** `iss` of the bearer. */
export const issuerOf = (caller: Caller): string =>
  caller.kind === "agent" ? caller.mandate.iss : caller.token.iss;

/** The last second at which the bearer can be accepted. */
export const bearerEnd = (caller: Caller): number =>
  lastAcceptable(caller.kind === "agent" ? caller.mandate : caller.token);

/** Whether the caller's signature covers a header: without that it may be anybody's. */
export const covers = (caller: Caller | null, header: string): boolean =>
  caller?.signature?.covers.has(plainIdentifier(header)) === true;

export interface CallerContext {
  readonly tenant: Tenant;
  readonly facts: Facts;
  /** The absolute URL that the caller means and signs: configured but for what is beside the public URL. */
  readonly target: string;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly bodySha256: Uint8Array;
  readonly keys: KeyFinder;
  /** Seconds. */
  readonly now: number;
}

/** Parses what is about the caller. Stage 4. */
export const parseCallerEvidence = (facts: Facts): CallerEvidence => ({
  signature: parseHttpSignature(facts.headers),
  ect: parseEct(facts.headers),
});

/** What the profile demands and the request does not have. Malformed evidence is there: it fails when verified. Stage 5. */
export function checkPresence(
  { signature, ect }: CallerEvidence,
  required: ReadonlySet<EvidenceKind>,
): Result<void, Reason> {
  // What an ECT uses up must be the signer's to use up.
  const needsSignature = required.has("signature") || ect.state !== "absent";
  if (signature.state === "absent" && needsSignature) return fail("signature.missing");
  if (ect.state === "absent" && required.has("ect")) return fail("ect.missing");
  return ok(undefined);
}

/**
 * Verifies WIT (of a workload), HTTP signature with Content-Digest, and ECT, in this order, and that they and the mandate
 * are of one agent and one key. Stage 6, and the first rule of stage 7. Which of the two kinds of proof an agent gives is
 * in the tenant document, never in the message. Without a signature, the agent that the mandate names, where the tenant
 * takes that; that no ECT comes without one is seen to by `checkPresence`.
 */
export async function verifyCaller(
  mandate: VerifiedMandate,
  evidence: CallerEvidence,
  context: CallerContext,
): Promise<Result<AgentCaller, Reason>> {
  if (evidence.signature.state === "absent") return bearerAlone(mandate);
  if (evidence.signature.state === "malformed") return fail(evidence.signature.reason);
  const { agent } = mandate;
  const proof = await (agent.workload === null
    ? proveByKey(evidence.signature.value, agent, context)
    : proveByWit(evidence.signature.value, agent, agent.workload, context));
  if (!proof.ok) return proof;
  const { signature, findKey, wit } = proof.value;
  // Its jti is chosen by an agent, so the ECT's naming it does not tie it to this request. Both carriers are equal, so one
  // of them will do.
  if (
    mandate.chain.length > 0 &&
    !MANDATE_HEADERS.some((name) => signature.covers.has(plainIdentifier(name)))
  )
    return fail("signature.mandate_uncovered");
  const { facts, body, bodySha256, tenant, now } = context;
  const digest = await checkContentDigest(facts.headers.get("content-digest"), body, bodySha256);
  if (!digest.ok) return digest;

  if (evidence.ect.state === "malformed") return fail(evidence.ect.reason);
  const ect =
    evidence.ect.state === "present"
      ? await verifyEct(evidence.ect.value, { tenant, findKey, signature, now })
      : ok(null);
  if (!ect.ok) return ect;

  const { key } = signature;
  if (agent !== key.agent) return fail("principal.mismatch");
  if (ect.value !== null) {
    if (ect.value.key.agent !== key.agent) return fail("principal.mismatch");
    // The ledger is named by the key's lane: two keys would give one request two homes.
    if (ect.value.key.thumbprint !== key.thumbprint) return fail("principal.key_mismatch");
  }
  return ok({ kind: "agent", agent, lane: key.lane, mandate, signature, ect: ect.value, wit, token: null });
}

/** A message that nothing proves but a bearer token: who sends it is whom the token names. */
function bearerAlone(mandate: VerifiedMandate): Result<AgentCaller, Reason> {
  const { agent } = mandate;
  if (agent.unsafeBearerOnly === null) return fail("signature.missing");
  const { lane } = agent.unsafeBearerOnly;
  return ok({ kind: "agent", agent, lane, mandate, signature: null, ect: null, wit: null, token: null });
}

/** A signature over the request, and the keys that its ECT may be signed with. */
interface Proof {
  readonly signature: VerifiedSignature;
  readonly findKey: FindAgentKey;
  readonly wit: VerifiedWit | null;
}

/** By a key that is registered. */
async function proveByKey(
  signatures: readonly LabelledSignature[],
  agent: Agent,
  context: CallerContext,
): Promise<Result<Proof, Reason>> {
  const findKey = agentKeys(agent, context.tenant, context.keys);
  const verified = await verifyRegistered(signatures, findKey, signatureContext(context));
  return verified.ok ? ok({ signature: verified.value, findKey, wit: null }) : verified;
}

/** By the key in a WIT of the agent's workload. */
async function proveByWit(
  signatures: readonly LabelledSignature[],
  agent: Agent,
  workload: Workload,
  context: CallerContext,
): Promise<Result<Proof, Reason>> {
  // Evidence of agents that are workloads alone; of others it is a header like any other, whatever it holds.
  const presented = parseWit(context.facts.headers);
  if (presented.state === "absent") return fail("wit.missing");
  if (presented.state === "malformed") return fail(presented.reason);
  const { tenant, keys, now } = context;
  const { trustDomains, signature: policy, pinnedKeys } = tenant;
  const wit = await verifyWit(presented.value, { trustDomains, policy, keys, now });
  if (!wit.ok) return wit;
  // Whose key it is, and what for, is said in the document where the document has the key.
  if (pinnedKeys.has(wit.value.key.thumbprint)) return fail("wit.confirmation");
  if (!workload.subjects.has(wit.value.subject)) return fail("principal.mismatch");

  const { profile, lane } = workload;
  const key: AgentKey = { ...wit.value.key, agent, profile, lane };
  const verified = await verifyWimse(signatures, key, signatureContext(context));
  return verified.ok ? ok({ signature: verified.value, findKey: onlyKey(key), wit: wit.value }) : verified;
}

/**
 * Judges signatures that say whose software the caller uses, where the tenant looks at them; after the caller is proven, so
 * that nobody else can make us fetch. They count for nothing but the record.
 *
 * @returns names of checks
 */
export async function verifyBots(
  { signature }: CallerEvidence,
  context: CallerContext,
): Promise<Result<readonly string[], Reason>> {
  const { webBotAuth: policy } = context.tenant;
  if (policy === null || signature.state !== "present") return ok([]);
  const { message, now } = signatureContext(context);
  const bots = await verifyWebBotAuth(signature.value, {
    message,
    policy,
    keys: context.keys,
    now,
  });
  if (!bots.ok) return bots;
  return ok(
    bots.value.map((bot) =>
      bot.state === "verified" ? `web-bot-auth:${bot.url}` : "web-bot-auth.unverified",
    ),
  );
}

const signatureContext = ({ tenant, facts, target, body, now }: CallerContext): SignatureContext => ({
  message: { kind: "request", method: facts.method, targetUri: target, headers: facts.headers },
  hasBody: body.length > 0,
  policy: tenant.signature,
  forwardHeaders: tenant.origin.forwardHeaders,
  audiences: tenant.audiences,
  now,
});
