import { describe, expect, test } from "vitest";
import { MAX_JTI_LENGTH } from "../../../src/limits.ts";
import { keysIn } from "../../support/agents.ts";
import {
  AGENT_COMPONENTS,
  agentKey,
  NOW,
  outcome,
  pocContext,
  pocSigning,
  request,
  sign,
  TARGET,
  verify,
} from "./helpers.ts";

describe("parameters of agent", () => {
  test.each([
    ["no created", { created: undefined }],
    ["created as Boolean", { created: true }],
    ["no expires", { expires: undefined }],
    ["no nonce", { nonce: undefined }],
    ["empty nonce", { nonce: "" }],
    ["nonce as Integer", { nonce: 7 }],
    ["nonce too long", { nonce: "n".repeat(MAX_JTI_LENGTH + 1) }],
    ["no wimse-aud", { "wimse-aud": undefined }],
    ["wimse-aud as Boolean", { "wimse-aud": true }],
    ["tag as Integer", { tag: 1 }],
    ["a demand for a signed answer", { "wimse-sign-response": true }],
    ["no demand, said aloud", { "wimse-sign-response": false }],
  ])("%s", async (_, changes) => {
    const message = await request();
    expect(outcome(await verify(message, await sign(message, { parameters: changes })))).toBe(
      "signature.parameters",
    );
  });
  test.each([
    ["longest nonce", { nonce: "n".repeat(MAX_JTI_LENGTH) }],
    ["tag", { tag: "any" }],
    ["unknown parameter", { "x-more": "1" }],
  ])("%s is accepted", async (_, changes) => {
    const message = await request();
    expect(outcome(await verify(message, await sign(message, { parameters: changes })))).toBe("ok");
  });
  test.each([
    ["another endpoint", "https://mcp.example/other/mcp"],
    ["a prefix", TARGET.slice(0, -1)],
    ["other case", TARGET.toUpperCase()],
  ])("wimse-aud of %s", async (_, audience) => {
    const message = await request();
    const signed = await sign(message, { parameters: { "wimse-aud": audience } });
    expect(outcome(await verify(message, signed))).toBe("signature.audience");
  });
});

describe("coverage of agent", () => {
  const signOnly = async (components: string) => {
    const message = await request();
    const signed = await sign(message, { components: [] });
    return {
      message,
      signed: { ...signed, signatureInput: signed.signatureInput.replace("()", components) },
    };
  };
  test.each([
    ["nothing", "()"],
    ["the method only", '("@method")'],
    [
      "the method of a related request",
      AGENT_COMPONENTS.map((n) => (n === "@method" ? '"@method";req' : `"${n}"`)).join(" "),
    ],
    [
      "a field re-serialised",
      AGENT_COMPONENTS.map((n) => (n === "content-digest" ? '"content-digest";sf' : `"${n}"`)).join(" "),
    ],
  ])("%s", async (_, list) => {
    const { message, signed } = await signOnly(list.startsWith("(") ? list : `(${list})`);
    expect(outcome(await verify(message, signed))).toBe("signature.coverage");
  });

  test.each([
    "act-mandate",
    "execution-context",
    "x-mcp-attestation",
    "content-encoding",
    "last-event-id",
    "mcp-session-id",
    "mcp-param-region",
    "mcp-",
    "x-tenant-choice",
  ])("%s added to a captured request", async (name) => {
    const signed = await sign(await request());
    const forwardHeaders = new Set(["x-tenant-choice"]);
    const added = await request({ [name]: "added" });
    expect(outcome(await verify(added, signed, { forwardHeaders }))).toBe("signature.coverage");
    const covered = await sign(added, { components: [...AGENT_COMPONENTS, name] });
    expect(outcome(await verify(added, covered, { forwardHeaders }))).toBe("ok");
  });

  test.each(["accept", "user-agent", "host", "origin", "traceparent", "tracestate", "baggage", "x-other"])(
    "%s may be added on the way",
    async (name) => {
      const signed = await sign(await request());
      expect(outcome(await verify(await request({ [name]: "added" }), signed))).toBe("ok");
    },
  );

  test("authorization added to a request that had none", async () => {
    const headers = new Map((await request()).headers);
    headers.delete("authorization");
    const bare = { ...(await request()), headers };
    const signed = await sign(bare, {
      components: AGENT_COMPONENTS.filter((name) => name !== "authorization"),
    });
    expect(outcome(await verify(bare, signed))).toBe("ok");
    expect(outcome(await verify(await request(), signed))).toBe("signature.coverage");
  });

  test("a covered header that was removed", async () => {
    const signed = await sign(await request());
    const headers = new Map((await request()).headers);
    headers.delete("wimse-ect");
    expect(outcome(await verify({ ...(await request()), headers }, signed))).toBe("signature.component");
  });

  test("a body needs Content-Digest; without a body it need not be there", async () => {
    const headers = new Map([["authorization", "Bearer mandate"]]);
    const message = { kind: "request", method: "GET", targetUri: TARGET, headers } as const;
    const signed = await sign(message, { components: ["@method", "@target-uri", "authorization"] });
    expect(outcome(await verify(message, signed, { hasBody: false }))).toBe("ok");
    expect(outcome(await verify(message, signed, { hasBody: true }))).toBe("digest.missing");
  });
});

