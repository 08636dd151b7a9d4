/** Proofs that the sender of a request has the key that its access token is bound to (DPoP, RFC 9449). */

import { sha256, toBase64url, utf8 } from "../../encoding.ts";
import { isObject, type JsonObject } from "../../json/strict-json.ts";
import { importVerificationKey } from "../../keys/hygiene.ts";
import type { OAuthAlgorithm } from "../../keys/key.ts";
import { DPOP_WINDOW, MAX_JTI_LENGTH } from "../../limits.ts";
import type { Reason } from "../../reasons.ts";
import { fail, ok, type Result } from "../../result.ts";
import { readIdentifier, readTime } from "../claims.ts";
import { decodeJws, type Jws, verifyJws } from "../jws.ts";
import { algorithmNamed } from "./algorithm.ts";

export const DPOP_HEADER = "dpop";

/** A proof with every claim typed, not yet verified. */
interface Proof {
  readonly jws: Jws;
  readonly alg: OAuthAlgorithm;
  readonly jwk: JsonObject;
  readonly jti: string;
  readonly htm: string;
  readonly htu: string;
  readonly iat: number;
  /** `exp`; none where it is absent, as it usually is. */
  readonly exp: number | null;
  readonly ath: string;
  readonly nonce: string | null;
}

/** What a proof must be of. */
export interface ProofContext {
  readonly method: string;
  /** The absolute URL that the client uses. */
  readonly target: string;
  /** The access token as it was sent, and the thumbprint of the key that it is bound to. */
  readonly token: string;
  readonly confirmation: string;
  /** Thumbprints of keys that the tenant document holds for something else. */
  readonly pinned: ReadonlySet<string>;
  /** Seconds. */
  readonly now: number;
}

export interface VerifiedProof {
  readonly jti: string;
  readonly iat: number;
  /** Whether it is one of ours is judged apart. */
  readonly nonce: string | null;
}

/**
 * Makes the checks of RFC 9449 section 4.3, but for the nonce. That the jti is not used again is seen to by the ledger.
 *
 * @param header value of `DPoP`; several header lines arrive joined by ", ", which is no JWS
 */
export async function verifyProof(
  header: string | undefined,
  { method, target, token, confirmation, pinned, now }: ProofContext,
): Promise<Result<VerifiedProof, Reason>> {
  if (header === undefined) return fail("dpop.missing");
  const read = readProof(header);
  if (!read.ok) return read;
  const proof = read.value;
  const key = await importVerificationKey(proof.jwk, [proof.alg]);
  if (!key.ok || pinned.has(key.value.thumbprint)) return fail("dpop.key");
  // First, so that who has only stolen a token cannot make us verify with keys of his own choice.
  if (key.value.thumbprint !== confirmation) return fail("dpop.confirmation");
  if (!(await verifyJws(proof.jws, key.value))) return fail("dpop.signature");
  if (proof.ath !== toBase64url(await sha256(utf8(token)))) return fail("dpop.token");
  if (proof.htm !== method) return fail("dpop.method");
  if (!isSameTarget(proof.htu, target)) return fail("dpop.target");
  // Both ends are those of the ledger, which forgets the jti afterwards.
  if (now > Math.min(proof.iat + DPOP_WINDOW, proof.exp ?? Number.POSITIVE_INFINITY))
    return fail("dpop.too_old");
  if (proof.iat > now + DPOP_WINDOW) return fail("dpop.in_future");
  return ok({ jti: proof.jti, iat: proof.iat, nonce: proof.nonce });
}

function readProof(text: string): Result<Proof, Reason> {
  const jws = decodeJws(text);
  if (!jws.ok) return fail("dpop.malformed");
  const { header, payload } = jws.value;
  if (header.typ !== "dpop+jwt") return fail("dpop.typ");
  const alg = algorithmNamed(header);
  if (alg === null) return fail("dpop.alg");
  if (header.crit !== undefined) return fail("dpop.crit");
  if (!isObject(header.jwk)) return fail("dpop.key");
  const claims = readClaims(payload);
  return claims === null ? fail("dpop.claims") : ok({ jws: jws.value, alg, jwk: header.jwk, ...claims });
}

function readClaims(payload: JsonObject): Omit<Proof, "jws" | "alg" | "jwk"> | null {
  const jti = readIdentifier(payload.jti, MAX_JTI_LENGTH);
  const htm = readIdentifier(payload.htm);
  const htu = readIdentifier(payload.htu);
  const iat = readTime(payload.iat);
  const exp = readTime(payload.exp);
  const ath = readIdentifier(payload.ath);
  const nonce = readIdentifier(payload.nonce);
  if (jti === null || htm === null || htu === null || iat === null || ath === null) return null;
  if ((payload.exp !== undefined && exp === null) || (payload.nonce !== undefined && nonce === null))
    return null;
  return { jti, htm, htu, iat, exp, ath, nonce };
}

/**
 * RFC 9449 section 4.3, check 9: both without query and fragment, the proof's by definition (section 4.2), and compared as URLs, so that
 * case of the host and the default port do not count.
 */
function isSameTarget(htu: string, target: string): boolean {
  // A backslash has no place in a URI, but URL takes it for a slash.
  if (/[?#\\]/.test(htu)) return false;
  const url = new URL(target);
  url.search = "";
  url.hash = "";
  return URL.parse(htu)?.href === url.href;
}
