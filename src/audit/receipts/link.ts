/** What ties a record to its call: the attestation, or without one a fixed projection of the call itself. */

import { digestOf } from "../../json/digest.ts";
import { isObject, type JsonObject } from "../../json/strict-json.ts";
import { type BackLink, FALLBACK_PROJECTION } from "./record.ts";

/**
 * The link to an attested call.
 *
 * @param attestation as received, signature and members that nobody modelled included: they are signed as well
 * @returns null for an attestation without a nonce
 */
export async function linkToAttestation(attestation: JsonObject): Promise<BackLink | null> {
  const issuer = attestation.issuerAsserted;
  const nonce = isObject(issuer) ? issuer.nonce : undefined;
  if (typeof nonce !== "string") return null;
  return {
    attestationDigest: await digestOf(attestation),
    attestationNonce: nonce,
    fallbackProjection: null,
  };
}

/**
 * The link to a call without an attestation that has `_meta.authorization_binding`. Tool, arguments and that block are
 * taken in; the rest of `_meta` may differ between who sends and who receives.
 *
 * @param params of the `tools/call`
 * @returns null where any of the three is missing, so that no link rests on less
 */
export async function linkToCall(params: JsonObject): Promise<BackLink | null> {
  const { name, arguments: callArguments, _meta } = params;
  const binding = isObject(_meta) ? _meta.authorization_binding : undefined;
  if (typeof name !== "string" || !isObject(callArguments) || !isObject(binding)) return null;
  const { nonce } = binding;
  if (typeof nonce !== "string" || nonce === "") return null;
  const projected = {
    projection: FALLBACK_PROJECTION,
    name,
    arguments: callArguments,
    authorizationBinding: binding,
  };
  return {
    attestationDigest: await digestOf(projected),
    attestationNonce: nonce,
    fallbackProjection: FALLBACK_PROJECTION,
  };
}

export const sameLink = (a: BackLink, b: BackLink): boolean =>
  a.attestationDigest === b.attestationDigest &&
  a.attestationNonce === b.attestationNonce &&
  a.fallbackProjection === b.fallbackProjection;
