/** A small OAuth authorization server on loopback: metadata, JWK set, and a token endpoint with the client credentials grant and DPoP. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import {
  calculateJwkThumbprint,
  EmbeddedJWK,
  exportJWK,
  generateKeyPair,
  type JWK,
  jwtVerify,
  SignJWT,
} from "jose";
import { listen } from "../support/web-server.ts";

export interface AuthorizationServer {
  readonly issuer: string;
  /** `127.0.0.1:PORT` */
  readonly address: string;
  /** The scopes of every token that was asked for, in order. */
  readonly asked: string[];
  /** Further JSON documents by host and path, such as `client.example/metadata.json`. */
  readonly pages: Map<string, object>;
  /** An access token, as the token endpoint makes them. */
  issue(claims: Readonly<Record<string, unknown>>): Promise<string>;
  close(): Promise<void>;
}

export const SECRET = "of-the-client";

export async function startAuthorizationServer(): Promise<AuthorizationServer> {
  const { privateKey, publicKey } = await generateKeyPair("RS256");
  const jwk: JWK = { ...(await exportJWK(publicKey)), kid: "as-1" };
  const asked: string[] = [];
  const pages = new Map<string, object>();
  let issuer = "";

  const issue: AuthorizationServer["issue"] = (claims) =>
    new SignJWT({ client_id: "client-1", sub: "client-1", scope: "tools", ...claims })
      .setProtectedHeader({ typ: "at+jwt", alg: "RS256", kid: "as-1" })
      .setIssuer(issuer)
      .setIssuedAt()
      .setExpirationTime("10 minutes")
      .setJti(crypto.randomUUID())
      .sign(privateKey);

  async function token(request: IncomingMessage): Promise<object> {
    const form = new URLSearchParams(await text(request));
    const [client = "", secret = ""] = Buffer.from((request.headers.authorization ?? "").slice(6), "base64")
      .toString()
      .split(":");
    if (form.get("grant_type") !== "client_credentials" || secret !== SECRET)
      return { error: "invalid_client" };
    const scope = form.get("scope") ?? "tools";
    asked.push(scope);
    const claims = { client_id: client, sub: client, scope, aud: form.get("resource") };
    const { dpop } = request.headers;
    if (typeof dpop !== "string") return answer(await issue(claims), "Bearer", scope);
    const { protectedHeader } = await jwtVerify(dpop, EmbeddedJWK, { typ: "dpop+jwt" });
    const jkt = await calculateJwkThumbprint(protectedHeader.jwk ?? {});
    return answer(await issue({ ...claims, cnf: { jkt } }), "DPoP", scope);
  }
  const answer = (access_token: string, token_type: string, scope: string) => ({
    access_token,
    token_type,
    scope,
    expires_in: 600,
  });

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url = "" } = request;
    const page = pages.get(`${request.headers.host}${url}`);
    const json = (value: object, status = 200) =>
      void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    if (page !== undefined) return json(page);
    switch (url) {
      case "/.well-known/oauth-authorization-server":
        return json({
          issuer,
          // MCP clients want one there, whatever the grant.
          authorization_endpoint: `${issuer}/authorize`,
          token_endpoint: `${issuer}/token`,
          response_types_supported: ["code"],
          grant_types_supported: ["client_credentials"],
          token_endpoint_auth_methods_supported: ["client_secret_basic"],
          code_challenge_methods_supported: ["S256"],
          dpop_signing_alg_values_supported: ["ES256"],
        });
      case "/jwks":
        return json({ keys: [jwk] });
      case "/token": {
        const granted = await token(request);
        return json(granted, "error" in granted ? 401 : 200);
      }
      default:
        return void response.writeHead(404).end();
    }
  }

  const server = createServer((request, response) => {
    respond(request, response).catch((error) => response.destroy(error));
  });
  const { origin, close } = await listen(server);
  issuer = origin;
  return { issuer, address: new URL(origin).host, asked, pages, issue, close };
}
