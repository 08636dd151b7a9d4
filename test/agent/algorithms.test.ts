/** The kit signs HTTP messages with every kind of key, and tokens with two of them. */

import { describe, expect, test } from "vitest";
import {
  addEvidence,
  generateSigner,
  importSigner,
  mintMandate,
  signMessage,
  startRun,
} from "../../src/agent/index.ts";
import { parseHttpSignature } from "../../src/evidence/http-signature/parse.ts";
import { verifyRegistered } from "../../src/evidence/http-signature/verify.ts";
import { importNamedSecret, importVerificationKey } from "../../src/keys/hygiene.ts";
import type { AgentKey } from "../../src/tenant/tenant.ts";
import { agentNamed, keysIn } from "../support/agents.ts";

const URL = "https://mcp.example/acme/mcp";
const NOW = 1_767_225_600;
const ALL = ["ES256", "ES384", "EdDSA", "PS512", "RS256", "HS256"] as const;
const SECRET = { kty: "oct", k: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", kid: "key" };

async function pairOf(alg: (typeof ALL)[number]) {
  const owner = { agent: agentNamed("ada"), profile: "agent", lane: 0 } as const;
  if (alg === "HS256") {
    const imported = await importNamedSecret(SECRET);
    if (!imported.ok) throw new Error(imported.error);
    return { signer: await importSigner(SECRET), key: { ...imported.value, ...owner } satisfies AgentKey };
  }
  const { signer, publicJwk } = await generateSigner({ alg, kid: "key" });
  const imported = await importVerificationKey(publicJwk, [alg]);
  if (!imported.ok) throw new Error(imported.error);
  return { signer, key: { ...imported.value, ...owner } satisfies AgentKey };
}

test.each(ALL)("%s signs a message", async (alg) => {
  const { signer, key } = await pairOf(alg);
  const headers = new Headers({ "act-mandate": "the mandate", accept: "text/event-stream" });
  const signed = await signMessage(
    { method: "GET", url: URL, headers },
    { signer, profile: "agent", audience: URL, cover: [], nonce: "n", now: NOW, lifetimeSeconds: 60 },
  );
  const parsed = parseHttpSignature(
    new Map([
      ["signature-input", signed.signatureInput],
      ["signature", signed.signature],
    ]),
  );
  if (parsed.state !== "present") throw new Error("the fields are there");
  const verified = await verifyRegistered(parsed.value, keysIn(key), {
    message: { kind: "request", method: "GET", targetUri: URL, headers: new Map(headers) },
    hasBody: false,
    policy: { algorithms: new Set(ALL), publicAlgorithms: [] },
    audiences: new Set([URL]),
    forwardHeaders: new Set(),
    now: NOW,
  });
  expect(verified).toMatchObject({ ok: true, value: { nonce: "n" } });
});

describe.each(["ES384", "PS512", "RS256", "HS256"] as const)("%s signs no tokens", (alg) => {
  test("neither mandates nor ECTs", async () => {
    const { signer } = await pairOf(alg);
    const grant = {
      iss: "https://issuer.example",
      sub: "agent:a",
      aud: URL,
      purpose: "p",
      actions: ["mcp.x"],
    };
    await expect(mintMandate({ ...grant, signer })).rejects.toThrow(TypeError);
    const issuer = await generateSigner({ alg: "EdDSA" });
    const run = startRun(await mintMandate({ ...grant, signer: issuer.signer }));
    const body = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
    await expect(addEvidence({ method: "POST", url: URL, body }, { run, signer })).rejects.toThrow(
      /ES256 or EdDSA/,
    );
    // A GET has none.
    expect((await addEvidence({ method: "GET", url: URL }, { run, signer })).nonce).not.toBeNull();
  });
});
