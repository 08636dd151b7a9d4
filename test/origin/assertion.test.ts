/** What an assertion says of a call. Sent and verified it is in test/socket/assertion.test.ts. */

import { decodeJwt, decodeProtectedHeader } from "jose";
import { describe, expect, test } from "vitest";
import { sha256, toBase64url, utf8 } from "../../src/encoding.ts";
import type { TokenCaller } from "../../src/evidence/caller.ts";
import { ASSERTION_TYP, type Asserted, signAssertion } from "../../src/origin/assertion.ts";
import { makeKeys } from "../audit/receipts/helpers.ts";
import { AUDIENCE, compiled, NOW } from "../support/acme.ts";

const { signing } = await makeKeys("gateway-1", "EdDSA");
const holder: TokenCaller = {
  kind: "token",
  token: {
    iss: "https://login.example",
    sub: "user:1",
    clientId: "client-1",
    jti: "at-1",
    iat: NOW,
    exp: NOW + 3600,
    scopes: new Set(["tools", "admin"]),
    digest: "d",
    key: "k",
    confirmation: null,
    tenantName: null,
    proof: null,
  },
  lane: 0,
  agent: null,
  mandate: null,
  signature: null,
  ect: null,
  wit: null,
};
const asserted = async (
  changes: Partial<Asserted> = {},
  url = "https://Origin.example",
): Promise<Asserted> => ({
  tenant: await compiled({ origin: { url } }),
  caller: holder,
  decision: "decision-1",
  verdict: "admitted",
  method: "POST",
  bodySha256: await sha256(utf8("{}")),
  tool: "search",
  action: "mcp.search",
  now: NOW,
  ...changes,
});

describe("under an access token", () => {
  test("its claims are the token's, and the token is not among them", async () => {
    const jws = await signAssertion(await asserted(), signing);
    expect(decodeProtectedHeader(jws)).toEqual({ alg: "EdDSA", kid: "gateway-1", typ: ASSERTION_TYP });
    expect(decodeJwt(jws)).toEqual({
      iss: AUDIENCE,
      aud: "https://origin.example",
      sub: "oauth:https://login.example:user%3A1",
      jti: expect.any(String),
      iat: NOW,
      exp: NOW + 60,
      htm: "POST",
      htu: "https://origin.example/",
      inp_hash: toBase64url(await sha256(utf8("{}"))),
      tenant: "acme",
      decision: "decision-1",
      verdict: "admitted",
      tool: "search",
      action: "mcp.search",
      token: {
        iss: "https://login.example",
        sub: "user:1",
        client_id: "client-1",
        jti: "at-1",
        scope: "tools admin",
      },
    });
  });
});

test.each([
  ["https://origin.example:443/a/../mcp?b=1", "https://origin.example", "https://origin.example/mcp?b=1"],
  ["http://127.0.0.1:9000/mcp", "http://127.0.0.1:9000", "http://127.0.0.1:9000/mcp"],
  ["https://bücher.example/mcp", "https://xn--bcher-kva.example", "https://xn--bcher-kva.example/mcp"],
])("%s is named as it is fetched", async (url, aud, htu) => {
  expect(decodeJwt(await signAssertion(await asserted({}, url), signing))).toMatchObject({ aud, htu });
});
