/** What the profiles of the caller's own signature demand: which components are covered, which parameters are there. */

import type { Parameters } from "structured-headers";
import { ECT_HEADERS, SIGNED_EVIDENCE_HEADERS, WIT_HEADER } from "../../evidence-headers.ts";
import { MAX_JTI_LENGTH } from "../../limits.ts";
import { fail, ok, type Result } from "../../result.ts";
import type { SignatureProfile } from "../../tenant/tenant.ts";
import type { LabelledSignature } from "./fields.ts";

/** The `tag` of WIMSE signatures, of requests and responses (draft-ietf-wimse-http-signature section 3). */
export const WIMSE_TAG = "wimse-workload-to-workload";

/** The one signature with the tag of WIMSE, of a request or a response. */
export function selectWimse(
  signatures: readonly LabelledSignature[],
): Result<LabelledSignature, "signature.missing" | "signature.not_one"> {
  const [chosen, ...others] = signatures.filter(({ parameters }) => parameters.get("tag") === WIMSE_TAG);
  if (chosen === undefined) return fail("signature.missing");
  return others.length === 0 ? ok(chosen) : fail("signature.not_one");
}

/** The `tag` of signatures that say whose software this is (draft-meunier-webbotauth-httpsig-protocol). */
export const WEB_BOT_AUTH_TAG = "web-bot-auth";

/**
 * Headers that `agent` and `wimse` cover whenever they are present, beside all that begin with `mcp-` and those the
 * tenant forwards: something is decided from each, or the origin reads it as the caller's word. So a header that
 * somebody adds to a captured request is noticed.
 *
 * Left out are `accept`, `user-agent`, `host` and the trace context, which fetch implementations and proxies add or
 * rewrite after signing, and `origin`, which a browser adds on its own; no admission rests on any of them being
 * the caller's.
 */
const COVERED_WHEN_PRESENT: ReadonlySet<string> = new Set([
  ...SIGNED_EVIDENCE_HEADERS,
  "content-encoding",
  "content-type",
  "last-event-id",
]);

/** What draft-ietf-wimse-http-signature section 3 adds to these. */
const COVERED_IN_WIMSE: ReadonlySet<string> = new Set(["txn-token", WIT_HEADER]);

/**
 * Names of the components a signature of the profile must cover, each without parameters.
 * That a body comes with `Content-Digest` at all is checked in `verify.ts`.
 *
 * @param headers names of the message's headers, lower case
 * @param forwardHeaders names of the further headers that this tenant's origin receives, lower case
 */
export function requiredComponents(
  profile: SignatureProfile,
  headers: readonly string[],
  forwardHeaders: ReadonlySet<string>,
): readonly string[] {
  const isRead = (name: string): boolean =>
    COVERED_WHEN_PRESENT.has(name) || name.startsWith("mcp-") || forwardHeaders.has(name);
  switch (profile) {
    case "agent":
      return ["@method", "@target-uri", ...headers.filter(isRead)];
    case "wimse-06":
    case "wimse-07":
      return [
        "@method",
        ...WIMSE_TARGET[profile],
        ...headers.filter((name) => COVERED_IN_WIMSE.has(name) || isRead(name)),
      ];
    case "poc": {
      const ect = ECT_HEADERS.filter((name) => headers.includes(name));
      return ["@method", "@target-uri", "content-digest", ...(ect.length > 0 ? ect : ["wimse-ect"])];
    }
  }
}

/** How the two revisions name the target. */
export const WIMSE_TARGET = {
  "wimse-06": ["@request-target"],
  "wimse-07": ["@path", "@query"],
} as const;

/** The parameters we act on, typed. Times are NumericDate seconds. */
export interface SignedParameters {
  readonly created: number;
  readonly expires: number | null;
  readonly nonce: string | null;
  /** `wimse-aud`. */
  readonly audience: string;
  /** `wimse-sign-response`: the caller takes no answer that is not signed. */
  readonly demandsSignedResponse: boolean;
}

/** The parameters of a signature; null where one that the profile requires is missing or one has the wrong type. */
export function readParameters(profile: SignatureProfile, parameters: Parameters): SignedParameters | null {
  const created = parameters.get("created");
  const expires = parameters.get("expires") ?? null;
  const nonce = parameters.get("nonce") ?? null;
  const audience = parameters.get("wimse-aud");
  const tag = parameters.get("tag") ?? "";
  if (!isTime(created) || typeof audience !== "string" || typeof tag !== "string") return null;
  if (expires !== null && !isTime(expires)) return null;
  if (nonce !== null && !isNonce(nonce)) return null;
  if (profile !== "poc" && (expires === null || nonce === null)) return null;
  const isWimse = profile === "wimse-06" || profile === "wimse-07";
  const demand = parameters.get("wimse-sign-response");
  // A demand that only WIMSE can make is refused elsewhere: its caller would take an unsigned answer for a signed one.
  if (demand !== undefined && (!isWimse || typeof demand !== "boolean")) return null;
  if (isWimse && ![...parameters.keys()].every((name) => mayBeInWimse(name, "request"))) return null;
  return { created, expires, nonce, audience, demandsSignedResponse: demand === true };
}

/** WIMSE's own parameters, by the side they belong to. */
const WIMSE_PARAMETERS = {
  request: ["wimse-aud", "wimse-sign-response"],
  response: ["wimse-req-nonce"],
} as const satisfies Record<string, readonly string[]>;

/** Key and algorithm are those of the WIT alone, and of WIMSE's own parameters each belongs to one side. */
export const mayBeInWimse = (parameter: string, side: keyof typeof WIMSE_PARAMETERS): boolean =>
  parameter !== "keyid" &&
  parameter !== "alg" &&
  (!parameter.startsWith("wimse-") || WIMSE_PARAMETERS[side].some((own) => own === parameter));

/**
 * Checks `alg`, which confirms the algorithm of the key and never chooses one.
 * `agent` may leave it out; `poc` has it always, and only as ecdsa-p256-sha256; in `wimse` it is forbidden.
 */
export function checkAlg(
  profile: SignatureProfile,
  alg: unknown,
  ofKey: string,
): "signature.alg" | "signature.parameters" | null {
  if (alg === undefined) return profile === "poc" ? "signature.parameters" : null;
  if (alg !== ofKey) return "signature.alg";
  return profile === "poc" && alg !== "ecdsa-p256-sha256" ? "signature.alg" : null;
}

/** A NumericDate as a parameter has it; that it is spelt as a plain Integer was seen to when it was read. */
export const isTime = (value: unknown): value is number => Number.isSafeInteger(value);

export const isNonce = (value: unknown): value is string =>
  typeof value === "string" && value.length > 0 && value.length <= MAX_JTI_LENGTH;
