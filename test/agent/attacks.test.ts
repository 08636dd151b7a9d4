/** One thing wrong at a time, each with the reason it is refused for. */

import { describe, expect, test } from "vitest";
import { addEvidence, type EvidenceOptions, mintEct, signMessage, startRun } from "../../src/agent/index.ts";
import { utf8 } from "../../src/encoding.ts";
import { contentDigest } from "../../src/evidence/http-signature/content-digest.ts";
import { MAX_SIGNATURE_WINDOW } from "../../src/limits.ts";
import {
  agent,
  judge,
  mandate,
  mandateFor,
  NOW,
  outcome,
  p256,
  pass,
  post,
  rpc,
  SEARCH,
  stranger,
  toRequest,
  URL_OF_TENANT,
} from "./helpers.ts";

const attack = async (change: (headers: Headers) => void, body = SEARCH): Promise<string> => {
  const { headers } = await addEvidence(post(SEARCH), agent());
  change(headers);
  return outcome(await judge(toRequest(post(body), headers)));
};

describe("what is changed on the way is refused", () => {
  test.each<[string, string, (headers: Headers) => void, string?]>([
    ["nothing", "ok", () => {}],
    ["another argument", "digest.mismatch", () => {}, SEARCH.replace("tides", "waves")],
    ["another body with its digest gone", "digest.missing", (h) => h.delete("content-digest")],
    ["no ECT", "ect.missing", (h) => h.delete("wimse-ect")],
    [
      "no signature",
      "signature.missing",
      (h) => ["signature", "signature-input"].forEach((name) => void h.delete(name)),
    ],
    ["no mandate", "bearer.missing", (h) => h.delete("authorization")],
    ["a session id added", "signature.coverage", (h) => h.set("mcp-session-id", "s")],
    ["a second mandate header", "bearer.conflict", (h) => h.set("act-mandate", "x.y.z")],
    ["a mirrored header added", "signature.coverage", (h) => h.set("mcp-param-q", "x")],
  ])("%s: %s", async (_name, expected, change, body) => {
    expect(await attack(change, body)).toBe(expected);
  });

  test("another body with a digest that fits it", async () => {
    const other = SEARCH.replace("tides", "waves");
    const digest = await contentDigest(utf8(other));
    expect(await attack((h) => h.set("content-digest", digest), other)).toBe("signature.mismatch");
  });

  test("another mandate of the same agent", async () => {
    const other = await mandateFor();
    expect(await attack((h) => h.set("authorization", `Bearer ${other}`))).toBe("signature.mismatch");
  });
});

describe("evidence for something else is refused", () => {
  test.each<[string, string, Partial<EvidenceOptions>]>([
    ["another key under the same kid", "signature.mismatch", { signer: stranger.signer }],
    ["another audience", "signature.audience", { audience: "https://other.example/mcp" }],
    ["another ECT issuer", "ect.issuer", { ectIssuer: "agent:somebody-else" }],
    ["too long a life", "signature.window", { lifetimeSeconds: MAX_SIGNATURE_WINDOW + 1 }],
    ["a clock that is ahead", "signature.in_future", { now: () => NOW + 31 }],
    ["a clock that is far behind", "signature.expired", { now: () => NOW - 151 }],
    ["the wrong profile for the key", "signature.parameters", { profile: "poc" }],
  ])("%s: %s", async (_name, expected, changes) => {
    expect(outcome(await pass(post(SEARCH), agent(changes)))).toBe(expected);
  });

  test("a tool the mandate does not list", async () => {
    const body = rpc("tools/call", { name: "delete", arguments: {} });
    expect(outcome(await pass(post(body), agent()))).toBe("capability.missing");
  });

  test("another URL of the same server", async () => {
    const { headers } = await addEvidence(
      { ...post(SEARCH), url: `${URL_OF_TENANT}/x` },
      agent({ audience: URL_OF_TENANT }),
    );
    expect(outcome(await judge(toRequest(post(SEARCH), headers)))).toBe("signature.mismatch");
  });

  test("an ECT put together by hand that claims another action, body or parent", async () => {
    const run = startRun(mandate);
    const claims = {
      iss: run.mandate.sub,
      aud: URL_OF_TENANT,
      jti: "e-1",
      wid: null,
      execAct: "mcp.search",
      pred: [run.mandate.jti],
      body: utf8(SEARCH),
      now: NOW,
      lifetimeSeconds: 60,
    };
    const send = async (changes: Partial<typeof claims>) => {
      const headers = new Headers({
        ...(post(SEARCH).headers as Record<string, string>),
        authorization: `Bearer ${mandate}`,
        "wimse-ect": await mintEct(p256.signer, { ...claims, ...changes }),
        "content-digest": await contentDigest(utf8(SEARCH)),
      });
      const { signatureInput, signature } = await signMessage(
        { method: "POST", url: URL_OF_TENANT, headers },
        {
          signer: p256.signer,
          profile: "agent",
          audience: URL_OF_TENANT,
          cover: [],
          nonce: "n",
          now: NOW,
          lifetimeSeconds: 60,
        },
      );
      headers.set("signature-input", signatureInput);
      headers.set("signature", signature);
      return outcome(await judge(toRequest(post(SEARCH), headers)));
    };
    expect(await send({})).toBe("ok");
    expect(await send({ execAct: "mcp.fetch" })).toBe("ect.exec_act_mismatch");
    expect(await send({ body: utf8("{}") })).toBe("ect.inp_hash_mismatch");
    expect(await send({ pred: ["somebody"] })).toBe("ect.mandate_not_named");
    expect(await send({ now: NOW - 3600 })).toBe("ect.too_old");
  });

  test("a method that the tenant does not know is signed, and refused by the tenant", async () => {
    const { headers } = await addEvidence(post(rpc("ui/open")), agent());
    expect(outcome(await judge(toRequest(post(rpc("ui/open")), headers)))).toBe("message.method_unknown");
  });

  test("no evidence is made for a tool named like a session", async () => {
    const body = rpc("tools/call", { name: "session.ping" });
    await expect(addEvidence(post(body), agent())).rejects.toThrow("message.tool_name_reserved");
  });

  test("a header that cannot be signed is refused, not left out", async () => {
    const outgoing = { ...post(SEARCH), headers: { ...post(SEARCH).headers, "mcp-name": "caf\u00e9" } };
    await expect(addEvidence(outgoing, agent())).rejects.toThrow(TypeError);
  });
});
