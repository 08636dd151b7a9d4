/** Web Bot Auth over a real socket: the directory is fetched from a server of its own, and the record says who it was. */

import { createServer } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { generateSigner, type Signer } from "../../src/agent/index.ts";
import { component } from "../../src/evidence/http-signature/fields.ts";
import { makeSignature } from "../../src/evidence/http-signature/sign.ts";
import { type Listening, listen } from "../support/web-server.ts";
import { type Scene, setScene } from "./harness.ts";
import { decisionOf, headerOf, told, toolCall, withHeader } from "./messages.ts";
import type { Answer, Wire } from "./raw.ts";
import { visitWire } from "./visits.ts";

const BOT = "https://bot.example";
const DIRECTORY = "/.well-known/http-message-signatures-directory";

let scene: Scene;
let server: Listening;
let bot: Signer;
const fetched: string[] = [];

beforeAll(async () => {
  const made = await generateSigner({ alg: "EdDSA" });
  bot = made.signer;
  server = await listen(
    createServer((request, response) => {
      fetched.push(request.url ?? "");
      response
        .writeHead(200, { "content-type": "application/http-message-signatures-directory+json" })
        .end(JSON.stringify({ keys: [made.publicJwk] }));
    }),
  );
  scene = await setScene(
    { t: { webBotAuth: { agents: [{ url: BOT, binding: "BOTS" }] } }, off: {} },
    { services: { BOTS: new URL(server.origin).host } },
  );
});
afterAll(async () => {
  await scene.close();
  await server.close();
});

const honest = (tenant: string, agent = BOT): Promise<Wire> =>
  scene.sign(tenant, toolCall(), { headers: { "signature-agent": `bot="${agent}"` } });

/** An honest call with a bot's signature beside the caller's own. */
async function withBot(tenant: string, agent = BOT, by = bot, own?: Wire): Promise<Wire> {
  const wire = own ?? (await honest(tenant, agent));
  const { method, target } = wire;
  const now = Math.floor(Date.now() / 1000);
  const signed = await makeSignature(
    {
      kind: "request",
      method,
      targetUri: new URL(target, scene.endpoint(tenant)).href,
      headers: new Map(wire.headers.map(([name, value]) => [name.toLowerCase(), value])),
    },
    {
      components: [component("@authority"), component("signature-agent", new Map([["key", "bot"]]))],
      parameters: new Map<string, string | number>([
        ["created", now],
        ["expires", now + 60],
        ["keyid", bot.kid],
        ["tag", "web-bot-auth"],
      ]),
      label: "bot",
      sign: async (base) => new Uint8Array(await crypto.subtle.sign("Ed25519", by.privateKey, base)),
    },
  );
  const input = `${headerOf(wire, "signature-input")}, ${signed.signatureInput}`;
  const value = `${headerOf(wire, "signature")}, ${signed.signature}`;
  return withHeader(withHeader(wire, "signature-input", input), "signature", value);
}

const checksOf = async (answer: Answer): Promise<string> => {
  const decision = decisionOf(answer);
  return (await scene.rows([decision])).get(decision)?.checks ?? "";
};

test("the record names the bot whose directory has the key, and only that is fetched", async () => {
  const answer = await scene.send(await withBot("t"));
  expect(answer.status).toBe(200);
  const unknown = await scene.send(await withBot("t", "https://other.example"));
  expect(unknown.status).toBe(200);
  const unseen = await scene.send(await withBot("off"));
  expect(unseen.status).toBe(200);
  expect(await checksOf(answer)).toContain(`web-bot-auth:${BOT}${DIRECTORY}`);
  expect(await checksOf(unknown)).toContain("web-bot-auth.unverified");
  expect(await checksOf(unseen)).not.toContain("web-bot-auth");
  expect(fetched).toEqual([DIRECTORY]);
});

test("somebody else under its name is refused, and what the caller signed can still be used", async () => {
  const stranger = (await generateSigner({ alg: "EdDSA" })).signer;
  const own = await honest("t");
  const forged = await withBot("t", BOT, stranger, own);
  const before = scene.origin("t").arrivals.length;
  expect(told(await scene.send(forged))).toBe("403 signature.web_bot_auth");
  expect(scene.origin("t").arrivals.length).toBe(before);
  // What is beside a signature may be anybody's, so it uses up nothing.
  expect((await scene.send(own)).status).toBe(200);
});

test("at an endpoint of Countersign's own it counts for as much", async () => {
  const visit = () => visitWire(scene, "t", "runs/AA", { headers: { "signature-agent": `bot="${BOT}"` } });
  const answer = await scene.send(await withBot("t", BOT, bot, await visit()));
  expect(told(answer)).toBe("404 endpoint.not_found");
  expect(await checksOf(answer)).toContain(`web-bot-auth:${BOT}${DIRECTORY}`);
  const stranger = (await generateSigner({ alg: "EdDSA" })).signer;
  const forged = await withBot("t", BOT, stranger, await visit());
  expect(told(await scene.send(forged))).toBe("403 signature.web_bot_auth");
});
