/** Signatures that say whose software calls (draft-meunier-webbotauth-httpsig-protocol-02). */

import type { BareItem } from "structured-headers";
import { beforeAll, describe, expect, test } from "vitest";
import { generateSigner, type Signer } from "../../../src/agent/index.ts";
import { type Component, component } from "../../../src/evidence/http-signature/fields.ts";
import type { SignedRequest } from "../../../src/evidence/http-signature/message.ts";
import { parseHttpSignature } from "../../../src/evidence/http-signature/parse.ts";
import { makeSignature } from "../../../src/evidence/http-signature/sign.ts";
import { verifyWebBotAuth } from "../../../src/evidence/http-signature/web-bot-auth.ts";
import type { JsonValue } from "../../../src/json/strict-json.ts";
import { algorithmOf } from "../../../src/keys/algorithms.ts";
import { importVerificationKey } from "../../../src/keys/hygiene.ts";
import type { VerificationKey } from "../../../src/keys/key.ts";
import { directoryKeys, keysByThumbprint } from "../../../src/keys/key-table.ts";
import type { KeyFinder } from "../../../src/keys/source.ts";
import { CLOCK_SKEW, MAX_WEB_BOT_AUTH_LIFETIME } from "../../../src/limits.ts";
import { fail, ok } from "../../../src/result.ts";
import { signatureAgentUrl, webBotAuthPolicy } from "../../../src/tenant/schema/signature.ts";
import { keysIn } from "../../support/agents.ts";
import { agentKey, keyOf, NOW, outcome, request, sign, verify } from "./helpers.ts";

const BOT = "https://bot.example/.well-known/http-message-signatures-directory";
const SET = "https://bot.example/keys.json";

const policy = webBotAuthPolicy({
  agents: [
    { url: "https://bot.example/", type: "directory" },
    { url: SET, type: "jwks_uri" },
    { url: "https://down.example", type: "directory" },
  ],
  maxLifetimeSeconds: MAX_WEB_BOT_AUTH_LIFETIME,
});
if (policy === null) throw new Error("there is one");

let bot: Signer;
let stranger: Signer;
let table: ReadonlyMap<string, VerificationKey>;
const asked: string[] = [];
const finder: KeyFinder = async (source, { kid, algorithms }) => {
  if (source.type !== "signatureAgent") throw new Error("another source");
  asked.push(`${source.url} ${kid}`);
  if (source.url.includes("down.example")) return fail("unavailable");
  const key = table.get(kid);
  return key === undefined || !algorithms.includes(key.alg) ? fail("unknown") : ok(key);
};
beforeAll(async () => {
  const made = await generateSigner({ alg: "EdDSA" });
  bot = made.signer;
  stranger = (await generateSigner({ alg: "EdDSA" })).signer;
  const key = await importVerificationKey(made.publicJwk, ["EdDSA"]);
  if (!key.ok) throw new Error(key.error);
  table = new Map([[bot.kid, key.value]]);
});

interface Attempt {
  readonly by?: Signer;
  readonly agent?: string | null;
  readonly components?: readonly (string | Component)[];
  readonly parameters?: Record<string, BareItem | undefined>;
  readonly label?: string;
  readonly tamper?: (message: SignedRequest) => SignedRequest;
  /** Fields to add to the two of the signature. */
  readonly beside?: { readonly signatureInput: string; readonly signature: string };
  readonly headers?: Record<string, string>;
}

const member = (key: string): Component => component("signature-agent", new Map([["key", key]]));

async function judge(attempt: Attempt = {}): Promise<string> {
  const { by = bot, agent = 'bot="https://bot.example"', label = "sig", tamper = (m) => m } = attempt;
  const message = await request({ ...(agent !== null && { "signature-agent": agent }), ...attempt.headers });
  const { components = ["@authority", member("bot")] } = attempt;
  const parameters: Record<string, BareItem | undefined> = {
    created: NOW,
    expires: NOW + 3600,
    keyid: by.kid,
    tag: "web-bot-auth",
    ...attempt.parameters,
  };
  const signed = await makeSignature(message, {
    components: components.map((one) => (typeof one === "string" ? component(one) : one)),
    parameters: new Map(
      Object.entries(parameters).filter((entry): entry is [string, BareItem] => entry[1] !== undefined),
    ),
    label,
    sign: async (base) =>
      new Uint8Array(await crypto.subtle.sign(algorithmOf(by.alg).webCrypto, by.privateKey, base)),
  });
  const { beside } = attempt;
  const parsed = parseHttpSignature(
    new Map([
      [
        "signature-input",
        beside ? `${beside.signatureInput}, ${signed.signatureInput}` : signed.signatureInput,
      ],
      ["signature", beside ? `${beside.signature}, ${signed.signature}` : signed.signature],
    ]),
  );
  if (parsed.state !== "present") throw new Error("the fields are good");
  const result = await verifyWebBotAuth(parsed.value, {
    message: tamper(message),
    policy: policy as NonNullable<typeof policy>,
    keys: finder,
    now: NOW,
  });
  if (!result.ok) return result.error;
  return result.value.map((one) => (one.state === "verified" ? one.url : one.state)).join();
}

