/** Signed answers (draft-ietf-wimse-http-signature, "Response Signing"): made by the deployment, verified by the caller. */

import { exportJWK } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { generateSigner } from "../../../src/agent/index.ts";
import { sha256 } from "../../../src/encoding.ts";
import { checkContentDigest } from "../../../src/evidence/http-signature/content-digest.ts";
import { component, type LabelledSignature } from "../../../src/evidence/http-signature/fields.ts";
import type { SignedRequest, SignedResponse } from "../../../src/evidence/http-signature/message.ts";
import { parseHttpSignature } from "../../../src/evidence/http-signature/parse.ts";
import {
  type ExpectedResponse,
  signResponse,
  verifyResponse,
} from "../../../src/evidence/http-signature/response.ts";
import { makeSignature } from "../../../src/evidence/http-signature/sign.ts";
import { type EdgeIdentity, readEdgeIdentity } from "../../../src/evidence/wit/identity.ts";
import { readWit } from "../../../src/evidence/wit/parse.ts";
import { importVerificationKey } from "../../../src/keys/hygiene.ts";
import { CLOCK_SKEW, MAX_SIGNATURE_WINDOW, RESPONSE_SIGNATURE_LIFETIME } from "../../../src/limits.ts";
import type { WimseProfile } from "../../../src/tenant/tenant.ts";
import { NOW, outcome } from "../../support/acme.ts";
import { TAG, wit } from "../wit/helpers.ts";

const REQUEST: SignedRequest = {
  kind: "request",
  method: "POST",
  targetUri: "https://gateway.example/acme/mcp",
  headers: new Map([["content-type", "application/json"]]),
};

/** The secret of a deployment with this key. */
async function secretOf(alg: "ES256" | "ES384" | "EdDSA" | "PS512") {
  const { signer, publicJwk } = await generateSigner({ alg, extractable: true });
  const token = await wit({ sub: "wimse://example.org/gateway", cnf: { jwk: { ...publicJwk } } });
  return { text: JSON.stringify({ wit: token, privateJwk: await exportJWK(signer.privateKey) }), publicJwk };
}

describe("the identity of the deployment", () => {
  test.each(["ES256", "ES384", "EdDSA", "PS512"] as const)("%s", async (alg) => {
    expect(await readEdgeIdentity((await secretOf(alg)).text)).not.toBeNull();
  });
  test("none", async () => expect(await readEdgeIdentity(null)).toBeNull());
  test.each(["ES256", "ES384", "EdDSA", "PS512"] as const)("%s of another token", async (alg) => {
    const [good, other] = [JSON.parse((await secretOf(alg)).text), JSON.parse((await secretOf(alg)).text)];
    // Nobody could verify what is signed.
    expect(await readEdgeIdentity(JSON.stringify({ ...good, privateJwk: other.privateJwk }))).toBeNull();
  });
  test("not what it must be", async () => {
    const good = JSON.parse((await secretOf("ES256")).text);
    const bad = [
      "",
      "x",
      "[]",
      JSON.stringify({ wit: good.wit }),
      JSON.stringify({ ...good, wit: "x.y.z" }),
      JSON.stringify({ ...good, privateJwk: { ...good.privateJwk, d: undefined } }),
    ];
    for (const text of bad) expect(await readEdgeIdentity(text), text).toBeNull();
  });
});

