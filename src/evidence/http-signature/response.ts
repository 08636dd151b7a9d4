/** Signed answers in the profile `wimse` (draft-ietf-wimse-http-signature, "Response Signing"). */

import type { Parameters } from "structured-headers";
import { WIT_HEADER } from "../../evidence-headers.ts";
import { algorithmOf, verifyBytes } from "../../keys/algorithms.ts";
import type { VerificationKey } from "../../keys/key.ts";
import { RESPONSE_SIGNATURE_LIFETIME } from "../../limits.ts";
import type { Reason } from "../../reasons.ts";
import { fail, ok, type Result } from "../../result.ts";
import type { WimseProfile } from "../../tenant/tenant.ts";
import type { EdgeIdentity } from "../wit/identity.ts";
import { signatureBase } from "./base.ts";
import { contentDigest } from "./content-digest.ts";
import { type Component, component, type LabelledSignature } from "./fields.ts";
import type { SignedRequest, SignedResponse } from "./message.ts";
import { isNonce, isTime, mayBeInWimse, selectWimse, WIMSE_TAG, WIMSE_TARGET } from "./profiles.ts";
import { makeSignature } from "./sign.ts";
import { checkTime } from "./times.ts";

/** What an answer is signed with, and what for. */
export interface ResponseSigning {
  readonly identity: EdgeIdentity;
  readonly profile: WimseProfile;
  readonly request: SignedRequest;
  /** The `nonce` of the request's signature. */
  readonly requestNonce: string;
  /** Used once. */
  readonly nonce: string;
  /** Seconds. */
  readonly now: number;
}

/** The answer with its signature, and what that covers: the body is read for it, so it must be short and at hand. */
export async function signResponse(
  response: Response,
  { identity, profile, request, requestNonce, nonce, now }: ResponseSigning,
): Promise<Response> {
  const { status } = response;
  const body = new Uint8Array(await response.arrayBuffer());
  const headers = new Headers(response.headers);
  headers.set("content-digest", await contentDigest(body));
  headers.set(WIT_HEADER, identity.wit);
  // The digest is of these bytes: nobody may compress them on the way.
  headers.set("cache-control", "no-store, no-transform");
  const message: SignedResponse = { kind: "response", status, headers: new Map(headers), request };
  const { signatureInput, signature } = await makeSignature(message, {
    components: responseComponents(profile, message.headers),
    parameters: new Map<string, string | number>([
      ["created", now],
      ["expires", now + RESPONSE_SIGNATURE_LIFETIME],
      ["nonce", nonce],
      ["tag", WIMSE_TAG],
      ["wimse-req-nonce", requestNonce],
    ]),
    label: "wimse",
    sign: async (base) =>
      new Uint8Array(await crypto.subtle.sign(identity.algorithm.webCrypto, identity.privateKey, base)),
  });
  headers.set("signature-input", signatureInput);
  headers.set("signature", signature);
  return new Response(body, { status, headers });
}

const REQ: Parameters = new Map([["req", true]]);

const COVERED_WHEN_PRESENT: readonly string[] = ["content-type", "content-digest", WIT_HEADER];

/** What the signature of a response covers. */
const responseComponents = (
  profile: WimseProfile,
  headers: ReadonlyMap<string, string>,
): readonly Component[] => [
  component("@status"),
  ...["@method", ...WIMSE_TARGET[profile]].map((name) => component(name, REQ)),
  ...COVERED_WHEN_PRESENT.filter((name) => headers.has(name)).map((name) => component(name)),
];

export interface ExpectedResponse {
  readonly profile: WimseProfile;
  /** The `nonce` that the request's signature had. */
  readonly requestNonce: string;
  /** The key in the responder's WIT, which has been verified. */
  readonly key: VerificationKey;
  /** Seconds. */
  readonly now: number;
}

/**
 * Verifies the one signature of a response that has the tag of WIMSE: that it covers what the profile wants, is in time, and
 * answers this very request. The body has yet to be compared with the covered `Content-Digest`.
 */
export async function verifyResponse(
  response: SignedResponse,
  signatures: readonly LabelledSignature[],
  { profile, requestNonce, key, now }: ExpectedResponse,
): Promise<Result<void, Extract<Reason, `signature.${string}`>>> {
  const selected = selectWimse(signatures);
  if (!selected.ok) return selected;
  const chosen = selected.value;
  const { parameters, components } = chosen;
  const [created, expires] = [parameters.get("created"), parameters.get("expires")];
  if (!isTime(created) || !isTime(expires) || !isNonce(parameters.get("nonce")))
    return fail("signature.parameters");
  if (![...parameters.keys()].every((name) => mayBeInWimse(name, "response")))
    return fail("signature.parameters");
  // The earlier revision wants it only where the client does.
  if ((parameters.get("wimse-req-nonce") ?? (profile === "wimse-06" ? requestNonce : null)) !== requestNonce)
    return fail("signature.parameters");
  const covers = new Set(components.map(({ identifier }) => identifier));
  const required = responseComponents(profile, response.headers);
  if (!required.every(({ identifier }) => covers.has(identifier))) return fail("signature.coverage");
  const timeFault = checkTime(created, expires, now);
  if (timeFault !== null) return fail(timeFault);
  const base = signatureBase(response, chosen);
  if (!base.ok) return base;
  const isGood = await verifyBytes(algorithmOf(key.alg), key.key, chosen.bytes, base.value);
  return isGood ? ok(undefined) : fail("signature.mismatch");
}
