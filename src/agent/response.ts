import { seconds } from "../clock.ts";
import { sha256 } from "../encoding.ts";
import { checkContentDigest } from "../evidence/http-signature/content-digest.ts";
import type { SignedRequest, SignedResponse } from "../evidence/http-signature/message.ts";
import { parseHttpSignature } from "../evidence/http-signature/parse.ts";
import { verifyResponse } from "../evidence/http-signature/response.ts";
import { checkWit } from "../evidence/wit/check.ts";
import { parseWit } from "../evidence/wit/parse.ts";
import { importVerificationKey } from "../keys/hygiene.ts";
import { WIT_ALGORITHMS } from "../keys/key.ts";
import type { Reason } from "../reasons.ts";
import { fail, type Result } from "../result.ts";
import type { PublicJwk } from "./signer.ts";

/** Who has to have signed an answer, and which request it has to be for. */
export interface ExpectedAnswer {
  readonly request: { readonly method: string; readonly url: string | URL };
  /** The nonce of the request's signature: `nonce` of its `Evidence`. */
  readonly requestNonce: string;
  /** The profile of the request. */
  readonly profile: "wimse-06" | "wimse-07";
  /** The workload identifier of the server. */
  readonly subject: string;
  /** The keys of its trust domain. */
  readonly keys: readonly PublicJwk[];
  /** Seconds, whole; the machine's clock without it. */
  readonly now?: number;
}

/**
 * Verifies an answer that was demanded signed (`demandSignedResponse`): the server's WIT, its signature over status, request
 * and body, and the body itself. The body is read from a copy, so the response can be used afterwards.
 *
 * @returns the reason where it is not what was demanded: then nothing in it may be relied on
 * @throws TypeError for a key in `keys` that is none
 */
export async function verifyAnswer(
  response: Response,
  { request, requestNonce, profile, subject, keys, now = seconds() }: ExpectedAnswer,
): Promise<Result<void, Reason>> {
  const headers = new Map(response.headers);
  const presented = parseWit(headers);
  const parsed = parseHttpSignature(headers);
  if (presented.state !== "present")
    return fail(presented.state === "absent" ? "wit.missing" : presented.reason);
  if (parsed.state !== "present")
    return fail(parsed.state === "absent" ? "signature.missing" : parsed.reason);

  const { kid } = presented.value;
  const anchor = keys.find((jwk) => jwk.kid === kid);
  if (anchor === undefined) return fail("wit.key_unknown");
  const imported = await importVerificationKey(anchor, WIT_ALGORITHMS);
  if (!imported.ok) throw new TypeError(imported.error);
  const key = await checkWit(presented.value, imported.value, WIT_ALGORITHMS, now);
  if (!key.ok) return key;
  if (presented.value.subject !== subject) return fail("principal.mismatch");

  const target = new URL(request.url);
  target.hash = "";
  const asked: SignedRequest = {
    kind: "request",
    method: request.method.toUpperCase(),
    targetUri: target.href,
    headers: new Map(),
  };
  const answer: SignedResponse = { kind: "response", status: response.status, headers, request: asked };
  const expected = { profile, requestNonce, key: key.value, now };
  const verified = await verifyResponse(answer, parsed.value, expected);
  if (!verified.ok) return verified;
  const body = new Uint8Array(await response.clone().arrayBuffer());
  return checkContentDigest(headers.get("content-digest"), body, await sha256(body));
}
