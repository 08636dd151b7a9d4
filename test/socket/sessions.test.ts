/** Sessions of the legacy revisions: sealed on the way out, opened for their owner alone, of no use to anybody else. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { generateSigner, mintMandate, SESSION_ACTIONS, startRun } from "../../src/agent/index.ts";
import { type Caller, type Scene, setScene, type Wishes } from "./harness.ts";
import { beginSession, decisionOf, RESPONSE, rpc, told, toolCall, withHeader } from "./messages.ts";
import { answerJson } from "./origin.ts";
import type { Answer } from "./raw.ts";

const OTHER_ISSUER = "https://other-issuer.test";

let scene: Scene;
let otherIssuer: Awaited<ReturnType<typeof generateSigner>>;
beforeAll(async () => {
  otherIssuer = await generateSigner({ alg: "EdDSA", kid: "other-1" });
  scene = await setScene({ acme: {}, second: {}, brief: { sessions: { maxAgeSeconds: 1 } }, poc: {} });
  await trustOtherIssuer("acme");
});
afterAll(() => scene.close());
beforeEach(() => {
  scene.origin("acme").handler = answerJson;
});

/** Lets another issuer authorise the same agents. */
async function trustOtherIssuer(tenant: string): Promise<void> {
  const kv = await scene.runtime.kv();
  const document = JSON.parse((await kv.get(`tenant:${tenant}`)) ?? "{}");
  const [first] = document.issuers;
  document.issuers.push({ ...first, iss: OTHER_ISSUER, keys: [otherIssuer.publicJwk] });
  await kv.put(`tenant:${tenant}`, JSON.stringify(document));
}

const mandateOfOther = (caller: Caller): Promise<string> =>
  mintMandate({
    signer: otherIssuer.signer,
    iss: OTHER_ISSUER,
    sub: `agent:${caller.name}`,
    aud: scene.endpoint("acme"),
    purpose: "test",
    actions: [...SESSION_ACTIONS, "mcp.search"],
  });

/** The session id that the origin saw last; null where there was none. */
const seen = (tenant: string): string | null => {
  const raw = scene.origin(tenant).arrivals.at(-1)?.rawHeaders ?? [];
  return raw.find(([name]) => name.toLowerCase() === "mcp-session-id")?.[1] ?? null;
};

/** Sends a message in a session, whoever's it is. */
const send = async (
  tenant: string,
  session: string | null,
  body: string | null = toolCall(),
  wishes: Wishes = {},
): Promise<Answer> => {
  const headers = { ...wishes.headers, ...(session !== null && { "mcp-session-id": session }) };
  return scene.send(await scene.sign(tenant, body, { ...wishes, headers }));
};

const MESSAGES: readonly [string, string | null, Wishes][] = [
  ["a request", toolCall(), {}],
  ["a notification", rpc("notifications/initialized", {}, null), {}],
  ["a response", RESPONSE, {}],
  ["GET", null, { method: "GET" }],
  ["DELETE", null, { method: "DELETE" }],
];

test("the origin's own id never leaves, and comes back to it with every message of the session", async () => {
  const session = await beginSession(scene, "acme", "the-origins-own");
  expect(session).toMatch(/^[\w-]+\.[\w-]+$/);
  for (const [, body, wishes] of MESSAGES) {
    expect(told(await send("acme", session, body, wishes))).toBe("200");
    expect(seen("acme")).toBe("the-origins-own");
  }
});

test("an origin that repeats its id: the client's id stays what it was", async () => {
  const session = await beginSession(scene, "acme", "s-7");
  scene.origin("acme").handler = ({ response }) =>
    void response.writeHead(200, { "mcp-session-id": "s-7" }).end("{}");
  expect((await send("acme", session)).headers.get("mcp-session-id")).toBe(session);
  // A new one is a new session.
  scene.origin("acme").handler = ({ response }) =>
    void response.writeHead(200, { "mcp-session-id": "s-8" }).end("{}");
  const renewed = (await send("acme", session)).headers.get("mcp-session-id") ?? "";
  expect(renewed).not.toBe(session);
  await send("acme", renewed);
  expect(seen("acme")).toBe("s-8");
});

test("an answer of the origin's own to a session it does not know comes through", async () => {
  const session = await beginSession(scene, "acme");
  scene.origin("acme").handler = ({ response }) => void response.writeHead(404).end("Session not found");
  const answer = await send("acme", session);
  expect([answer.status, answer.text]).toEqual([404, "Session not found"]);
});

/** Reasons by decision. */
const refusals = new Map<string, string>();

