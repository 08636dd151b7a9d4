/**
 * Signatures of agents of the web (draft-meunier-webbotauth-httpsig-protocol-02): they say whose software this is, and
 * authorise nothing.
 */

import { isInnerList, Token } from "structured-headers";
import { algorithmOf, verifyBytes } from "../../keys/algorithms.ts";
import type { KeyAlgorithm } from "../../keys/key.ts";
import type { KeyFinder } from "../../keys/source.ts";
import { ok, type Result } from "../../result.ts";
import { signatureAgentUrl } from "../../tenant/schema/signature.ts";
import type { WebBotAuthPolicy } from "../../tenant/tenant.ts";
import { signatureBase } from "./base.ts";
import { strictDictionary, strictItem } from "./dictionary.ts";
import type { LabelledSignature } from "./fields.ts";
import type { SignedRequest } from "./message.ts";
import { isTime, WEB_BOT_AUTH_TAG } from "./profiles.ts";
import { checkTime } from "./times.ts";

export interface WebBotAuthContext {
  readonly message: SignedRequest;
  readonly policy: WebBotAuthPolicy;
  readonly keys: KeyFinder;
  /** Seconds. */
  readonly now: number;
}

/** The URL of the agent that signed, as it was resolved; or that nobody can tell who it was. */
export type BotAuth = { readonly state: "verified"; readonly url: string } | { readonly state: "unverified" };

/**
 * Judges every signature with the tag, each alone. One that is wrong fails the request: an agent that is not who it claims
 * to be is none to serve. One of an agent that the tenant does not list, or whose keys cannot be had now, proves nothing.
 */
export async function verifyWebBotAuth(
  signatures: readonly LabelledSignature[],
  context: WebBotAuthContext,
): Promise<Result<readonly BotAuth[], "signature.web_bot_auth">> {
  const judged: BotAuth[] = [];
  for (const signature of signatures) {
    if (signature.parameters.get("tag") !== WEB_BOT_AUTH_TAG) continue;
    const one = await judge(signature, signatures, context);
    if (!one.ok) return one;
    judged.push(one.value);
  }
  return ok(judged);
}

/** What the tenant takes from its own agents says nothing of the agents of the web: a good key of theirs is no forgery. */
const BOT_ALGORITHMS = ["ES256", "ES384", "EdDSA", "PS512"] as const satisfies readonly KeyAlgorithm[];

const INVALID = { ok: false, error: "signature.web_bot_auth" } as const;

async function judge(
  signature: LabelledSignature,
  all: readonly LabelledSignature[],
  { message, policy, keys, now }: WebBotAuthContext,
): Promise<Result<BotAuth, "signature.web_bot_auth">> {
  const { parameters, components } = signature;
  const keyid = parameters.get("keyid");
  if (typeof keyid !== "string" || !THUMBPRINT.test(keyid) || EXAMPLE_KEYS.has(keyid)) return INVALID;
  if (!isInTime(parameters.get("created"), parameters.get("expires"), policy.maxLifetime, now))
    return INVALID;
  const covers = new Set(components.map(({ identifier }) => identifier));
  if (!covers.has('"@authority"') && !covers.has('"@target-uri"')) return INVALID;
  if (!coversWhatItSigns(signature, all, covers)) return INVALID;
  const claim = claimOf(signature, message.headers.get("signature-agent") ?? "");
  const url = claim && signatureAgentUrl(claim.url, claim.form);
  if (claim === null || url === null) return INVALID;

  const source = policy.agents.get(url);
  if (source?.form !== claim.form) return ok({ state: "unverified" });
  const key = await keys(source, { kid: keyid, algorithms: BOT_ALGORITHMS, x5c: null }, "network");
  if (!key.ok) return key.error === "unavailable" ? ok({ state: "unverified" }) : INVALID;
  const algorithm = algorithmOf(key.value.alg);
  const alg = parameters.get("alg");
  if (key.value.thumbprint !== keyid || (alg !== undefined && alg !== algorithm.name)) return INVALID;
  const base = signatureBase(message, signature);
  const isGood = base.ok && (await verifyBytes(algorithm, key.value.key, signature.bytes, base.value));
  return isGood ? ok({ state: "verified", url }) : INVALID;
}

/** base64url of a SHA-256. */
const THUMBPRINT = /^[A-Za-z0-9_-]{43}$/;

/** RFC 9421 appendix B.1: everybody has the private keys of test-key-rsa, -rsa-pss, -ecc-p256 and -ed25519. */
const EXAMPLE_KEYS: ReadonlySet<string> = new Set([
  "BHj8s0GPnMEQtkaULIM-PLgEhLBbuGUQ1vMxmBWZzEo",
  "oD0HwocPBSfpNy5W3bpJeyFGY_IQ_YpqxSjQ3Yd-CLA",
  "ydQXMtvbsOsZyFir-Y7A8t7fKEM1gbKPvyFkdpu4fvI",
  "poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U",
]);

function isInTime(created: unknown, expires: unknown, maxLifetime: number, now: number): boolean {
  return isTime(created) && isTime(expires) && checkTime(created, expires, now, maxLifetime) === null;
}

/** To cover another signature says nothing of what that one covers, unless it is covered too (RFC 9421 section 7.3.7). */
function coversWhatItSigns(
  { components }: LabelledSignature,
  all: readonly LabelledSignature[],
  covers: ReadonlySet<string>,
): boolean {
  return components.every(({ name, parameters }) => {
    const label = parameters.get("key");
    if (name !== "signature") return true;
    const inner = all.find((other) => other.label === label);
    return (
      inner !== undefined &&
      covers.has(`"signature-input";key="${inner.label}"`) &&
      inner.components.every(({ identifier }) => covers.has(identifier))
    );
  });
}

/** What an agent says of itself: a URL, and what kind of document is behind it. */
interface Claim {
  readonly url: string;
  readonly form: string;
}

/**
 * What the covered member of `Signature-Agent` says; null where there is none or it is not clear which. Of several
 * covered members the one that is called like the signature counts. A bare String is one member, covered whole.
 */
function claimOf({ label, components }: LabelledSignature, field: string): Claim | null {
  const covering = components.filter(({ name }) => name === "signature-agent");
  if (field.startsWith('"')) {
    const item = covering.some(({ parameters }) => parameters.size === 0) ? strictItem(field) : null;
    return typeof item?.[0] === "string" ? { url: item[0], form: "directory" } : null;
  }
  const agents = strictDictionary(field);
  const members = covering.map(({ parameters }) =>
    parameters.size === 1 ? parameters.get("key") : undefined,
  );
  const key = members.find((member) => member === label) ?? (members.length === 1 ? members[0] : undefined);
  const member = typeof key === "string" ? agents?.get(key) : undefined;
  if (member === undefined || isInnerList(member) || typeof member[0] !== "string") return null;
  const type = member[1].get("type");
  if (type !== undefined && !(type instanceof Token)) return null;
  return { url: member[0], form: type === undefined ? "directory" : type.toString() };
}
