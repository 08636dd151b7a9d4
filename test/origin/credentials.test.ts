/** Credentials of a tenant's own: what a document can name, and what is made of the secrets. */

import { describe, expect, test } from "vitest";
import { readCredentials } from "../../src/origin/credentials.ts";
import { compileTenant } from "../../src/tenant/compile.ts";
import { findConflicts } from "../../src/tenant/conflicts.ts";
import type { TenantDocument } from "../../src/tenant/schema/document.ts";
import { compiled, document, GATEWAY, outcome, unwrap } from "../support/acme.ts";

type Section = TenantDocument["origin"];

const URL = "https://origin.example/mcp";
const one = (header: string, rest: object = {}): Omit<Section, "url"> => ({
  credentials: [{ header, secret: "ORIGIN_TOKEN", ...rest }],
});

async function faults(changes: object): Promise<readonly string[]> {
  const text = JSON.stringify(document({ origin: { url: URL, ...changes } }));
  const result = await compileTenant(text, GATEWAY);
  return result.ok ? [] : result.error.map(({ path, problem }) => `${path}: ${problem}`);
}

describe("the header", () => {
  test.each([
    "authorization",
    "cookie",
    "x-api-key",
    "api-key",
    "cf-access-client-id",
    "cf-access-client-secret",
  ])("%s can carry one", async (header) => expect(await faults(one(header))).toEqual([]));

  test.each([
    "host",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
    "content-length",
    "content-type",
    "content-encoding",
    "accept",
    "accept-encoding",
    "mcp-session-id",
    "mcp-method",
    "mcp-protocol-version",
    "mcp_session_id",
    "last-event-id",
    "traceparent",
    "tracestate",
    "baggage",
    "forwarded",
    "x-forwarded-for",
    "x-real-ip",
    "cf-connecting-ip",
    "cf_access_client_id",
    "proxy-authorization",
    "dpop",
    "act-mandate",
    "wimse-ect",
    "signature",
    "x-mcp-attestation",
    "countersign-assertion",
    "countersign_assertion",
  ])("%s cannot", async (header) => {
    expect(await faults(one(header))).toEqual([
      expect.stringMatching(/^origin\.credentials\[0\]\.header: cannot carry/),
    ]);
  });

  test.each(["Authorization", "", "x y", "x:y", "x\ny"])("%j is no name of one", async (header) => {
    expect(await faults(one(header))).toEqual([
      "origin.credentials[0].header: must be a header name in lower case",
    ]);
  });
});

describe("the document", () => {
  test.each([
    "SESSION_KEYS",
    "SIGNING_KEYS",
    "GATEWAY_URL",
    "ORIGIN_",
    "origin_token",
    "ORIGIN_TOKEN ",
    "ORIGIN-TOKEN",
  ])("%s is no secret for an origin", async (secret) => {
    expect(await faults(one("x-api-key", { secret }))).toEqual([
      expect.stringMatching(/^origin\.credentials\[0\]\.secret: must be the name of a secret/),
    ]);
  });

  test.each([" Bearer", "Bearer\n", "é", "x".repeat(33)])("%j is no prefix", async (prefix) => {
    expect(await faults(one("x-api-key", { prefix }))).toEqual([
      expect.stringMatching(/^origin\.credentials\[0\]\.prefix: /),
    ]);
  });

  test("a value in it, in place of the name of a secret, is a fault that does not show it", async () => {
    const found = await faults({ credentials: [{ header: "x-api-key", value: "hush-hush" }] });
    expect(found).toEqual([
      "origin.credentials[0].value: is not a known field",
      "origin.credentials[0].secret: is missing",
    ]);
  });

  test("each header once, and not the caller's to set", async () => {
    const twice = [
      { header: "x-api-key", secret: "ORIGIN_A" },
      { header: "x_api_key", secret: "ORIGIN_B" },
    ];
    expect(await faults({ credentials: twice })).toEqual([
      "origin.credentials[1].header: is the same header as origin.credentials[0].header",
    ]);
    expect(await faults({ ...one("x-api-key"), forwardHeaders: ["x_api_key"] })).toEqual([
      "origin.credentials[0].header: is also one of origin.forwardHeaders, which is the caller's to set",
    ]);
    expect(await faults({ ...one("authorization"), unsafeForwardAuthorization: true })).toEqual([
      "origin.credentials[0].header: is the caller's to set, where unsafeForwardAuthorization is on",
    ]);
    expect(await faults({ ...one("x-api-key"), unsafeForwardAuthorization: true })).toEqual([]);
  });

  test("no two tenants have one secret", async () => {
    const acme = await compiled({ origin: { url: URL, ...one("x-api-key") } });
    const beta = await compiled({ id: "beta", origin: { url: URL, ...one("cookie") } });
    const other = await compiled({
      id: "other",
      origin: { url: URL, ...one("cookie", { secret: "ORIGIN_OTHER" }) },
    });
    expect(findConflicts([acme, beta, other])).toEqual([
      { path: "beta.origin.credentials", problem: "ORIGIN_TOKEN is a secret of tenant acme" },
    ]);
  });

  test("without a word about it: an assertion, no credentials, no token of the caller's", async () => {
    const { origin } = await compiled();
    expect(origin).toMatchObject({ assertion: true, credentials: [], unsafeForwardAuthorization: false });
  });
});

describe("the secrets", () => {
  const credentials = [
    { header: "authorization", secret: "ORIGIN_TOKEN", prefix: "Bearer " },
    { header: "x-api-key", secret: "ORIGIN_KEY", prefix: "" },
  ];
  const read = (env: object) => readCredentials({ credentials }, env as Env);

  test("are put behind their prefixes", () => {
    expect(unwrap(read({ ORIGIN_TOKEN: "a b", ORIGIN_KEY: "k" }))).toEqual([
      ["authorization", "Bearer a b"],
      ["x-api-key", "k"],
    ]);
  });

  test.each<[string, unknown]>([
    ["absent", undefined],
    ["empty", ""],
    ["a binding", { fetch: () => null }],
    ["with a line break at its end", "k\n"],
    ["with a header in it", "k\r\nx-admin: 1"],
    ["with a space at its beginning", " k"],
    ["no ASCII", "schlüssel"],
  ])("%s: missing", (_, value) => {
    expect(outcome(read({ ORIGIN_TOKEN: "t", ORIGIN_KEY: value }))).toBe("origin.credential_missing");
  });
});
