import { type Call, makeCall, type Target } from "../make/call.ts";
import { admitted, type Draft, denied, NOW, type Topic } from "../make/case.ts";
import { withHeader } from "../make/message.ts";
import { type SealedSession, sealSession } from "../make/session.ts";
import { OTHER_ISSUER } from "../tenants.ts";

const RULE = "Countersign profile, MCP sessions";
const SPENT = "Countersign profile, What each kind of message needs";
const MCP = "MCP 2025-11-25, Streamable HTTP, Session Management";

const RESPONSE = '{"jsonrpc":"2.0","id":"s1","result":{}}';

/** A call in a session of ada's, sealed at NOW unless something else is said. */
const within =
  (
    session: Partial<SealedSession> = {},
    call: Call = {},
    change: (sealed: string) => string = (sealed) => sealed,
  ) =>
  async (target: Target) => {
    const sealed = await sealSession({ tenant: target.id, at: NOW, ...session });
    return makeCall(target, { ...call, headers: { "Mcp-Session-Id": change(sealed), ...call.headers } });
  };

const withId = (id: string): Call => ({ headers: { "Mcp-Session-Id": id } });

const INITIALIZE: Call = {
  rpc: {
    id: 1,
    method: "initialize",
    params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "c", version: "1" } },
  },
};

const begins = (id: string) => ({
  status: 200,
  headers: { "content-type": "application/json", "mcp-session-id": id },
  body: '{"jsonrpc":"2.0","id":1,"result":{}}',
});

/** Lets courier send what is no request with its mandate alone. */
function unsafe(document: Draft): void {
  const courier = document.agents.find(({ name }) => name === "courier");
  if (courier !== undefined) courier.unsafeBearerOnly = true;
}

const FORWARDED = { expect: { forwarded: { "mcp-session-id": "s-1" } } };