describe.each<WimseProfile>(["wimse-07", "wimse-06"])("%s", (profile) => {
  let identity: EdgeIdentity;
  let expected: ExpectedResponse;
  beforeAll(async () => {
    const { text, publicJwk } = await secretOf("ES256");
    const read = await readEdgeIdentity(text);
    const key = await importVerificationKey(publicJwk, ["ES256"]);
    if (read === null || !key.ok) throw new Error("the identity is good");
    identity = read;
    expected = { profile, requestNonce: "n-1", key: key.value, now: NOW };
  });

  const refusal = () => Response.json({ error: { code: 501 } }, { status: 501, headers: { "x-other": "1" } });
  const signed = () =>
    signResponse(refusal(), {
      identity,
      profile,
      request: REQUEST,
      requestNonce: "n-1",
      nonce: "r-1",
      now: NOW,
    });
  const messageOf = (response: Response, request = REQUEST): SignedResponse => ({
    kind: "response",
    status: response.status,
    headers: new Map(response.headers),
    request,
  });
  const signaturesIn = (headers: ReadonlyMap<string, string>): readonly LabelledSignature[] => {
    const parsed = parseHttpSignature(headers);
    return parsed.state === "present" ? parsed.value : [];
  };
  const judge = async (message: SignedResponse, changes: Partial<ExpectedResponse> = {}) =>
    outcome(await verifyResponse(message, signaturesIn(message.headers), { ...expected, ...changes }));

  test("a refusal is signed with what the revision wants, and its body is as it was", async () => {
    const response = await signed();
    expect(response.status).toBe(501);
    expect(response.headers.get("x-other")).toBe("1");
    expect(response.headers.get("cache-control")).toBe("no-store, no-transform");
    const message = messageOf(response);
    const [signature] = signaturesIn(message.headers);
    const target = profile === "wimse-07" ? ['"@path";req', '"@query";req'] : ['"@request-target";req'];
    expect(signature?.components.map(({ identifier }) => identifier)).toEqual([
      '"@status"',
      '"@method";req',
      ...target,
      '"content-type"',
      '"content-digest"',
      '"workload-identity-token"',
    ]);
    expect(Object.fromEntries(signature?.parameters ?? [])).toEqual({
      created: NOW,
      expires: NOW + RESPONSE_SIGNATURE_LIFETIME,
      nonce: "r-1",
      tag: TAG,
      "wimse-req-nonce": "n-1",
    });
    expect(readWit(response.headers.get("workload-identity-token") ?? "").ok).toBe(true);
    expect(await judge(message)).toBe("ok");
    const body = new Uint8Array(await response.arrayBuffer());
    expect(JSON.parse(new TextDecoder().decode(body))).toEqual({ error: { code: 501 } });
    const digest = message.headers.get("content-digest");
    expect(outcome(await checkContentDigest(digest, body, await sha256(body)))).toBe("ok");
  });

  test("nothing of it can be changed", async () => {
    const message = messageOf(await signed());
    const header = (name: string, value: string | null) => {
      const headers = new Map(message.headers);
      if (value === null) headers.delete(name);
      else headers.set(name, value);
      return { ...message, headers };
    };
    expect(await judge({ ...message, status: 200 })).toBe("signature.mismatch");
    expect(await judge({ ...message, request: { ...REQUEST, method: "GET" } })).toBe("signature.mismatch");
    const elsewhere = { ...REQUEST, targetUri: "https://gateway.example/other/mcp" };
    expect(await judge({ ...message, request: elsewhere })).toBe("signature.mismatch");
    expect(await judge(header("content-type", "text/plain"))).toBe("signature.mismatch");
    expect(await judge(header("content-digest", "sha-256=:AQID:"))).toBe("signature.mismatch");
    expect(await judge(header("workload-identity-token", await wit()))).toBe("signature.mismatch");
    expect(await judge(header("content-digest", null))).toBe("signature.component");
    expect(await judge(header("signature-input", null))).toBe("signature.missing");
    // Another deployment behind the same names.
    const host = { ...REQUEST, targetUri: "https://evil.example/acme/mcp" };
    expect(await judge({ ...message, request: host })).toBe("ok");
  });

  test("it answers one request, for a while", async () => {
    const message = messageOf(await signed());
    expect(await judge(message, { requestNonce: "n-2" })).toBe("signature.parameters");
    const end = NOW + RESPONSE_SIGNATURE_LIFETIME + CLOCK_SKEW;
    expect(await judge(message, { now: end })).toBe("ok");
    expect(await judge(message, { now: end + 1 })).toBe("signature.expired");
    expect(await judge(message, { now: NOW - CLOCK_SKEW - 1 })).toBe("signature.in_future");
  });

  test("an answer of the other revision", async () => {
    const other = profile === "wimse-07" ? "wimse-06" : "wimse-07";
    expect(await judge(messageOf(await signed()), { profile: other })).toBe("signature.coverage");
  });

  const resigned = async (
    parameters: Record<string, string | number | boolean | undefined>,
    label = "wimse",
  ) => {
    const message = messageOf(await signed());
    const [first] = signaturesIn(message.headers);
    const all = { ...Object.fromEntries(first?.parameters ?? []), ...parameters };
    const again = await makeSignature(message, {
      components: first?.components ?? [component("@status")],
      parameters: new Map(
        Object.entries(all).filter(
          (entry): entry is [string, string | number | boolean] => entry[1] !== undefined,
        ),
      ),
      label,
      sign: async (base) =>
        new Uint8Array(await crypto.subtle.sign(identity.algorithm.webCrypto, identity.privateKey, base)),
    });
    return { message, again };
  };
  test.each<[string, Record<string, string | number | undefined>, string]>([
    ["keyid", { keyid: "k" }, "signature.parameters"],
    ["alg", { alg: "ecdsa-p256-sha256" }, "signature.parameters"],
    ["wimse-aud, which is for requests", { "wimse-aud": "x" }, "signature.parameters"],
    ["wimse-sign-response, which is for requests", { "wimse-sign-response": 1 }, "signature.parameters"],
    ["no nonce", { nonce: undefined }, "signature.parameters"],
    ["no expires", { expires: undefined }, "signature.parameters"],
    ["another tag", { tag: "x" }, "signature.missing"],
    ["too long a life", { expires: NOW + MAX_SIGNATURE_WINDOW + 1 }, "signature.window"],
    [
      "no wimse-req-nonce",
      { "wimse-req-nonce": undefined },
      profile === "wimse-07" ? "signature.parameters" : "ok",
    ],
  ])("%s", async (_, parameters, reason) => {
    const { message, again } = await resigned(parameters);
    const headers = new Map(message.headers)
      .set("signature-input", again.signatureInput)
      .set("signature", again.signature);
    expect(await judge({ ...message, headers })).toBe(reason);
  });
  test("two with the tag", async () => {
    const { message, again } = await resigned({ nonce: "r-2" }, "two");
    const headers = new Map(message.headers)
      .set("signature-input", `${message.headers.get("signature-input")}, ${again.signatureInput}`)
      .set("signature", `${message.headers.get("signature")}, ${again.signature}`);
    expect(await judge({ ...message, headers })).toBe("signature.not_one");
  });
});
