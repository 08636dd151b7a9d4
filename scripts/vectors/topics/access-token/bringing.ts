/** Requests that come with an access token in place of a mandate, and tenants that take those. */

import { type Call, makeCall, type Target } from "../../make/call.ts";
import type { Draft } from "../../make/case.ts";
import { key } from "../../make/keys.ts";
import type { Message } from "../../make/message.ts";
import { base64url, makeToken, sha256, type TokenChanges, utf8 } from "../../make/tokens.ts";

export const AUTH = "https://auth.example";

type Section = NonNullable<Draft["accessTokens"]>;

/** Tokens of one authorization server for this tenant, with the scope `tools`, of whom these may call every tool: all of them, or one. */
export const taking = (changes: Partial<Section> = {}, subject: { readonly subject?: string } = {}) => ({
  change: (d: Draft) => {
    d.accessTokens = {
      issuers: [{ iss: AUTH, keys: [key("auth").publicJwk, key("auth-es256").publicJwk] }],
      scopes: [{ tools: ["sealed"], require: ["tools", "sealed"] }, { require: ["tools"] }],
      ...changes,
    };
    d.policy?.grants?.push({ subjects: [{ issuer: AUTH, ...subject }], scope: "read" });
  },
});

/** RFC 7638 thumbprint of a P-256 key. */
export async function thumbprintOf(name: string): Promise<string> {
  const { crv, kty, x, y } = key(name).publicJwk;
  return base64url(await sha256(utf8(JSON.stringify({ crv, kty, x, y }))));
}

const jwkOf = (name: string): object => {
  const { kid: _, ...jwk } = key(name).publicJwk;
  return jwk;
};

export interface Bringing {
  /** Changes of the token, which `auth` signs. */
  readonly token?: TokenChanges;
  /** Changes of the proof, which `holder` signs; null: none. */
  readonly proof?: TokenChanges | null;
  readonly scheme?: string;
  /** What else there is to the call. */
  readonly call?: Call;
}

/** A call with a bound token and a proof for it: the token is `token-1` in every step, the proof `proof-` and the step. */
export const bringing =
  ({ token: tokenChanges, proof: proofChanges, scheme = "DPoP", call = {} }: Bringing = {}) =>
  async (target: Target): Promise<Message> => {
    const { url, now, begun, step } = target;
    const claims = {
      iss: AUTH,
      sub: "client-1",
      aud: url,
      iat: begun,
      exp: begun + 900,
      jti: "token-1",
      client_id: "client-1",
      scope: "tools",
      cnf: { jkt: await thumbprintOf("holder") },
    };
    const token = await makeToken("at+jwt", "auth", claims, tokenChanges);
    const ath = base64url(await sha256(utf8(token)));
    const htm = call.method ?? "POST";
    const proof = await makeToken(
      "dpop+jwt",
      "holder",
      { jti: `proof-${step}`, htm, htu: url, iat: now, ath },
      {
        ...proofChanges,
        header: { kid: undefined, jwk: jwkOf(proofChanges?.by ?? "holder"), ...proofChanges?.header },
      },
    );
    return makeCall(target, {
      mandate: null,
      ect: null,
      digest: null,
      signature: null,
      ...call,
      headers: {
        Authorization: `${scheme} ${token}`,
        ...(proofChanges !== null && { DPoP: proof }),
        ...call.headers,
      },
    });
  };

/** The same with a token that is bound to no key. */
export const unbound = ({ token, ...more }: Bringing = {}) =>
  bringing({
    scheme: "Bearer",
    proof: null,
    ...more,
    token: { ...token, claims: { cnf: undefined, ...token?.claims } },
  });
