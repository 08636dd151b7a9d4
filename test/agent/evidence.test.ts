import { describe, expect, test } from "vitest";
import { addEvidence, type OutgoingRequest, startRun } from "../../src/agent/index.ts";
import { utf8 } from "../../src/encoding.ts";
import {
  agent,
  ed25519,
  issuersFor,
  judge,
  mandate,
  mandateFor,
  NOW,
  outcome,
  p256,
  pass,
  poc,
  post,
  recorded,
  rpc,
  SEARCH,
  tenantOf,
  toRequest,
  URL_OF_TENANT,
  verified,
} from "./helpers.ts";

const GET: OutgoingRequest = { method: "GET", url: URL_OF_TENANT, headers: { accept: "text/event-stream" } };
const DELETE: OutgoingRequest = { method: "DELETE", url: URL_OF_TENANT };
const ANSWER = post('{"jsonrpc":"2.0","id":7,"result":{}}');

describe("profile agent", () => {
  test.each([
    ["ES256", p256],
    ["EdDSA", ed25519],
  ])("a tool call with a key for %s", async (alg, { signer }) => {
    const { headers, step } = await addEvidence(post(SEARCH), agent({ signer }));
    const { caller } = verified(await judge(toRequest(post(SEARCH), headers)));
    expect(caller.signature?.key).toMatchObject({ alg, profile: "agent", agent: { name: "researcher" } });
    expect(caller.ect).toMatchObject({ jti: step?.jti, pred: step?.pred, execAct: "mcp.search" });
    expect(step).toMatchObject({ joins: true, pred: [caller.mandate.jti] });
  });

  test("covers what is decided upon, and not Accept, which proxies rewrite", async () => {
    const headers = { ...post(SEARCH).headers, "mcp-session-id": "s-1", "user-agent": "x" };
    const { caller } = verified(await pass({ ...post(SEARCH), headers }, agent()));
    const covered = ["@method", "@target-uri", "authorization", "content-digest", "content-type"];
    expect([...(caller.signature?.covers ?? [])].sort()).toEqual(
      [...covered, "mcp-session-id", "wimse-ect"].map((name) => `"${name}"`),
    );
    expect(caller.signature).toMatchObject({ created: NOW, expires: NOW + 120 });
  });

  test("covers the headers that a tenant forwards", async () => {
    const by = await tenantOf({ origin: { url: "https://origin.example/mcp", forwardHeaders: ["x-team"] } });
    const outgoing = { ...post(SEARCH), headers: { ...post(SEARCH).headers, "X-Team": "red" } };
    expect(outcome(await pass(outgoing, agent(), { by }))).toBe("signature.coverage");
    expect(outcome(await pass(outgoing, agent({ cover: ["x-team"] }), { by }))).toBe("ok");
  });

  test.each([
    ["initialize", rpc("initialize", {}), "mcp.session.initialize"],
    [
      "a notification",
      rpc("notifications/initialized", undefined, null),
      "mcp.session.notifications.initialized",
    ],
    ["tools/list", rpc("tools/list"), "mcp.session.tools.list"],
    ["text that is not ASCII", rpc("ping", { note: "caf\u00e9 \u{1f30a}" }), "mcp.session.ping"],
  ])("%s has an ECT outside the chain of calls", async (_name, body, action) => {
    const run = startRun(mandate);
    run.answered({ jti: "earlier", pred: [], joins: true }, recorded());
    const { headers, step } = await addEvidence(post(body), agent({ run }));
    expect(step).toMatchObject({ joins: false, pred: [run.mandate.jti] });
    expect(verified(await judge(toRequest(post(body), headers))).caller.ect?.execAct).toBe(action);
  });

  test.each([
    ["GET", GET],
    ["DELETE", DELETE],
    ["a posted answer", ANSWER],
  ])("%s has mandate and signature with a nonce, and no ECT", async (_name, outgoing) => {
    const { headers, step } = await addEvidence(outgoing, agent());
    expect(step).toBeNull();
    const { caller } = verified(await judge(toRequest(outgoing, headers)));
    expect(caller.ect).toBeNull();
    expect(caller.signature?.nonce).toMatch(/^[A-Za-z0-9_-]{22}$/);
  });

  test("bytes and text give the same evidence, and every id is new", async () => {
    const options = agent();
    const [one, other] = [
      await addEvidence(post(SEARCH), options),
      await addEvidence(post(utf8(SEARCH)), options),
    ];
    expect(one.headers.get("content-digest")).toBe(other.headers.get("content-digest"));
    expect(one.step?.jti).not.toBe(other.step?.jti);
    expect(one.headers.get("signature-input")).not.toBe(other.headers.get("signature-input"));
  });

  test("headers and names can be chosen", async () => {
    const options = agent({
      mandateHeader: "act-mandate",
      ectHeader: "execution-context",
      ectIssuer: "spiffe://example/researcher",
      audience: "mcp-server",
      run: startRun(await mandateFor({ aud: "mcp-server", wid: "w-1" })),
      newId: () => "id-1",
    });
    const by = await tenantOf({ audiences: ["mcp-server"] });
    const { headers } = await addEvidence(post(SEARCH), options);
    expect([...headers.keys()]).not.toContain("authorization");
    expect([...headers.keys()]).not.toContain("wimse-ect");
    const { caller } = verified(await judge(toRequest(post(SEARCH), headers), { by }));
    expect(caller.ect).toMatchObject({ jti: "id-1", wid: "w-1", iss: "spiffe://example/researcher" });
    expect(caller.signature?.nonce).toBe("id-1");
  });

  test("actions can be named as the tenant names them", async () => {
    const actions = { toolCall: "tool:{tool}", session: "s:{method}", extraMethods: ["ui/open"] };
    const granted = ["tool:search", "s:ui.open"];
    const by = await tenantOf({ actions, issuers: issuersFor(granted) });
    const run = startRun(await mandateFor({ actions: granted }));
    for (const body of [SEARCH, rpc("ui/open")]) {
      expect(outcome(await pass(post(body), agent({ actions, run }), { by }))).toBe("ok");
    }
  });

  test("the target is signed without its fragment", async () => {
    const outgoing = { ...post(SEARCH), url: `${URL_OF_TENANT}#top` };
    const { headers } = await addEvidence(outgoing, agent());
    expect(outcome(await judge(toRequest(post(SEARCH), headers)))).toBe("ok");
  });

  test("evidence that is already there is replaced", async () => {
    const first = await addEvidence(post(SEARCH), agent());
    const again = { ...post(SEARCH), headers: first.headers };
    expect(outcome(await pass(again, agent()))).toBe("ok");
  });
});

describe("profile poc", () => {
  const options = () => agent({ signer: poc.signer, profile: "poc" });

  test("a tool call passes, with what that client signs and nothing more", async () => {
    const { headers } = await addEvidence(post(SEARCH), options());
    expect(headers.get("signature-input")).toBe(
      `sig=("@method" "@target-uri" "content-digest" "wimse-ect");created=${NOW};keyid="agent-poc"` +
        `;alg="ecdsa-p256-sha256";wimse-aud="${URL_OF_TENANT}"`,
    );
    const { caller } = verified(await judge(toRequest(post(SEARCH), headers)));
    expect(caller.signature).toMatchObject({ profile: "poc", nonce: null, expires: null });
  });

  test.each([
    ["GET", GET],
    ["DELETE", DELETE],
    ["a posted answer", ANSWER],
  ])("%s has the mandate alone", async (_name, outgoing) => {
    const { headers, step } = await addEvidence(outgoing, options());
    expect(step).toBeNull();
    const added = [...headers.keys()].filter((name) => !new Headers(outgoing.headers).has(name));
    expect(added).toEqual(["authorization"]);
  });
});
