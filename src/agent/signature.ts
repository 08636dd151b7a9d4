import { algorithmOf } from "../evidence/http-signature/algorithms.ts";
import { component } from "../evidence/http-signature/fields.ts";
import { requiredComponents } from "../evidence/http-signature/profiles.ts";
import { signRequest } from "../evidence/http-signature/sign.ts";
import type { Signer } from "./signer.ts";

/**
 * How a request is signed. `agent` covers everything that is decided upon. `poc` is what the ACT/ECT proof of
 * concept sends: nothing but method, target, digest and ECT, for tenants that registered a key for it.
 */
export type SignatureProfile = "agent" | "poc";

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
  { signer, profile, audience, cover, nonce, now, lifetimeSeconds }: SignatureOptions,
): Promise<{ signatureInput: string; signature: string }> {
  const algorithm = algorithmOf(signer.alg);
  if (algorithm === undefined) throw new TypeError(`${signer.alg} signs no HTTP messages`);
  const headers = new Map(request.headers);
  const names = requiredComponents(profile, [...headers.keys()], new Set(cover));
  const limits = { expires: now + lifetimeSeconds, nonce };
  const parameters = {
    created: now,
    ...(profile === "agent" && limits),
    keyid: signer.kid,
    alg: algorithm.name,
    "wimse-aud": audience,
  };
  return signRequest(
    { method: request.method, targetUri: request.url, headers },
    {
      components: names.map((name) => component(name)),
      parameters: new Map(Object.entries(parameters)),
      label: "sig",
      sign: async (base) =>
        new Uint8Array(await crypto.subtle.sign(algorithm.webCrypto, signer.privateKey, base)),
    },
  );
}