export const sessions: Topic = {
  name: "sessions",
  title: "MCP sessions, of revisions up to 2025-11-25",
  cases: [
    admitted(
      "call",
      "A call in the caller's own session: the origin receives its own id",
      RULE,
      within(),
      FORWARDED,
    ),
    admitted("get", "GET in a session", MCP, within({}, { method: "GET" }), FORWARDED),
    admitted("delete", "DELETE in a session", MCP, within({}, { method: "DELETE" }), FORWARDED),
    admitted("response", "A posted response in a session", MCP, within({}, { body: RESPONSE }), FORWARDED),
    admitted(
      "notification",
      "A notification in a session",
      MCP,
      within({}, { rpc: { method: "notifications/initialized" } }),
      FORWARDED,
    ),
    admitted(
      "other-mandate",
      "Under another mandate of the same issuer",
      RULE,
      within(
        {},
        {
          mandate: { claims: { jti: "mandate-2" } },
          ect: { claims: { pred: ["mandate-2"] } },
        },
      ),
      FORWARDED,
    ),
    admitted("oldest", "In its last second", RULE, within({ at: NOW - 86_400 }), FORWARDED),
    denied("too-old", "session.expired", "One second later", RULE, within({ at: NOW - 86_401 })),
    denied("tenant-age", "session.expired", "Older than the tenant takes", RULE, within({ at: NOW - 61 }), {
      change: (d) => {
        d.sessions = { maxAgeSeconds: 60 };
      },
    }),
    denied("from-future", "session.expired", "Sealed 31 s in the future", RULE, within({ at: NOW + 31 })),
    denied(
      "other-agent",
      "session.unknown",
      "Another agent's session",
      RULE,
      within({ principal: "agent:bob" }),
    ),
    denied(
      "other-tenant",
      "session.unknown",
      "A session of another tenant",
      RULE,
      within({ tenant: "other" }),
    ),
    denied(
      "other-issuer",
      "session.unknown",
      "A session begun under a mandate of another issuer",
      RULE,
      within({ issuer: OTHER_ISSUER }),
    ),
    denied(
      "retired-key",
      "session.unknown",
      "Sealed with a key that was retired",
      RULE,
      within({ by: "session-retired" }),
    ),
    denied(
      "changed",
      "session.unknown",
      "A character of it is changed",
      RULE,
      within({}, {}, (sealed) =>
        sealed.replace(/^(.{30})(.)/, (_, before, c) => before + (c === "A" ? "B" : "A")),
      ),
    ),
    denied(
      "key-name-changed",
      "session.unknown",
      "The name of its key is changed",
      RULE,
      within({}, {}, (sealed) => sealed.replace("s1.", "s0.")),
    ),
    denied("origins-id", "session.malformed", "The origin's own id", RULE, withId("s-1")),
    denied("empty", "session.malformed", "It is empty", RULE, withId("")),
    denied("too-short", "session.malformed", "Too short to hold anything", RULE, withId("s1.AAAA")),
    denied(
      "too-long",
      "session.malformed",
      "Longer than any that is given out",
      RULE,
      withId(`s1.${"A".repeat(4000)}`),
    ),
    denied("response-alone", "session.missing", "A posted response outside of a session", MCP, {
      body: RESPONSE,
    }),
    denied("no-keys", "session.unconfigured", "The gateway has no session keys", RULE, within(), {
      environment: ["session-keys-missing"],
    }),
    admitted(
      "no-keys-needed",
      "The gateway has no session keys, and nobody asks for a session",
      RULE,
      {},
      { environment: ["session-keys-missing"] },
    ),
    denied(
      "uncovered",
      "signature.coverage",
      "A session that the signature does not cover",
      RULE,
      async (t) => {
        const sealed = await sealSession({ tenant: t.id, at: NOW });
        return withHeader(await makeCall(t), "Mcp-Session-Id", sealed);
      },
    ),
    admitted(
      "modern",
      "Revision 2026-07-28 has no sessions: the header is ignored and goes no further",
      "MCP 2026-07-28, Streamable HTTP",
      {
        meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28" },
        headers: {
          "MCP-Protocol-Version": "2026-07-28",
          "Mcp-Method": "tools/call",
          "Mcp-Name": "search",
          "Mcp-Session-Id": "anything",
        },
      },
      { expect: { forwarded: { "mcp-session-id": null } } },
    ),

    // -- what the origin says -------------------------------------------------------------------------
    admitted("empty-from-origin", "The origin sends an empty id, which is none", MCP, INITIALIZE, {
      origin: begins(""),
      expect: { headers: { "mcp-session-id": null } },
    }),
    admitted("long-from-origin", "The origin sends an id of 1025 characters", RULE, INITIALIZE, {
      origin: begins("s".repeat(1025)),
      expect: { status: 502, error: { code: 502, reason: "origin.session_id" } },
    }),
    admitted(
      "same-from-origin",
      "The origin repeats the id of the session: the client keeps what it has",
      MCP,
      async (t) => within()(t),
      {
        origin: begins("s-1"),
        ...FORWARDED,
      },
    ),
    admitted(
      "no-keys-to-begin",
      "The gateway has no session keys, and the origin begins a session",
      RULE,
      INITIALIZE,
      {
        origin: begins("s-1"),
        environment: ["session-keys-missing"],
        expect: { status: 503, error: { code: 503, reason: "session.unconfigured" } },
      },
    ),

    // -- messages with the mandate alone --------------------------------------------------------------
    denied(
      "poc-get",
      "signature.missing",
      "poc: GET with the mandate alone",
      "Countersign profile, Signature profiles",
      within({ principal: "agent:courier" }, { agent: "courier", method: "GET", signature: null }),
    ),
    ...(
      [
        ["get", { method: "GET" }],
        ["delete", { method: "DELETE" }],
        ["response", { body: RESPONSE }],
        ["notification", { rpc: { method: "notifications/initialized" }, ect: null }],
      ] as const
    ).map(([id, call]) =>
      admitted(
        `bearer-only-${id}`,
        `unsafeBearerOnly: ${id} with the mandate alone, in a session`,
        SPENT,
        within({ principal: "agent:courier" }, { agent: "courier", signature: null, digest: null, ...call }),
        {
          change: unsafe,
          ...FORWARDED,
        },
      ),
    ),
    denied(
      "bearer-only-no-session",
      "session.missing",
      "unsafeBearerOnly: GET with the mandate alone and no session",
      SPENT,
      { agent: "courier", method: "GET", signature: null },
      { change: unsafe },
    ),
    denied(
      "bearer-only-request",
      "signature.missing",
      "unsafeBearerOnly does not let requests through",
      SPENT,
      within({ principal: "agent:courier" }, { agent: "courier", signature: null, ect: null }),
      { change: unsafe },
    ),
    denied(
      "bearer-only-stolen",
      "session.unknown",
      "unsafeBearerOnly: a mandate with another agent's session",
      SPENT,
      within({}, { agent: "courier", method: "GET", signature: null }),
      { change: unsafe },
    ),
  ],
};
