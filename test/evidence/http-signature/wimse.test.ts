/** The profile wimse (draft-ietf-wimse-http-signature section 3), in both revisions. */

import type { BareItem } from "structured-headers";
import { describe, expect, test } from "vitest";
import { sha256, toBase64url, utf8 } from "../../../src/encoding.ts";
import { component } from "../../../src/evidence/http-signature/fields.ts";
import { CLOCK_SKEW, MAX_JTI_LENGTH, MAX_SIGNATURE_WINDOW } from "../../../src/limits.ts";
import type { Reason } from "../../../src/reasons.ts";
import { AUDIENCE, BODY, ect, NOW, outcome, unwrap } from "../../support/acme.ts";
import {
  type Attempt,
  call,
  judge,
  otherWorker,
  signedRequest,
  TAG,
  tenant06,
  tenant07,
  wimseTenant,
  wit,
  worker,
} from "../wit/helpers.ts";

const judged = async (attempt: Attempt = {}) => outcome(await call(attempt));

/** Changes the two fields of a good request. */
const respelt = async (change: (headers: Map<string, string>) => void, attempt: Attempt = {}) => {
  const request = await signedRequest(attempt);
  const headers = new Map(request.headers);
  change(headers);
  return outcome(await judge({ ...request, headers }, attempt));
};

describe("parameters", () => {
  test.each<[string, Record<string, BareItem | undefined>]>([
    ["no created", { created: undefined }],
    ["created as Boolean", { created: true }],
    ["no expires", { expires: undefined }],
    ["no nonce", { nonce: undefined }],
    ["empty nonce", { nonce: "" }],
    ["nonce as Integer", { nonce: 7 }],
    ["nonce too long", { nonce: "n".repeat(MAX_JTI_LENGTH + 1) }],
    ["no wimse-aud", { "wimse-aud": undefined }],
    ["keyid, of the WIT's key", { keyid: "worker-1" }],
    ["alg, even that of the key", { alg: "ecdsa-p256-sha256" }],
    ["wimse-req-nonce, which is for responses", { "wimse-req-nonce": "n-1" }],
    ["a parameter of WIMSE that is not known", { "wimse-more": "x" }],
    ["wimse-sign-response as Integer", { "wimse-sign-response": 1 }],
    ["wimse-sign-response as String", { "wimse-sign-response": "?1" }],
  ])("%s", async (_, parameters) => {
    expect(await judged({ parameters })).toBe("signature.parameters");
    expect(await judged({ parameters, by: tenant06 })).toBe("signature.parameters");
  });

  test.each<[string, Record<string, BareItem>, boolean]>([
    ["wimse-sign-response ?0 is no demand", { "wimse-sign-response": false }, false],
    ["wimse-sign-response is one", { "wimse-sign-response": true }, true],
    ["an unknown parameter that is none of WIMSE's", { more: "x" }, false],
  ])("%s", async (_, parameters, demands) => {
    const caller = unwrap(await call({ parameters }));
    expect(caller.signature?.demandsSignedResponse).toBe(demands);
  });

  test.each([
    ["another endpoint", "https://gateway.example/other/mcp"],
    ["with a query", `${AUDIENCE}?x`],
    ["a prefix", AUDIENCE.slice(0, -1)],
    ["other case", AUDIENCE.toUpperCase()],
    ["empty", ""],
  ])("wimse-aud: %s", async (_, audience) => {
    expect(await judged({ parameters: { "wimse-aud": audience } })).toBe("signature.audience");
  });

  test.each<[string, Record<string, number>, Reason | "ok"]>([
    ["created as far ahead as clocks differ", { created: NOW + CLOCK_SKEW }, "ok"],
    ["created in the future", { created: NOW + CLOCK_SKEW + 1 }, "signature.in_future"],
    ["expires before created", { created: NOW, expires: NOW - 1 }, "signature.window"],
    ["longest window", { expires: NOW + MAX_SIGNATURE_WINDOW }, "ok"],
    ["window too long", { expires: NOW + MAX_SIGNATURE_WINDOW + 1 }, "signature.window"],
    ["expired", { created: NOW - 100, expires: NOW - CLOCK_SKEW - 1 }, "signature.expired"],
  ])("%s", async (_, parameters, expected) => expect(await judged({ parameters })).toBe(expected));

  test.each(["1.0", "-0", `"${NOW}"`, `@${NOW}`, `0${NOW}`])("created=%s", async (spelling) => {
    const change = (headers: Map<string, string>) => {
      const input = headers.get("signature-input") ?? "";
      headers.set("signature-input", input.replace(/created=\d+/, `created=${spelling}`));
    };
    expect(await respelt(change)).toBe("signature.malformed");
  });
});

