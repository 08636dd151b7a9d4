/** An identity provider (OpenID Connect) on loopback, reached through a binding: authorization code with PKCE, tokens signed with a real key. */

import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { listen } from "../support/web-server.ts";

export const PROVIDER = "https://idp.example";
export const CLIENT = "countersign";
export const CLIENT_SECRET = "a client secret: with & and %";

export interface IdentityProvider {
  /** `127.0.0.1:PORT` */
  readonly address: string;
  /** What the next ID token says, beside what it must. */
  claims: Readonly<Record<string, unknown>>;
  /** Signs the next ID token with a key that is not published. */
  forges: boolean;
  /** The paths that were asked for. */
  readonly asked: string[];
  /** Signs somebody in who was sent to `url`, and gives the URL to go back to. */
  authorize(url: string): string;
  close(): Promise<void>;
}

interface Grant {
  readonly nonce: string | null;
  readonly challenge: string | null;
  readonly redirectUri: string | null;
}

export async function startIdentityProvider(): Promise<IdentityProvider> {
  const [keys, others] = await Promise.all([generateKeyPair("RS256"), generateKeyPair("RS256")]);
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: "idp-1", alg: "RS256", use: "sig" };
  const grants = new Map<string, Grant>();
  const asked: string[] = [];

  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", PROVIDER);
    asked.push(pathname);
    const answer = (status: number, body: object) =>
      void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    switch (pathname) {
      case "/.well-known/openid-configuration":
        return answer(200, {
          issuer: PROVIDER,
          authorization_endpoint: `${PROVIDER}/authorize`,
          token_endpoint: `${PROVIDER}/token`,
          jwks_uri: `${PROVIDER}/jwks`,
          authorization_response_iss_parameter_supported: true,
        });
      case "/jwks":
        return answer(200, { keys: [jwk] });
      case "/token": {
        const form = new URLSearchParams(await text(request));
        const code = form.get("code") ?? "";
        const grant = grants.get(code);
        grants.delete(code);
        const verifier = createHash("sha256").update(form.get("code_verifier") ?? "");
        const isClient = request.headers.authorization === basic(CLIENT, CLIENT_SECRET);
        const isGranted =
          grant !== undefined &&
          grant.challenge === verifier.digest("base64url") &&
          grant.redirectUri === form.get("redirect_uri");
        if (!isClient || !isGranted) return answer(400, { error: "invalid_grant" });
        const token = await new SignJWT({ nonce: grant.nonce, ...provider.claims })
          .setProtectedHeader({ alg: "RS256", kid: "idp-1" })
          .setIssuer(String(provider.claims.iss ?? PROVIDER))
          .setAudience(String(provider.claims.aud ?? CLIENT))
          .setIssuedAt()
          .setExpirationTime("5m")
          .sign(provider.forges ? others.privateKey : keys.privateKey);
        return answer(200, { access_token: "opaque", token_type: "Bearer", id_token: token });
      }
      default:
        return answer(404, {});
    }
  });
  const { origin, close } = await listen(server);

  const provider: IdentityProvider = {
    address: new URL(origin).host,
    claims: { sub: "alice" },
    forges: false,
    asked,
    authorize(url) {
      const { origin: at, pathname, searchParams: asks } = new URL(url);
      if (at + pathname !== `${PROVIDER}/authorize`) throw new Error(`sent to ${url}`);
      if (asks.get("client_id") !== CLIENT || asks.get("code_challenge_method") !== "S256")
        throw new Error(`asked for ${asks}`);
      const code = crypto.randomUUID();
      const redirectUri = asks.get("redirect_uri");
      grants.set(code, { nonce: asks.get("nonce"), challenge: asks.get("code_challenge"), redirectUri });
      const back = new URL(redirectUri ?? "");
      back.searchParams.set("code", code);
      back.searchParams.set("state", asks.get("state") ?? "");
      back.searchParams.set("iss", PROVIDER);
      return back.href;
    },
    close,
  };
  return provider;
}

/** RFC 6749 section 2.3.1. */
const basic = (name: string, secret: string): string =>
  `Basic ${Buffer.from([name, secret].map(formEncode).join(":")).toString("base64")}`;

const formEncode = (value: string): string => new URLSearchParams({ v: value }).toString().slice(2);
