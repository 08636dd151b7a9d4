/** What is taken from an identity provider, and what is not: one that answers from memory, with real keys. */

import { exportJWK, generateKeyPair, type JWTHeaderParameters, SignJWT } from "jose";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Exchange, exchange, findProvider } from "../../src/approval/provider.ts";
import { utf8 } from "../../src/encoding.ts";
import { KEYS_RETRY_MS } from "../../src/limits.ts";
import type { SignInPolicy } from "../../src/tenant/schema/approval.ts";

beforeEach(() => void vi.spyOn(console, "error").mockReturnValue());
afterEach(() => void vi.restoreAllMocks());

const [rsa, unpublished] = await Promise.all([generateKeyPair("RS256"), generateKeyPair("RS256")]);
const jwk = { ...(await exportJWK(rsa.publicKey)), kid: "k1", alg: "RS256", use: "sig" };

const CLIENT = "countersign";
const NOW = Date.now();

type Answers = Readonly<Record<string, () => Response | Promise<Response>>>;

interface World {
  readonly issuer: string;
  readonly signIn: SignInPolicy;
  readonly env: Env;
  /** The paths that were asked for. */
  readonly asked: string[];
}

let made = 0;

/** A provider that nobody has heard of. Its answers are given by path; where nothing is said they are as they should be. */
function world(answers: Answers = {}, metadata: object = {}): World {
  made += 1;
  const issuer = `https://idp-${made}.example`;
  const asked: string[] = [];
  const all: Answers = {
    "/.well-known/openid-configuration": () =>
      Response.json({
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/jwks`,
        authorization_response_iss_parameter_supported: true,
        ...metadata,
      }),
    ...answers,
  };
  const fetch = async (url: string): Promise<Response> => {
    const { pathname } = new URL(url);
    asked.push(pathname);
    return all[pathname]?.() ?? new Response(null, { status: 404 });
  };
  const env = { IDP: { fetch } } as unknown as Env;
  const signIn = { issuer, clientId: CLIENT, clientSecret: null, scopes: [], binding: "IDP" };
  return { issuer, signIn, env, asked };
}

const find = ({ signIn, env }: World, now = NOW) => findProvider(signIn, env, now);

const seconds = () => Math.floor(Date.now() / 1000);

interface Wishes {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, unknown>>;
  readonly key?: CryptoKey | Uint8Array;
  /** Changes what the browser comes back with. */
  readonly back?: (parameters: URLSearchParams) => void;
  /** What is published. */
  readonly keys?: readonly object[];
  /** Beside the ID token. */
  readonly tokens?: object;
  readonly token?: () => Response | Promise<Response>;
  readonly metadata?: object;
}

/** Signs alice in, but for what is wished otherwise; gives the `sub` that comes of it. */
async function signIn(wishes: Wishes = {}): Promise<unknown> {
  let issuer = "";
  const answer = async () => {
    const claims = {
      nonce: "nonce",
      iss: issuer,
      aud: CLIENT,
      sub: "alice",
      iat: seconds(),
      exp: seconds() + 300,
    };
    const id_token = await new SignJWT({ ...claims, ...wishes.claims })
      .setProtectedHeader({ alg: "RS256", kid: "k1", ...wishes.header } as JWTHeaderParameters)
      .sign(wishes.key ?? rsa.privateKey);
    return Response.json({ access_token: "a", token_type: "Bearer", id_token, ...wishes.tokens });
  };
  const jwks = () => Response.json({ keys: wishes.keys ?? [jwk] });
  const at = world({ "/token": wishes.token ?? answer, "/jwks": jwks }, wishes.metadata);
  issuer = at.issuer;
  const provider = await find(at);
  if (provider === null) throw new Error("there is a provider");
  const parameters = new URLSearchParams({ code: "code", state: "state", iss: issuer });
  wishes.back?.(parameters);
  const claims = await exchange(provider, at.signIn, { ...EXCHANGE, parameters }, at.env);
  return claims === null ? null : claims.sub;
}

const EXCHANGE: Omit<Exchange, "parameters"> = {
  state: "state",
  nonce: "nonce",
  verifier: "v".repeat(43),
  redirectUri: "https://g.example/acme/approvals/callback",
  secret: null,
};

describe("who signs in is whom the provider names", () => {
  test("in a token for us alone, or for us among others as the party that asked", async () => {
    expect(await signIn()).toBe("alice");
    expect(await signIn({ claims: { aud: [CLIENT, "other"], azp: CLIENT } })).toBe("alice");
  });

  test("with each algorithm that the provider says it uses", async () => {
    for (const alg of ["ES256", "ES384", "EdDSA"]) {
      const pair = await generateKeyPair(alg);
      const keys = [{ ...(await exportJWK(pair.publicKey)), kid: "k2", alg }];
      const metadata = { id_token_signing_alg_values_supported: [alg] };
      expect(await signIn({ header: { alg, kid: "k2" }, key: pair.privateKey, keys, metadata })).toBe(
        "alice",
      );
    }
  });

  test.each<[string, Wishes]>([
    ["another issuer", { claims: { iss: "https://evil.example" } }],
    ["no issuer", { claims: { iss: undefined } }],
    ["another client", { claims: { aud: "other" } }],
    ["no client", { claims: { aud: [] } }],
    ["us among others, and nobody asked", { claims: { aud: [CLIENT, "other"] } }],
    ["us among others, and one of those asked", { claims: { aud: [CLIENT, "other"], azp: "other" } }],
    ["us, and another asked", { claims: { azp: "other" } }],
    ["another sign-in", { claims: { nonce: "other" } }],
    ["no sign-in", { claims: { nonce: undefined } }],
    ["a time that is over", { claims: { iat: seconds() - 900, exp: seconds() - 300 } }],
    ["no end", { claims: { exp: undefined } }],
    ["a time to come", { claims: { nbf: seconds() + 600 } }],
    ["a key that is not published", { key: unpublished.privateKey }],
    ["a key that has no name", { header: { kid: undefined } }],
    ["a key of another name", { header: { kid: "k2" } }],
    ["a MAC with what is published", { header: { alg: "HS256" }, key: utf8(JSON.stringify(jwk)) }],
    [
      "a MAC that the provider says it uses",
      {
        header: { alg: "HS256" },
        key: utf8(JSON.stringify(jwk)),
        metadata: { id_token_signing_alg_values_supported: ["HS256", "RS256"] },
      },
    ],
    ["an extension", { header: { crit: ["b64"], b64: true } }],
  ])("not in a token of %s", async (_, wishes) => {
    expect(await signIn(wishes)).toBeNull();
  });

  test.each([["none"], ["None"], [""]])("not in a token that nobody signed: alg %j", async (alg) => {
    const part = (value: object) => btoa(JSON.stringify(value)).replace(/=+$/, "");
    const claims = {
      iss: "",
      aud: CLIENT,
      sub: "alice",
      nonce: "nonce",
      iat: seconds(),
      exp: seconds() + 300,
    };
    const tokens = { id_token: `${part({ alg, kid: "k1" })}.${part(claims)}.` };
    expect(await signIn({ tokens })).toBeNull();
  });

  test.each<[string, (back: URLSearchParams) => void]>([
    ["an answer of another issuer", (back) => back.set("iss", "https://evil.example")],
    ["an answer of two issuers", (back) => back.append("iss", "https://evil.example")],
    ["an answer of nobody, where the provider names itself", (back) => back.delete("iss")],
    ["another state", (back) => back.set("state", "other")],
    ["two states", (back) => back.append("state", "state")],
    ["no state", (back) => back.delete("state")],
    ["two codes", (back) => back.append("code", "other")],
    ["no code", (back) => back.delete("code")],
    ["a refusal", (back) => back.set("error", "access_denied")],
    ["a token on the way", (back) => back.set("id_token", "a.b.c")],
  ])("not with %s", async (_, back) => {
    expect(await signIn({ back })).toBeNull();
  });

  test.each<[string, NonNullable<Wishes["token"]>]>([
    ["leads elsewhere", () => Response.redirect("https://evil.example/token", 307)],
    ["is down", () => new Response(null, { status: 503 })],
    ["is not there", () => Promise.reject(new Error("connection refused"))],
    ["refuses", () => Response.json({ error: "invalid_grant" }, { status: 400 })],
    ["gives no ID token", () => Response.json({ access_token: "a", token_type: "Bearer" })],
    [
      "gives something else for one",
      () => Response.json({ access_token: "a", token_type: "Bearer", id_token: 5 }),
    ],
    [
      "gives one that is none",
      () => Response.json({ access_token: "a", token_type: "Bearer", id_token: "a.b.c" }),
    ],
    ["gives no object", () => Response.json(["a"])],
    ["gives null", () => Response.json(null)],
    ["gives no JSON", () => new Response("<html>", { headers: { "content-type": "application/json" } })],
    ["gives a page", () => new Response("{}", { headers: { "content-type": "text/html" } })],
    ["gives too much", () => Response.json({ access_token: "a".repeat(200_000) })],
  ])("not where the token endpoint %s", async (_, token) => {
    expect(await signIn({ token })).toBeNull();
  });
});

describe("what a provider says of itself", () => {
  test("is remembered, also that it says nothing, for a while", async () => {
    const at = world();
    const provider = await find(at);
    expect(provider?.issuer).toBe(at.issuer);
    expect(await find(at)).toBe(provider);
    expect(at.asked).toHaveLength(1);

    let isUp = false;
    const down = world({
      "/.well-known/openid-configuration": () =>
        isUp ? Response.json(metadataOf(down.issuer)) : new Response(null, { status: 503 }),
    });
    expect(await find(down)).toBeNull();
    isUp = true;
    expect(await find(down, NOW + KEYS_RETRY_MS - 1)).toBeNull();
    expect(down.asked).toHaveLength(1);
    expect((await find(down, NOW + KEYS_RETRY_MS))?.issuer).toBe(down.issuer);
  });

  const metadataOf = (issuer: string) => ({
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
  });

  test.each<[string, object]>([
    ["another issuer", { issuer: "https://evil.example" }],
    ["an issuer that only URLs take for the same", { issuer: "https://IDP-1.example" }],
    ["no issuer", { issuer: undefined }],
    ["no token endpoint", { token_endpoint: undefined }],
    ["an endpoint without TLS", { token_endpoint: "http://idp.example/token" }],
    ["an endpoint inside", { token_endpoint: "https://10.0.0.1/token" }],
    ["a page of its own scheme", { authorization_endpoint: "javascript:alert(1)" }],
    ["no keys", { jwks_uri: undefined }],
    ["keys inside", { jwks_uri: "https://localhost/jwks" }],
    ["a number for an endpoint", { token_endpoint: 5 }],
    ["a list for an endpoint", { authorization_endpoint: ["https://idp.example/authorize"] }],
    ["nothing for an endpoint", { jwks_uri: null }],
    ["a number of ways to be known", { token_endpoint_auth_methods_supported: 5 }],
  ])("is nothing with %s", async (_, metadata) => {
    expect(await find(world({}, metadata))).toBeNull();
  });

  test("is nothing where it leads elsewhere, or is no object", async () => {
    for (const answer of [
      () => Response.redirect("https://evil.example/.well-known/openid-configuration", 302),
      () => Response.json([]),
      () => Response.json("x"),
      () => new Response("{", { headers: { "content-type": "application/json" } }),
    ])
      expect(await find(world({ "/.well-known/openid-configuration": answer }))).toBeNull();
  });
});
