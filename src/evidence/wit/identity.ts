import { isObject, type JsonObject, parseStrictJson } from "../../json/strict-json.ts";
import { algorithmOf, type SignatureAlgorithm } from "../../keys/algorithms.ts";
import { WIT_ALGORITHMS } from "../../keys/key.ts";
import { importSigningKey } from "../../keys/signing.ts";
import { readWit } from "./parse.ts";

/** What a deployment signs answers with: its own workload identity token, and the private key that the token confirms. */
export interface EdgeIdentity {
  readonly wit: string;
  readonly algorithm: SignatureAlgorithm;
  readonly privateKey: CryptoKey;
}

/** The text that was read last, and what it gave: the secret of a deployment changes only with a new isolate. */
let known: { readonly text: string; readonly identity: EdgeIdentity | null } | null = null;

/**
 * Reads the secret `WIMSE_IDENTITY`: JSON with `wit`, a token in compact form, and `privateJwk`, the private key of its
 * `cnf.jwk`.
 *
 * @returns null where it is absent or has any other form: then no answer is signed
 */
export async function readEdgeIdentity(text: string | null): Promise<EdgeIdentity | null> {
  if (text === null) return null;
  if (known?.text === text) return known.identity;
  const json = parseStrictJson(text);
  const identity = json.ok && isObject(json.value) ? await importIdentity(json.value) : null;
  if (identity === null) console.error(JSON.stringify({ event: "wimse_identity.malformed" }));
  known = { text, identity };
  return identity;
}

async function importIdentity({ wit, privateJwk }: JsonObject): Promise<EdgeIdentity | null> {
  const token = typeof wit === "string" ? readWit(wit) : null;
  if (typeof wit !== "string" || !token?.ok || !isObject(privateJwk)) return null;
  // The public half is the token's, so that what is signed is what the token says can verify it.
  const key = await importSigningKey({ ...token.value.confirmed }, privateJwk, WIT_ALGORITHMS);
  return key && { wit, algorithm: algorithmOf(key.public.alg), privateKey: key.private };
}