describe("coverage", () => {
  const names = ["@method", "@path", "@query", "authorization", "content-type", "content-digest"];
  const all = [...names, "workload-identity-token", "wimse-ect"];

  test.each(all)("without %s", async (dropped) => {
    expect(await judged({ components: all.filter((name) => name !== dropped) })).toBe("signature.coverage");
  });
  test("nothing, and the method alone", async () => {
    expect(await judged({ components: [] })).toBe("signature.coverage");
    expect(await judged({ components: ["@method"] })).toBe("signature.coverage");
  });
  test("a component of the same name with a parameter is another", async () => {
    const digest = component("content-digest", new Map([["sf", true]]));
    expect(await judged({ components: all.map((name) => (name === "content-digest" ? digest : name)) })).toBe(
      "signature.coverage",
    );
  });
  test("more than is wanted", async () => {
    expect(await judged({ components: [...all, "@authority", "@target-uri", "@scheme"] })).toBe("ok");
  });

  test("each revision by its own target alone", async () => {
    const of06 = all.flatMap((name) =>
      name === "@path" ? ["@request-target"] : name === "@query" ? [] : [name],
    );
    expect(await judged({ components: of06, by: tenant06 })).toBe("ok");
    expect(await judged({ components: of06, by: tenant07 })).toBe("signature.coverage");
    expect(await judged({ components: all, by: tenant06 })).toBe("signature.coverage");
  });

  test.each([
    "txn-token",
    "act-mandate",
    "execution-context",
    "x-mcp-attestation",
    "content-encoding",
    "last-event-id",
    "mcp-session-id",
    "mcp-param-region",
    "x-tenant-choice",
  ])("%s added to a captured request", async (name) => {
    const by = await wimseTenant("wimse-07", {
      origin: { url: "https://origin.example/mcp", forwardHeaders: ["x-tenant-choice"] },
    });
    const value = name === "execution-context" ? await ect({}, worker) : "added";
    expect(await judged({ by, tamper: (headers) => headers.set(name, value) })).toBe("signature.coverage");
    const together = name === "execution-context" ? { ect: value } : {};
    expect(await judged({ by, ...together, headers: { [name]: value } })).toBe("ok");
  });
  test.each(["authorization", "content-type"])("%s added to a request that had none", async (name) => {
    const attempt: Attempt = { headers: { [name]: undefined } };
    expect(await judged(attempt)).toBe("ok");
    expect(await judged({ ...attempt, tamper: (headers) => headers.set(name, "application/json") })).toBe(
      "signature.coverage",
    );
  });
  test.each(["accept", "user-agent", "host", "origin", "traceparent"])("%s may be added", async (name) => {
    expect(await judged({ tamper: (headers) => headers.set(name, "x") })).toBe("ok");
  });
});

