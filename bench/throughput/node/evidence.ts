/** Verifies what a call carries, with the libraries that there are: jose for the tokens, http-message-sig for the signature. */

import { hash } from "node:crypto";
import { type Verifier, verifySignature } from "http-message-sig";
import { importJWK, type JWK, type JWTPayload, jwtVerify } from "jose";
import { audienceOf, ISSUER, type World } from "../../harness/world.ts";

/** A call whose evidence holds. */
export interface Call {
  readonly agent: string;
  /** Their `jti`. */
  readonly mandate: string;
  readonly ect: string;
  readonly action: string;
  /** SHA-256 of the body, base64url. */
  readonly inputHash: string;
  /** Until when the ECT could come again: seconds. */
  readonly lastAcceptable: number;
}

export type Verify = (request: Request, body: Uint8Array<ArrayBuffer>) => Promise<Call>;

/** Verifies messages with its key. */
interface Agent extends Verifier {
  /** `sub` of its mandates, `iss` of its ECTs. */
  readonly subject: string;
  readonly key: CryptoKey;
}

interface Mandate extends JWTPayload {
  readonly exp: number;
  readonly sub: string;
  readonly jti: string;
  readonly cap: readonly { readonly action: string }[];
}

interface Ect extends JWTPayload {
  readonly exp: number;
  readonly jti: string;
  readonly exec_act: string;
  readonly inp_hash: string;
}

/** Seconds that clocks may differ. */
const CLOCK_SKEW = 30;

/** Mandates that are remembered. */
const MAX_MANDATES = 10_000;

/** @returns a function that throws whatever it finds wrong */
export async function makeVerify(world: World): Promise<Verify> {
  const audience = audienceOf(world, "full");
  const issuerKey = await importKey(world.issuer.publicJwk);
  const agents = new Map(
    await Promise.all(
      world.agents.map(
        async ({ name, publicJwk }) => [publicJwk.kid, await makeAgent(name, publicJwk)] as const,
      ),
    ),
  );
  const mandates = new Map<string, Mandate>();

  return async (request, body) => {
    const digest = hash("sha256", body, "buffer");
    const inputHash = digest.toString("base64url");
    const { headers } = request;
    expect(headers.get("content-digest") === `sha-256=:${digest.toString("base64")}:`, "Content-Digest");

    const [agent, mandate, { ect, signer }] = await Promise.all([
      verifyMessage(request),
      verifyMandate(headers.get("authorization")?.replace(/^Bearer /, "") ?? ""),
      verifyEct(headers.get("wimse-ect") ?? ""),
    ]);
    expect(mandate.sub === agent.subject, "sub of the mandate");
    expect(signer === agent && ect.iss === agent.subject, "iss of the ECT");
    expect(ect.inp_hash === inputHash, "inp_hash");
    const action = actionOf(body);
    expect(ect.exec_act === action, "exec_act");
    expect(
      mandate.cap.some((entry) => entry.action === action),
      "cap",
    );

    const lastAcceptable = ect.exp + CLOCK_SKEW;
    return { agent: agent.subject, mandate: mandate.jti, ect: ect.jti, action, inputHash, lastAcceptable };
  };

  /** @returns who signed it */
  async function verifyMessage({ method, headers }: Request): Promise<Agent> {
    const fields = [...headers].map(([name, value]) => ({ name, value }));
    const { verifier } = await verifySignature(
      { kind: "request", method, targetUri: audience, fields },
      {
        policy: {
          algorithms: ["ecdsa-p256-sha256"],
          requiredComponents: ["@method", "@target-uri", "authorization", "content-digest", "wimse-ect"],
          requiredParameters: ["created", "expires", "keyid"],
          clockSkew: CLOCK_SKEW,
        },
        resolveVerifier: ({ parameters: { keyid } }) => agentOf(keyid),
      },
    );
    return verifier;
  }

  function agentOf(kid = ""): Agent {
    const agent = agents.get(kid);
    if (agent === undefined) throw new Error("key");
    return agent;
  }

  /** A mandate serves for many calls: its signature is verified once. */
  async function verifyMandate(token: string): Promise<Mandate> {
    const known = mandates.get(token);
    if (known !== undefined) {
      expect(known.exp + CLOCK_SKEW > Date.now() / 1000, "exp of the mandate");
      return known;
    }
    const { payload } = await jwtVerify<Mandate>(token, issuerKey, {
      algorithms: ["EdDSA"],
      typ: "act+jwt",
      issuer: ISSUER,
      audience,
      requiredClaims: ["exp", "sub", "jti", "cap"],
      clockTolerance: CLOCK_SKEW,
    });
    if (mandates.size >= MAX_MANDATES) mandates.clear();
    mandates.set(token, payload);
    return payload;
  }

  async function verifyEct(token: string): Promise<{ ect: Ect; signer: Agent }> {
    const { payload, protectedHeader } = await jwtVerify<Ect>(token, ({ kid }) => agentOf(kid).key, {
      algorithms: ["ES256"],
      typ: "exec+jwt",
      audience,
      requiredClaims: ["iss", "exp", "jti", "exec_act", "inp_hash"],
      clockTolerance: CLOCK_SKEW,
    });
    return { ect: payload, signer: agentOf(protectedHeader.kid) };
  }
}

async function makeAgent(name: string, publicJwk: JWK): Promise<Agent> {
  const key = await importKey(publicJwk);
  return {
    subject: `agent:${name}`,
    key,
    algorithm: "ecdsa-p256-sha256",
    verify: (data, signature) =>
      crypto.subtle.verify(
        { name: "ECDSA", hash: "SHA-256" },
        key,
        signature as Uint8Array<ArrayBuffer>,
        data as Uint8Array<ArrayBuffer>,
      ),
  };
}

async function importKey(jwk: JWK): Promise<CryptoKey> {
  const key = await importJWK(jwk);
  if (key instanceof Uint8Array) throw new TypeError("a secret is no public key");
  return key;
}

/** The action that a body asks for. */
function actionOf(body: Uint8Array): string {
  const { method, params } = JSON.parse(new TextDecoder().decode(body));
  expect(method === "tools/call", "method");
  return `mcp.${params.name}`;
}

function expect(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}