describe.each(MESSAGES)("a stolen session id, %s", (_name, body, wishes) => {
  /** Tries it, and looks whether the origin noticed. */
  async function refused(session: string, tenant: string, more: Wishes): Promise<string> {
    const before = scene.origin(tenant).arrivals.length;
    const answer = await send(tenant, session, body, { ...wishes, ...more });
    expect(scene.origin(tenant).arrivals.length).toBe(before);
    refusals.set(decisionOf(answer), told(answer).slice(4));
    return told(answer);
  }

  test("is of no use to another agent", async () => {
    const session = await beginSession(scene, "acme");
    expect(await refused(session, "acme", { caller: scene.writer })).toBe("404 session.unknown");
  });

  test("nor under another issuer's mandate, of the same agent", async () => {
    const session = await beginSession(scene, "acme");
    const run = startRun(await mandateOfOther(scene.reader));
    expect(await refused(session, "acme", { run })).toBe("404 session.unknown");
    // That mandate is good; the session is not its own.
    expect(told(await send("acme", null, toolCall(), { run }))).toBe("200");
  });

  test("nor at another tenant", async () => {
    const session = await beginSession(scene, "acme");
    expect(await refused(session, "second", {})).toBe("404 session.unknown");
  });

  test("and nobody can use what the origin calls it", async () => {
    await beginSession(scene, "acme", "raw-id");
    expect(await refused("raw-id", "acme", {})).toBe("404 session.malformed");
  });
});

test("every such attempt is in the audit log", async () => {
  const rows = await scene.rows([...refusals.keys()]);
  expect(new Map([...rows].map(([id, { reason }]) => [id, reason]))).toEqual(refusals);
  expect(refusals.size).toBe(4 * MESSAGES.length);
});

test("another mandate of the same issuer is the same caller: a session outlives its mandate", async () => {
  const session = await beginSession(scene, "acme");
  expect(told(await send("acme", session, toolCall(), { run: await scene.run("acme") }))).toBe("200");
});

test("a session has a maximum age", async () => {
  const session = await beginSession(scene, "brief");
  let answer = await send("brief", session);
  // Within the second it may still pass.
  for (let tries = 0; told(answer) === "200" && tries < 50; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    answer = await send("brief", session);
  }
  expect(told(answer)).toBe("404 session.expired");
});

test("a session id of 10 kB, and other nonsense: refused, written down, and the next call passes", async () => {
  const decisions: string[] = [];
  for (const nonsense of ["x".repeat(10_240), `local.${"A".repeat(10_240)}`, "a b", "local.", ""]) {
    const answer = await send("acme", nonsense);
    expect(told(answer)).toBe("404 session.malformed");
    decisions.push(decisionOf(answer));
  }
  expect((await scene.rows(decisions)).size).toBe(decisions.length);
  expect(told(await send("acme", null))).toBe("200");
});

test("two session headers are one that is none", async () => {
  const session = await beginSession(scene, "acme");
  const wire = await scene.sign("acme", toolCall(), {
    headers: { "mcp-session-id": `${session}, ${session}` },
  });
  const twice = withHeader(wire, "mcp-session-id", null);
  const lines = [
    ["Mcp-Session-Id", session],
    ["Mcp-Session-Id", session],
  ] as const;
  const answer = await scene.send({ ...twice, headers: [...twice.headers, ...lines] });
  expect(told(answer)).toBe("404 session.malformed");
});

test("a response that belongs to no session is refused", async () => {
  const before = scene.origin("acme").arrivals.length;
  expect(told(await send("acme", null, RESPONSE))).toBe("400 session.missing");
  // A version of the other era is no way round.
  const modern = { headers: { "mcp-protocol-version": "2026-07-28" } };
  expect(told(await send("acme", null, RESPONSE, modern))).toBe("400 session.missing");
  expect(scene.origin("acme").arrivals.length).toBe(before);
});

test("revision 2026-07-28 has no sessions: the header is ignored, and not passed on", async () => {
  const params = { name: "search", arguments: {}, _meta: { [VERSION_KEY]: "2026-07-28" } };
  const headers = { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "search" };
  for (const session of ["anything", await beginSession(scene, "acme")]) {
    expect(told(await send("acme", session, rpc("tools/call", params), { headers }))).toBe("200");
    expect(seen("acme")).toBeNull();
  }
});
const VERSION_KEY = "io.modelcontextprotocol/protocolVersion";

test.each([
  ["too long", "x".repeat(2000)],
  ["with a space", "a b"],
])("an origin's session id that is none, %s: an answer that says so", async (_name, id) => {
  scene.origin("acme").handler = ({ response }) =>
    void response.writeHead(200, { "mcp-session-id": id }).end("{}");
  const answer = await send("acme", null, rpc("initialize"));
  expect(told(answer)).toBe("502 origin.session_id");
  expect(answer.headers.has("mcp-session-id")).toBe(false);
});

test("a session lives through a rotation of keys, and ends with the key that sealed it", async () => {
  const key = (byte: number) => Buffer.alloc(32, byte).toString("base64url");
  /** What a deployment with these keys says to a session. */
  async function deployed<T>(sessionKeys: string, ask: (at: Scene) => Promise<T>): Promise<T> {
    const at = await setScene({ acme: {} }, { sessionKeys });
    try {
      return await ask(at);
    } finally {
      await at.close();
    }
  }
  const use = (session: string) => async (at: Scene) =>
    told(await at.send(await at.sign("acme", toolCall(), { headers: { "mcp-session-id": session } })));

  const old = await deployed(`k1:${key(1)}`, (at) => beginSession(at, "acme"));
  const renewed = await deployed(`k2:${key(2)},k1:${key(1)}`, async (at) => {
    expect(await use(old)(at)).toBe("200");
    return beginSession(at, "acme");
  });
  await deployed(`k2:${key(2)}`, async (at) => {
    expect(await use(renewed)(at)).toBe("200");
    expect(await use(old)(at)).toBe("404 session.unknown");
  });
});

