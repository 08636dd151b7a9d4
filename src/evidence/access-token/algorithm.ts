import type { JsonObject } from "../../json/strict-json.ts";
import { OAUTH_ALGORITHMS, type OAuthAlgorithm } from "../../keys/key.ts";

/** The algorithm that a JOSE header names, under the name that keys have here; null for one that is not taken. */
export function algorithmNamed({ alg }: JsonObject): OAuthAlgorithm | null {
  // RFC 9864 gives EdDSA with this curve a name of its own.
  const name = alg === "Ed25519" ? "EdDSA" : alg;
  return OAUTH_ALGORITHMS.find((one) => one === name) ?? null;
}