describe("selection", () => {
  const both =
    (first: Map<string, string>, second: Map<string, string>) => (headers: Map<string, string>) => {
      for (const field of ["signature-input", "signature"])
        headers.set(field, `${first.get(field)}, ${second.get(field)}`);
    };
  const fields = (input: string, value: string) =>
    new Map([
      ["signature-input", input],
      ["signature", value],
    ]);
  const FOREIGN = fields(
    'wimse=("@nonsense" "x-absent";bs "@status");created=1;keyid="elsewhere"',
    "wimse=:AQID:",
  );

  test("labels mean nothing", async () => {
    expect(await judged({ label: "wimse" })).toBe("ok");
    expect(await judged({ label: "other" })).toBe("ok");
  });
  test("a signature without the tag is none of ours, whatever its label", async () => {
    expect(await judged({ label: "wimse", parameters: { tag: undefined } })).toBe("signature.missing");
    expect(await judged({ parameters: { tag: "wimse-workload-to-workload2" } })).toBe("signature.missing");
    expect(await judged({ parameters: { tag: TAG.toUpperCase() } })).toBe("signature.missing");
  });
  test("another's signature beside ours is not resolved", async () => {
    expect(await respelt((headers) => both(FOREIGN, new Map(headers))(headers))).toBe("ok");
    expect(await respelt((headers) => both(new Map(headers), FOREIGN)(headers))).toBe("ok");
  });
  test("two with the tag, bad and good, in both orders", async () => {
    const ours = new Map((await signedRequest()).headers);
    const other = new Map((await signedRequest({ label: "two", signedBy: otherWorker })).headers);
    expect(await respelt(both(ours, other))).toBe("signature.not_one");
    expect(await respelt(both(other, ours))).toBe("signature.not_one");
  });
  test("two good ones with the tag", async () => {
    const tokens = { wit: await wit(), ect: await ect({}, worker) };
    const again = new Map((await signedRequest({ ...tokens, label: "two" })).headers);
    expect(await respelt((headers) => headers, tokens)).toBe("ok");
    expect(await respelt((headers) => both(new Map(headers), again)(headers), tokens)).toBe(
      "signature.not_one",
    );
  });
  test("a signature over another signature says nothing of what that one covers", async () => {
    const inner = new Map(
      (await signedRequest({ label: "inner", components: [], parameters: { tag: "x" } })).headers,
    );
    const headers = {
      "signature-input": inner.get("signature-input") ?? "",
      signature: inner.get("signature") ?? "",
    };
    const member = component("signature", new Map([["key", "inner"]]));
    const request = await signedRequest({ headers, components: [member, "@method", "@path", "@query"] });
    const joined = new Map(request.headers);
    both(inner, new Map(request.headers))(joined);
    expect(outcome(await judge({ ...request, headers: joined }))).toBe("signature.coverage");
  });
});

describe("the message", () => {
  test.each<[string, Attempt, Reason]>([
    ["another body", { received: utf8('{"jsonrpc":"2.0"}') }, "digest.mismatch"],
    ["no body any more", { received: new Uint8Array() }, "digest.mismatch"],
    ["a body without digest", { headers: { "content-digest": undefined } }, "digest.missing"],
    ["another mandate", { tamper: (h) => h.set("authorization", "Bearer x") }, "signature.mismatch"],
    ["no signature", { tamper: (h) => h.delete("signature") }, "signature.malformed"],
    [
      "two types in two lines",
      { tamper: (h) => h.set("content-type", "application/json, text/plain") },
      "signature.mismatch",
    ],
    ["no ASCII", { tamper: (h) => h.set("content-type", "caf\u00e9") }, "signature.component"],
    ["octets that were no UTF-8", { tamper: (h) => h.set("content-type", "\ufffd") }, "signature.component"],
    ["a line end", { tamper: (h) => h.set("content-type", 'x\n"@method": GET') }, "signature.component"],
    [
      "a header named @method",
      { tamper: (h) => h.set("@method", "GET").set("wimse-ect", "x") },
      "signature.mismatch",
    ],
  ])("%s", async (_, attempt, expected) => expect(await judged(attempt)).toBe(expected));

  test("another WIT of the same workload: its key is another", async () => {
    const other = await wit({ cnf: { jwk: { ...otherWorker.jwk, alg: "ES256" } } });
    expect(await judged({ tamper: (h) => h.set("workload-identity-token", other) })).toBe(
      "signature.mismatch",
    );
  });
  test("a Host that was rewritten does not matter: the target is the tenant's", async () => {
    const request = await signedRequest();
    expect(outcome(await judge({ ...request, host: "evil.example" }))).toBe("ok");
  });
  test("an ECT by another key", async () => {
    expect(await judged({ ect: await ect({}, otherWorker) })).toBe("ect.signature");
    expect(await judged({ ect: await ect({}, { ...worker, kid: "elsewhere" }) })).toBe("ect.key_unknown");
  });
  test("an ECT names the key as the WIT does, or by its thumbprint", async () => {
    const { signature } = unwrap(await call());
    const thumbprint = signature?.key.thumbprint ?? "";
    expect(thumbprint).toHaveLength(toBase64url(await sha256(BODY)).length);
    expect(await judged({ ect: await ect({}, { ...worker, kid: thumbprint }) })).toBe("ok");
    expect(await judged({ ect: null })).toBe("ok");
  });
});
