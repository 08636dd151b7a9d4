import { makeCall } from "../make/call.ts";
import { admitted, type Draft, denied, NOW, type Sent, type Topic } from "../make/case.ts";
import type { Covered, Parameter } from "../make/http-signature.ts";
import { signRequest } from "../make/http-signature.ts";
import { type Jwk, key } from "../make/keys.ts";
import { changeHeader } from "../make/message.ts";
import { base64url, sha256, utf8 } from "../make/tokens.ts";

const RULE = "draft-meunier-webbotauth-httpsig-protocol-02";

const host = (id: string) => `https://${id}.bots.example`;
const directory = (id: string) => `${host(id)}/.well-known/http-message-signatures-directory`;

/** RFC 8037 section 2: the members of an Ed25519 key in their order. */
const thumbprint = async ({ crv, kty, x }: Jwk): Promise<string> =>
  base64url(await sha256(utf8(JSON.stringify({ crv, kty, x }))));

const BOT = await thumbprint(key("bot").publicJwk);

/** The tenant knows the bot of the case. */
const knows = (id: string) => (d: Draft) => {
  d.webBotAuth = { agents: [{ url: host(id) }] };
};

const published = (id: string, name = "bot", kid = BOT) => ({
  [directory(id)]: {
    status: 200,
    headers: { "content-type": "application/http-message-signatures-directory+json" },
    body: JSON.stringify({ keys: [{ ...key(name).publicJwk, kid }] }),
  },
});

interface BotChanges {
  readonly by?: string;
  /** Value of Signature-Agent. */
  readonly agent?: string;
  readonly components?: readonly Covered[];
  readonly parameters?: Readonly<Record<string, Parameter | undefined>>;
  readonly change?: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>;
}

/** An honest call, with a signature of the bot beside the caller's own. */
const withBot =
  (
    id: string,
    { by = "bot", agent = `bot="${host(id)}"`, components, parameters, change }: BotChanges = {},
  ): Sent =>
  async (target) => {
    const message = await makeCall(target, { headers: { "Signature-Agent": agent } });
    const { label, input, signature } = await signRequest(
      { method: message.method, targetUri: target.url, headers: message.headers },
      {
        by,
        components: [],
        parameters: { created: target.now, expires: target.now + 3600, tag: "web-bot-auth" },
      },
      {
        label: "bot",
        components: () =>
          components ?? ["@authority", { id: '"signature-agent";key="bot"', value: `"${host(id)}"` }],
        parameters: { keyid: BOT, ...parameters },
        ...(change && { bytes: change }),
      },
    );
    const own = changeHeader(message, "Signature-Input", (text) => `${text}, ${label}=${input}`);
    return changeHeader(own, "Signature", (text) => `${text}, ${label}=${signature}`);
  };

const bad = (id: string, title: string, changes: BotChanges, rule = RULE) =>
  denied(id, "signature.web_bot_auth", title, rule, withBot(id, changes), {
    change: knows(id),
    remote: published(id),
  });

export const webBotAuth: Topic = {
  name: "web-bot-auth",
  title: "Web Bot Auth: whose software calls",
  cases: [
    admitted("verified", "A bot that the tenant knows", RULE, withBot("verified"), {
      change: knows("verified"),
      remote: published("verified"),
    }),
    admitted(
      "off",
      "A tenant that does not look at it",
      "Countersign, tenant document: webBotAuth",
      withBot("off", { change: (bytes) => bytes.toReversed() }),
    ),
    admitted("unknown", "A bot that the tenant does not know cannot be told", RULE, withBot("unknown"), {
      change: knows("somebody"),
    }),
    admitted("unreachable", "A bot whose keys cannot be had cannot be told", RULE, withBot("unreachable"), {
      change: knows("unreachable"),
    }),
    admitted(
      "uncovered-header",
      "A Signature-Agent without a signature says nothing",
      RULE,
      { headers: { "Signature-Agent": 'bot="https://x.example"' } },
      {
        change: knows("uncovered-header"),
      },
    ),
    bad("changed", "One octet of the bot's signature changed", {
      change: (bytes) => bytes.with(0, (bytes[0] ?? 0) ^ 1),
    }),
    bad("stranger", "Signed by another key than the keyid's", { by: "bot-other" }),
    bad("unpublished", "A key that the bot does not publish", {
      by: "bot-other",
      parameters: { keyid: await thumbprint(key("bot-other").publicJwk) },
    }),
    bad("agent-uncovered", "Signature-Agent is not covered", { components: ["@authority"] }),
    bad("nothing-covered", "Nothing is covered", { components: [] }),
    bad("target-uncovered", "Neither authority nor target is covered", {
      components: [{ id: '"signature-agent";key="bot"', value: `"${host("target-uncovered")}"` }],
    }),
    bad("expired", "Expired", { parameters: { created: NOW - 100, expires: NOW - 31 } }),
    bad("in-future", "created in the future", { parameters: { created: NOW + 31 } }),
    bad("day", "A life of more than a day", { parameters: { expires: NOW + 86_401 } }),
    bad("keyid", "A keyid that is no thumbprint", { parameters: { keyid: "bot" } }),
    bad("example-key", "The keyid of an example key of RFC 9421", {
      parameters: { keyid: "poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U" },
    }),
    bad("no-https", "A bot without TLS", {
      agent: 'bot="http://x.example"',
      components: ["@authority", { id: '"signature-agent";key="bot"', value: '"http://x.example"' }],
    }),
    denied(
      "kid",
      "signature.web_bot_auth",
      "A directory in which the key has another kid",
      RULE,
      withBot("kid"),
      {
        change: knows("kid"),
        remote: published("kid", "bot", "bot-1"),
      },
    ),
    denied(
      "not-the-caller",
      "signature.key_unknown",
      "The caller's key, with the tag of a bot: it is not the caller's own signature",
      "Countersign profile, Signature profiles",
      { signature: { parameters: { tag: "web-bot-auth" } } },
    ),
    denied(
      "alone",
      "signature.key_unknown",
      "A bot's signature is none of the caller's",
      RULE,
      async (target) => {
        const message = await (
          withBot("alone") as (t: typeof target) => Promise<Awaited<ReturnType<typeof makeCall>>>
        )(target);
        const last = (text: string) => text.slice(text.indexOf(", bot=") + 2);
        return changeHeader(changeHeader(message, "Signature-Input", last), "Signature", last);
      },
      { change: knows("alone"), remote: published("alone") },
    ),
  ],
};