const INVALID = "signature.web_bot_auth";

test("a good one names the agent by the URL that its keys were found at", async () => {
  asked.length = 0;
  expect(await judge()).toBe(BOT);
  expect(asked).toEqual([`${BOT} ${bot.kid}`]);
  expect(await judge({ components: ["@target-uri", "@method", "content-digest", member("bot")] })).toBe(BOT);
});

test("one with another tag is none, whatever it looks like", async () => {
  expect(await judge({ parameters: { tag: "web-bot-auth2" } })).toBe("");
  expect(await judge({ parameters: { tag: undefined } })).toBe("");
});

describe("who cannot be told is not who he says, and not refused", () => {
  test.each([
    ["an agent that the tenant does not list", 'bot="https://other.example"'],
    ["a listed host, with another kind of document", 'bot="https://bot.example/";type=jwks_uri'],
    ["a kind of document that is not known", 'bot="https://bot.example/x";type=cimd'],
    ["an agent whose keys cannot be had now", 'bot="https://down.example"'],
  ])("%s", async (_, agent) => {
    expect(await judge({ agent })).toBe("unverified");
    // Nor is it looked at further: everybody can send such a thing.
    expect(await judge({ agent, tamper: (message) => ({ ...message, method: "GET" }) })).toBe("unverified");
  });
  test("the member that is covered counts, not another", async () => {
    const agent = 'bot="https://bot.example", other="https://other.example"';
    const components = ["@authority", member("other")];
    expect(await judge({ agent, components, label: "bot" })).toBe("unverified");
  });
  test("nothing but what is listed is ever asked", async () => {
    asked.length = 0;
    await judge({ agent: 'bot="https://169.254.169.254"' });
    await judge({ agent: 'bot="https://other.example"' });
    expect(asked).toEqual([]);
  });
});

describe("what is wrong is refused", () => {
  test.each<[string, Attempt]>([
    ["no Signature-Agent", { agent: null, components: ["@authority"] }],
    ["Signature-Agent uncovered", { components: ["@authority"] }],
    ["neither authority nor target", { components: ["@method", member("bot")] }],
    ["nothing covered", { components: [] }],
    ["no created", { parameters: { created: undefined } }],
    ["no expires", { parameters: { expires: undefined } }],
    ["no keyid", { parameters: { keyid: undefined } }],
    ["a keyid that is no thumbprint", { parameters: { keyid: "bot-1" } }],
    ["expired", { parameters: { created: NOW - 7200, expires: NOW - CLOCK_SKEW - 1 } }],
    ["from the future", { parameters: { created: NOW + CLOCK_SKEW + 1 } }],
    ["expires before created", { parameters: { expires: NOW - 1 } }],
    ["too long a life", { parameters: { expires: NOW + MAX_WEB_BOT_AUTH_LIFETIME + 1 } }],
    ["another alg than its key's", { parameters: { alg: "ecdsa-p256-sha256" } }],
    ["a MAC", { parameters: { alg: "hmac-sha256" } }],
    ["no https", { agent: 'bot="http://bot.example"' }],
    ["user information", { agent: 'bot="https://u@bot.example"' }],
    ["a path behind a directory's host", { agent: 'bot="https://bot.example/x"' }],
    ["a query behind a directory's host", { agent: 'bot="https://bot.example/?x"' }],
    ["no URL", { agent: 'bot="bot"' }],
    ["a Token", { agent: "bot=example" }],
    ["a list", { agent: 'bot=("https://bot.example")' }],
    ["a type that is no Token", { agent: 'bot="https://bot.example";type="directory"' }],
    ["an example key of RFC 9421", { parameters: { keyid: "poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U" } }],
    ["another authority", { tamper: (m) => ({ ...m, targetUri: "https://evil.example/acme/mcp" }) }],
  ])("%s", async (_, attempt) => {
    expect(await judge(attempt)).toBe(INVALID);
  });
  test("a key that the agent does not publish", async () =>
    expect(await judge({ by: stranger })).toBe(INVALID));
  test("the key of one agent under the name of another: it is looked for where that one publishes", async () => {
    asked.length = 0;
    expect(await judge({ by: stranger, parameters: { keyid: bot.kid } })).toBe(INVALID);
    expect(asked).toEqual([`${BOT} ${bot.kid}`]);
  });
  test("several members, and none is called like the signature", async () => {
    const agent = 'bot="https://bot.example", other="https://bot.example"';
    const components = ["@authority", member("bot"), member("other")];
    expect(await judge({ agent, components })).toBe(INVALID);
    expect(await judge({ agent, components, label: "other" })).toBe(BOT);
  });
});