describe("with SESSION_KEYS that are none", () => {
  let bare: Scene;
  beforeAll(async () => {
    bare = await setScene({ acme: {} }, { sessionKeys: "not a key" });
  });
  afterAll(() => bare.close());

  test("no session begins, nothing is opened, and what needs no session passes", async () => {
    bare.origin("acme").handler = ({ response }) =>
      void response.writeHead(200, { "mcp-session-id": "s" }).end("{}");
    const begun = await bare.send(await bare.sign("acme", rpc("initialize")));
    expect([told(begun), begun.headers.has("mcp-session-id")]).toEqual(["503 session.unconfigured", false]);
    bare.origin("acme").handler = answerJson;
    const headers = { "mcp-session-id": "local.AAAA" };
    const used = await bare.send(await bare.sign("acme", toolCall(), { headers }));
    expect(told(used)).toBe("503 session.unconfigured");
    expect(await bare.logged(used)).toBe("session.unconfigured");
    expect(told(await bare.send(await bare.sign("acme", toolCall())))).toBe("200");
  });
});

describe("profile poc", () => {
  /** What its client sends beside requests: the mandate alone. */
  const BARE = MESSAGES.filter(([name]) => name === "GET" || name === "DELETE" || name === "a response");

  /** Switches bearer-only on for the courier. */
  async function letOffSignatures(tenant: string): Promise<void> {
    const kv = await scene.runtime.kv();
    const document = JSON.parse((await kv.get(`tenant:${tenant}`)) ?? "{}");
    const courier = document.agents.find(({ name }: { name: string }) => name === "courier");
    courier.unsafeBearerOnly = true;
    await kv.put(`tenant:${tenant}`, JSON.stringify(document));
  }

  test.each(BARE)(
    "%s with the mandate alone is refused unless the tenant takes it",
    async (_name, body, wishes) => {
      const caller = scene.courier;
      const session = await beginSession(scene, "acme", "s-1", { caller });
      const answer = await send("acme", session, body, { ...wishes, caller });
      expect(told(answer)).toBe("403 signature.missing");
    },
  );

  describe("with unsafeBearerOnly", () => {
    beforeAll(() => letOffSignatures("poc"));

    test.each(BARE)("%s passes in a session of its own, and only there", async (_name, body, wishes) => {
      const caller = scene.courier;
      const session = await beginSession(scene, "poc", "s-1", { caller });
      const headers = { "last-event-id": "7" };
      expect(told(await send("poc", session, body, { ...wishes, caller, headers }))).toBe("200");
      expect(seen("poc")).toBe("s-1");
      expect(scene.origin("poc").arrivals.at(-1)?.rawHeaders).toContainEqual(["last-event-id", "7"]);
      expect(told(await send("poc", null, body, { ...wishes, caller }))).toBe("400 session.missing");
      const foreign = await beginSession(scene, "poc", "s-2", { caller: scene.reader });
      expect(told(await send("poc", foreign, body, { ...wishes, caller }))).toBe("404 session.unknown");
    });

    test("a request still needs all its evidence", async () => {
      const caller = scene.courier;
      const session = await beginSession(scene, "poc", "s-1", { caller });
      const signed = await scene.sign("poc", toolCall(), { caller, headers: { "mcp-session-id": session } });
      const bare = withHeader(withHeader(signed, "signature", null), "signature-input", null);
      expect(told(await scene.send(bare))).toBe("403 signature.missing");
      expect(told(await scene.send(withHeader(bare, "wimse-ect", null)))).toBe("403 signature.missing");
    });

    test("an ECT is never taken without a signature", async () => {
      const caller = scene.courier;
      const session = await beginSession(scene, "poc", "s-1", { caller });
      const body = rpc("notifications/initialized", {}, null);
      const signed = await scene.sign("poc", body, { caller, headers: { "mcp-session-id": session } });
      const bare = withHeader(withHeader(signed, "signature", null), "signature-input", null);
      expect(told(await scene.send(bare))).toBe("403 signature.missing");
      expect(told(await scene.send(withHeader(bare, "wimse-ect", null)))).toBe("200");
      expect(told(await scene.send(signed))).toBe("200");
    });

    test("an agent with keys of the profile agent alone is not let off", async () => {
      const session = await beginSession(scene, "poc");
      const signed = await scene.sign("poc", null, { method: "GET", headers: { "mcp-session-id": session } });
      const bare = withHeader(withHeader(signed, "signature", null), "signature-input", null);
      expect(told(await scene.send(bare))).toBe("403 signature.missing");
    });
  });
});