describe("poc", () => {
  test("what the agent of the proof of concept sends", async () => {
    const message = await request({}, { targetUri: "http://127.0.0.1:8765/mcp" });
    const signed = await sign(message, pocSigning({ "wimse-aud": "mcp-server" }));
    const audiences = new Set(["mcp-server"]);
    const result = await verify(message, signed, { ...(await pocContext()), audiences });
    expect(result).toMatchObject({
      ok: true,
      value: { profile: "poc", nonce: null, expires: null, created: NOW },
    });
  });
  test("the profile is the key's, whatever the message looks like", async () => {
    const message = await request();
    const findKey = keysIn(await agentKey("p256", "agent"));
    expect(outcome(await verify(message, await sign(message, pocSigning()), { findKey }))).toBe(
      "signature.parameters",
    );
  });
  test.each([
    ["no alg", { alg: undefined }, "signature.parameters"],
    ["other alg", { alg: "ed25519" }, "signature.alg"],
    ["no created", { created: undefined }, "signature.parameters"],
    ["no wimse-aud", { "wimse-aud": undefined }, "signature.parameters"],
    ["nonce of wrong type", { nonce: 1 }, "signature.parameters"],
    ["empty nonce", { nonce: "" }, "signature.parameters"],
    ["nonce and expires", { nonce: "n", expires: NOW + 60 }, "ok"],
  ])("%s", async (_, changes, expected) => {
    const message = await request();
    const signed = await sign(message, pocSigning(changes));
    expect(outcome(await verify(message, signed, await pocContext()))).toBe(expected);
  });
  test("an Ed25519 key cannot use it", async () => {
    const message = await request();
    const findKey = keysIn(await agentKey("ed25519", "poc"));
    const signed = await sign(message, { parameters: { alg: "ed25519" } });
    expect(outcome(await verify(message, signed, { findKey }))).toBe("signature.alg");
  });
  test.each([
    ["Execution-Context in place of Wimse-ECT", ["execution-context"], ["execution-context"], "ok"],
    [
      "both present, both covered",
      ["wimse-ect", "execution-context"],
      ["wimse-ect", "execution-context"],
      "ok",
    ],
    ["both present, one covered", ["wimse-ect", "execution-context"], ["wimse-ect"], "signature.coverage"],
    ["none present", [], [], "signature.coverage"],
  ])("%s", async (_, present, covered, expected) => {
    const headers = new Map((await request()).headers);
    headers.delete("wimse-ect");
    for (const name of present) headers.set(name, "ect");
    const message = { ...(await request()), headers };
    const components = ["@method", "@target-uri", "content-digest", ...covered];
    const signed = await sign(message, { ...pocSigning(), components });
    expect(outcome(await verify(message, signed, await pocContext()))).toBe(expected);
  });
});