describe("the header as a bare String", () => {
  const agent = '"https://bot.example"';
  test("is covered whole", async () => {
    expect(await judge({ agent, components: ["@authority", "signature-agent"] })).toBe(BOT);
    expect(await judge({ agent, components: ["@authority"] })).toBe(INVALID);
  });
});

describe("several signatures", () => {
  const other = async (components: readonly Component[]) =>
    makeSignature(await request(), {
      components,
      parameters: new Map<string, BareItem>([["created", NOW]]),
      label: "inner",
      sign: async () => new Uint8Array(64),
    });
  test("one that covers another covers what that one covers, or says nothing of it", async () => {
    const beside = await other([component("@method")]);
    const headers = { "signature-input": beside.signatureInput, signature: beside.signature };
    const value = component("signature", new Map([["key", "inner"]]));
    const input = component("signature-input", new Map([["key", "inner"]]));
    const of = (...more: Component[]) =>
      judge({ beside, headers, components: [component("@authority"), member("bot"), value, ...more] });
    expect(await of()).toBe(INVALID);
    expect(await of(input)).toBe(INVALID);
    expect(await of(component("@method"))).toBe(INVALID);
    expect(await of(input, component("@method"))).toBe(BOT);
  });
  test("a bad one spoils a good one", async () => {
    const bad = await makeSignature(await request(), {
      components: [component("@authority")],
      parameters: new Map<string, BareItem>([["tag", "web-bot-auth"]]),
      label: "bad",
      sign: async () => new Uint8Array(64),
    });
    expect(await judge({ beside: bad })).toBe(INVALID);
  });
});

test("it never counts as the caller's own, though a registered key made it", async () => {
  const message = await request();
  const signed = await sign(message, { parameters: { tag: "web-bot-auth" } });
  expect(outcome(await verify(message, signed))).toBe("signature.key_unknown");
  const findKey = keysIn(await agentKey("ed25519", "agent"), await agentKey("p256", "agent"));
  const own = await sign(message, { key: "p256", label: "own" });
  const both = {
    signatureInput: `${signed.signatureInput}, ${own.signatureInput}`,
    signature: `${signed.signature}, ${own.signature}`,
  };
  expect(outcome(await verify(message, both, { findKey }))).toBe("ok");
});

test.each([
  ["https://bot.example", "directory", BOT],
  ["https://BOT.example:443/", "directory", BOT],
  ["https://bot.example/.", "directory", BOT],
  ["https://bot.example/keys.json?x#y", "jwks_uri", SET],
  ["https://bot.example/a/../keys.json", "jwks_uri", SET],
  ["http://bot.example", "directory", null],
  ["bot.example", "directory", null],
])("the identifier of %s (%s)", (url, form, expected) => expect(signatureAgentUrl(url, form)).toBe(expected));

describe("published keys are found by their thumbprints", () => {
  const kidsIn = async (read: typeof directoryKeys, set: JsonValue) => {
    const result = await read(set);
    return result.ok ? [...result.value.keys()] : result.error;
  };
  test("in a directory under that name alone", async () => {
    const { jwk, thumbprint } = await keyOf("ed25519");
    expect(await kidsIn(directoryKeys, { keys: [{ ...jwk, kid: thumbprint }] })).toEqual([thumbprint]);
    expect(await kidsIn(directoryKeys, { keys: [{ ...jwk }] })).toEqual([thumbprint]);
    expect(await kidsIn(directoryKeys, { keys: [{ ...jwk, kid: "1" }] })).toEqual([]);
    const other = await keyOf("p256");
    expect(await kidsIn(directoryKeys, { keys: [{ ...other.jwk, kid: thumbprint }] })).toEqual([]);
  });
  test("in a JWK set whatever their names", async () => {
    const { jwk, thumbprint } = await keyOf("ed25519");
    const other = await keyOf("p256");
    const keys = [
      { ...jwk, kid: other.thumbprint },
      { ...other.jwk, kid: "same" },
    ];
    expect(await kidsIn(keysByThumbprint, { keys })).toEqual([thumbprint, other.thumbprint]);
    expect(await kidsIn(keysByThumbprint, { keys: "x" })).toBe("malformed");
  });
});
