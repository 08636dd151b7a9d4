import { component } from "../evidence/http-signature/fields.ts";
import { requiredComponents, WIMSE_TAG } from "../evidence/http-signature/profiles.ts";
import { makeSignature } from "../evidence/http-signature/sign.ts";
import { algorithmOf } from "../keys/algorithms.ts";
import type { Signer } from "./signer.ts";

/**
 * How a request is signed. `agent` covers everything that is decided upon. `wimse-07` and `wimse-06` do too, by those
 * revisions of draft-ietf-wimse-http-signature: for workloads, which prove their key with a WIT. `poc` is what the ACT/ECT
 * proof of concept sends: nothing but method, target, digest and ECT, for tenants that registered a key for it.
 */
export type SignatureProfile = "agent" | "poc" | "wimse-06" | "wimse-07";

/** What a signature says beside the message. */
export interface SignatureOptions {
  readonly signer: Signer;
  readonly profile: SignatureProfile;
  /** `wimse-aud` */
  readonly audience: string;
  /** Names of further headers to cover, lower case: those the tenant's document lists as forwarded. */
  readonly cover: readonly string[];
  /** Used once. */
  readonly nonce: string;
  /** Seconds. */
  readonly now: number;
  readonly lifetimeSeconds: number;
  /**
   * Takes no answer without a signature (`wimse-sign-response`), in `wimse` alone. Countersign streams what the origin says,
   * so it refuses such a request, and signs the refusal.
   */
  readonly demandSignedResponse?: boolean;
}

/**
 * Signs a request as it stands (RFC 9421): whatever is added to `headers` afterwards is not covered. `addEvidence`
 * does this last; alone it serves those who put a request together by hand.
 *
 * @param request.url absolute, without fragment, in the spelling in which it is sent
 * @returns the values of `Signature-Input` and `Signature`
 * @throws TypeError for a header that cannot be signed, such as one with other than ASCII characters
 * @example
 * import { generateSigner, signMessage } from "countersign/agent";
 *
 * const { signer } = await generateSigner({ alg: "ES256" });
 * const url = "https://mcp.example/mcp";
 * const headers = new Headers({ "act-mandate": "the mandate", accept: "text/event-stream" });
 * const { signatureInput, signature } = await signMessage({ method: "GET", url, headers }, {
 *   signer,
 *   profile: "agent",
 *   audience: url,
 *   cover: [],
 *   nonce: crypto.randomUUID(),
 *   now: Math.floor(Date.now() / 1000),
 *   lifetimeSeconds: 120,
 * });
 */
export async function signMessage(
  request: { readonly method: string; readonly url: string; readonly headers: Headers },
  options: SignatureOptions,
): Promise<{ signatureInput: string; signature: string }> {
  const { signer, profile, cover } = options;
  const algorithm = algorithmOf(signer.alg);
  const headers = new Map(request.headers);
  const required = requiredComponents(profile, [...headers.keys()], new Set(cover));
  // `poc` demands little, and may cover more.
  const names = new Set([...required, ...cover.filter((name) => headers.has(name))]);
  return makeSignature(
    { kind: "request", method: request.method, targetUri: request.url, headers },
    {
      components: [...names].map((name) => component(name)),
      parameters: new Map(Object.entries(parametersOf(options, algorithm.name))),
      label: "sig",
      sign: async (base) =>
        new Uint8Array(await crypto.subtle.sign(algorithm.webCrypto, signer.privateKey, base)),
    },
  );
}

function parametersOf(options: SignatureOptions, alg: string): Record<string, string | number | boolean> {
  const { signer, profile, audience, nonce, now, lifetimeSeconds, demandSignedResponse = false } = options;
  const key = { keyid: signer.kid, alg };
  const limits = { created: now, expires: now + lifetimeSeconds, nonce };
  switch (profile) {
    case "agent":
      return { ...limits, ...key, "wimse-aud": audience };
    case "poc":
      return { created: now, ...key, "wimse-aud": audience };
    case "wimse-06":
    case "wimse-07": {
      const demand = demandSignedResponse ? { "wimse-sign-response": true } : {};
      return { ...limits, tag: WIMSE_TAG, "wimse-aud": audience, ...demand };
    }
  }
}
