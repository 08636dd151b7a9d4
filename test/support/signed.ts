/** Requests of an agent, signed as the `agent` profile asks. */

import type { BareItem } from "structured-headers";
import { contentDigest } from "../../src/evidence/http-signature/content-digest.ts";
import { component } from "../../src/evidence/http-signature/fields.ts";
import { makeSignature } from "../../src/evidence/http-signature/sign.ts";
import type { Facts } from "../../src/facts.ts";
import { AUDIENCE, BODY, facts, NOW } from "./acme.ts";
import type { Signer } from "./tokens.ts";

export interface Signing {
  readonly by: Signer;
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
  readonly body?: Uint8Array<ArrayBuffer>;
  /** undefined takes one away. */
  readonly parameters?: Readonly<Record<string, BareItem | undefined>>;
}

/** Facts of a request whose signature covers every header given and the digest of the body. */
export async function signedFacts({
  by,
  headers = {},
  method = "POST",
  body = BODY,
  parameters = {},
}: Signing): Promise<Facts> {
  const digest = body.length > 0 ? { "content-digest": await contentDigest(body) } : {};
  const all = { ...digest, ...headers };
  const signed = await makeSignature(
    { kind: "request", method, targetUri: AUDIENCE, headers: new Map(Object.entries(all)) },
    {
      components: ["@method", "@target-uri", ...Object.keys(all)].map((name) => component(name)),
      parameters: new Map(
        Object.entries<BareItem | undefined>({
          created: NOW,
          expires: NOW + 60,
          nonce: "n-1",
          keyid: by.kid,
          "wimse-aud": AUDIENCE,
          ...parameters,
        }).filter((entry): entry is [string, BareItem] => entry[1] !== undefined),
      ),
      label: "sig",
      sign: by.sign,
    },
  );
  return facts({ ...all, "signature-input": signed.signatureInput, signature: signed.signature }, { method });
}
