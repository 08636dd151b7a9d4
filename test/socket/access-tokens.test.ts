/** OAuth access tokens: the client of the MCP TypeScript SDK with its own OAuth and DPoP, and who has captured what it sent. */

import {
  Client,
  ClientCredentialsProvider,
  DpopSession,
  type FetchLike,
  InsufficientScopeError,
  StreamableHTTPClientTransport,
  withDpop,
} from "@modelcontextprotocol/client";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type AuthorizationServer, SECRET, startAuthorizationServer } from "./authorization-server.ts";
import { type Difference, type Scene, setScene } from "./harness.ts";
import { type McpOrigin, startMcpOrigin } from "./mcp-origin.ts";
import { decisionOf, rpc, told, toolCall } from "./messages.ts";
import { type Answer, exchange, toBytes, volley, type Wire } from "./raw.ts";

let server: AuthorizationServer;
let stateful: McpOrigin;
let modern: McpOrigin;
let scene: Scene;
let session: DpopSession;
const CLIENT_PAGE = "https://client.example/metadata.json";

beforeAll(async () => {
  [server, stateful, modern, session] = await Promise.all([
    startAuthorizationServer(),
    startMcpOrigin("sessions"),
    startMcpOrigin("both eras"),
    DpopSession.create(),
  ]);
  const keySources = [{ type: "jwks" as const, url: "https://auth.example/jwks", binding: "KEYS" }];
  const taking = (more: Partial<NonNullable<Difference["accessTokens"]>> = {}): Difference => ({
    accessTokens: {
      issuers: [{ iss: server.issuer, keySources }],
      scopes: [
        { tools: ["sealed"], require: ["tools", "sealed"] },
        { methods: ["resources/list"], require: ["resources"] },
        { require: ["tools"] },
      ],
      ...more,
    },
    oauth: { scopes: ["tools"] },
    policy: {
      unsafeUnlistedTools: "read",
      tools: ["sealed", "search"].map((name) => ({ name, scope: "read" as const })),
      grants: [{ subjects: [{ issuer: server.issuer }], scope: "read" }],
    },
  });
  const nonces = { dpop: { requireNonce: true } };
  scene = await setScene(
    {
      stateful: { ...taking(nonces), origin: { url: stateful.url } },
      modern: { ...taking(nonces), origin: { url: modern.url } },
      bearer: { ...taking({ unsafeBearer: true }), origin: { url: modern.url } },
      plain: { ...taking(), allowedOrigins: ["https://app.example"] },
      second: taking(),
      ungranted: {
        ...taking(),
        policy: {
          unsafeUnlistedTools: "read",
          tools: ["write", "sealed"].map((name) => ({ name, scope: "read" as const })),
          grants: [
            { subjects: [{ issuer: server.issuer, subject: "client-1" }], scope: "read", tools: ["write"] },
            { subjects: [{ issuer: server.issuer, subject: "client-2" }], scope: "read" },
          ],
        },
      },
      named: {
        ...taking({ tenantClaim: { claim: "org", values: ["acme"] } }),
        allowedOrigins: ["https://app.example"],
      },
      ruled: {
        ...taking({ scopes: [{ tools: ["search"], require: ["tools"] }] }),
        tools: { filterList: true },
      },
      published: taking({ clients: [{ id: CLIENT_PAGE, publishedKeys: { binding: "KEYS" } }] }),
      unknown: taking({
        clients: [{ id: "https://client.example/gone.json", publishedKeys: { binding: "KEYS" } }],
      }),
    },
    { services: { KEYS: server.address } },
  );
  server.pages.set("client.example/metadata.json", {
    client_id: CLIENT_PAGE,
    jwks: { keys: [{ ...session.publicJwk, kid: "any" }] },
  });
});
afterAll(async () => {
  await scene.close();
  await Promise.all([server.close(), stateful.close(), modern.close()]);
});

const clients: Client[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

/** `METHOD status` and the scheme of the request of every exchange with Countersign, in order. */
interface Noting {
  readonly exchanges: string[];
  readonly fetch: typeof fetch;
}

function noting(): Noting {
  const exchanges: string[] = [];
  return {
    exchanges,
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      const scheme = new Headers(init?.headers).get("authorization")?.split(" ")[0] ?? "nothing";
      if (String(input).startsWith(scene.url) && !String(input).includes("well-known"))
        exchanges.push(`${init?.method} ${scheme} ${response.status}`);
      return response;
    },
  };
}

/** Connects with nothing but a client id and a secret. */
async function connect(tenant: string, mode: "legacy" | "auto", dpop: boolean) {
  const provider = new ClientCredentialsProvider({
    clientId: "client-1",
    clientSecret: SECRET,
    expectedIssuer: server.issuer,
  });
  const own = await DpopSession.create();
  if (dpop) Object.assign(provider, { dpop: () => own });
  const client = new Client(
    { name: "worker", version: "1.0.0" },
    mode === "auto" ? { versionNegotiation: { mode } } : {},
  );
  const note = noting();
  const transport = new StreamableHTTPClientTransport(new URL(scene.endpoint(tenant)), {
    authProvider: provider,
    fetch: note.fetch,
  });
  await client.connect(transport);
  clients.push(client);
  return { client, exchanges: note.exchanges };
}

const search = (client: Client, name = "search") => client.callTool({ name, arguments: { query: "wax" } });

describe.each([
  ["legacy", "stateful", true],
  ["auto", "modern", true],
  ["legacy", "bearer", false],
  ["auto", "bearer", false],
] as const)("the SDK, version negotiation %s, at %s, with DPoP: %s", (mode, tenant, dpop) => {
  test("finds the authorization server, calls tools, and steps up", async () => {
    server.asked.length = 0;
    const { client, exchanges } = await connect(tenant, mode, dpop);
    expect(exchanges[0]).toBe("POST nothing 401");
    // The nonce is asked for once, and then known.
    expect(exchanges.filter((one) => one === "POST DPoP 401")).toHaveLength(dpop ? 1 : 0);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toContain("sealed");
    expect(await search(client)).toMatchObject({ content: [{ text: "search: wax" }] });
    expect(server.asked).toEqual(["tools"]);
    expect(await search(client, "sealed")).toMatchObject({ content: [{ text: "sealed: wax" }] });
    expect(server.asked.map((scope) => scope.split(" ").sort())).toEqual([["tools"], ["sealed", "tools"]]);
    expect(exchanges.filter((one) => one.endsWith("403"))).toEqual([`POST ${dpop ? "DPoP" : "Bearer"} 403`]);
  });
});

test("the SDK with a token of its own, and no OAuth: told which scopes are missing", async () => {
  const token = await server.issue({ aud: scene.endpoint("modern"), cnf: { jkt: session.thumbprint } });
  const client = new Client({ name: "worker", version: "1.0.0" });
  const transport = new StreamableHTTPClientTransport(new URL(scene.endpoint("modern")), {
    authProvider: { token: async () => token },
    fetch: withDpop(session, () => token)(fetch),
  });
  await client.connect(transport);
  clients.push(client);
  expect(await search(client)).toMatchObject({ content: [{ text: "search: wax" }] });
  const refused = await search(client, "sealed").catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(InsufficientScopeError);
  expect(refused).toMatchObject({ requiredScope: "tools sealed" });
});

describe("what the user of the SDK reads", () => {
  /** What comes of a call by a client that has this token, and proofs made with it. */
  async function said(tenant: string, token: string, fetch: FetchLike): Promise<unknown> {
    const client = new Client({ name: "worker", version: "1.0.0" });
    const authProvider = { token: async () => token };
    const url = new URL(scene.endpoint(tenant));
    try {
      await client.connect(new StreamableHTTPClientTransport(url, { authProvider, fetch }));
      clients.push(client);
      return await search(client);
    } catch (error) {
      return error;
    }
  }

  test("of a token for somebody else, and of one without a proof: that it is not let in, and no more", async () => {
    const [other, own] = [await tokenFor("plain"), await tokenFor("modern")];
    expect(await said("modern", other, withDpop(session, () => other)(fetch))).toMatchObject({
      name: "UnauthorizedError",
      message: "Unauthorized",
    });
    expect(await said("modern", own, fetch)).toMatchObject({ name: "UnauthorizedError" });
  });

  test("of a proof that was used before: the reason", async () => {
    let first: string | null = null;
    const replaying: FetchLike = (input, init) => {
      const headers = new Headers(init?.headers);
      first ??= headers.get("dpop");
      headers.set("dpop", first ?? "");
      return fetch(input, { ...init, headers });
    };
    const token = await server.issue({ aud: scene.endpoint("bearer"), cnf: { jkt: session.thumbprint } });
    expect(await said("bearer", token, withDpop(session, () => token)(replaying))).toMatchObject({
      message: expect.stringContaining("dpop.replay"),
    });
  });

  test("of a provider without DPoP, where tokens must be bound: that another sign-in did not help", async () => {
    await expect(connect("modern", "legacy", false)).rejects.toThrow("401 after re-authentication");
  });
});

// -- by hand ------------------------------------------------------------------------------------------

const tokenFor = (tenant: string, claims: object = {}): Promise<string> =>
  server.issue({ aud: scene.endpoint(tenant), cnf: { jkt: session.thumbprint }, ...claims });

interface Wishes {
  readonly token?: string;
  readonly method?: string;
  readonly claims?: object;
  readonly headers?: Readonly<Record<string, string>>;
  readonly by?: DpopSession;
}

/** A request with a token and a fresh proof. */
async function proven(
  tenant: string,
  body: string,
  { token, method = "POST", claims, headers = {}, by = session }: Wishes = {},
): Promise<Wire> {
  const accessToken = token ?? (await tokenFor(tenant, claims));
  const url = new URL(scene.endpoint(tenant));
  const dpop = await by.buildProof({ htm: method, htu: url, accessToken });
  const lines = {
    Host: url.host,
    "Content-Type": "application/json",
    Accept: "application/json, text/event-stream",
    Authorization: `DPoP ${accessToken}`,
    DPoP: dpop,
    ...headers,
  };
  return { method, target: url.pathname, headers: Object.entries(lines), body: Buffer.from(body) };
}
const send = (wire: Wire): Promise<Answer> => exchange(scene.url, toBytes(wire));

test("a captured request, sent again or ten times at once, is done once", async () => {
  const arrivals = scene.origin("plain").arrivals;
  const before = arrivals.length;
  const wire = await proven("plain", toolCall());
  expect(told(await send(wire))).toBe("200");
  const again = await send(wire);
  expect(told(again)).toBe("403 dpop.replay");
  const another = toBytes(await proven("plain", toolCall()));
  const answers = await volley(
    scene.url,
    Array.from({ length: 10 }, () => another),
  );
  expect(answers.map(told).sort()).toEqual(["200", ...Array(9).fill("403 dpop.replay")]);
  expect(arrivals.length - before).toBe(2);
  // What it holds is no other request, and none of another tenant.
  expect(told(await send({ ...wire, method: "DELETE", body: Buffer.alloc(0) }))).toBe("401 dpop.invalid");
  const { pathname } = new URL(scene.endpoint("second"));
  expect(told(await send({ ...wire, target: pathname }))).toBe("401 token.invalid");
});

test("neither token nor proof reaches the origin, and its nonces do not reach the client", async () => {
  const origin = scene.origin("plain");
  const { handler } = origin;
  origin.handler = ({ response }) =>
    void response
      .writeHead(200, { "content-type": "application/json", "dpop-nonce": "of-the-origin" })
      .end("{}");
  const arriving = origin.next();
  const answer = await send(await proven("plain", toolCall()));
  origin.handler = handler;
  const names = (await arriving).rawHeaders.map(([name]) => name.toLowerCase());
  expect(names).not.toContain("authorization");
  expect(names).not.toContain("dpop");
  expect(answer.headers.has("dpop-nonce")).toBe(false);
});

const challengeOf = (answer: Answer) => answer.headers.get("www-authenticate") ?? "";

describe("challenges", () => {
  test("of one who sends nothing: how to be let in, and no error", async () => {
    const wire = await proven("plain", toolCall());
    const headers = wire.headers.filter(([name]) => name !== "Authorization" && name !== "DPoP");
    const answer = await send({ ...wire, headers });
    expect(told(answer)).toBe("401 bearer.missing");
    expect(challengeOf(answer)).toMatch(
      /^Bearer realm="mcp", resource_metadata="[^"]+\/plain\/mcp", scope="tools", DPoP algs="[^"]+"$/,
    );
  });

  test("of one whose proof is no good", async () => {
    const wire = await proven("plain", toolCall());
    const answer = await send({ ...wire, headers: wire.headers.filter(([name]) => name !== "DPoP") });
    expect(challengeOf(answer)).toMatch(
      /^Bearer realm="mcp", resource.*, DPoP algs="[^"]+", error="invalid_dpop_proof"$/,
    );
    expect(answer.headers.has("dpop-nonce")).toBe(false);
  });

  test("of one who has no nonce", async () => {
    const by = await DpopSession.create();
    const claims = { cnf: { jkt: by.thumbprint } };
    const answer = await send(await proven("modern", toolCall(), { by, claims }));
    expect(challengeOf(answer)).toMatch(/^Bearer .*, DPoP algs="[^"]+", error="use_dpop_nonce"$/);
    const nonce = answer.headers.get("dpop-nonce") ?? "";
    expect(nonce).toMatch(/^[\w-]{43}$/);
    by.rememberNonce(scene.url, nonce);
    const retried = await send(await proven("modern", toolCall(), { by, claims }));
    expect(retried.status).toBe(200);
    expect(retried.headers.has("dpop-nonce")).toBe(false);
  });

  test("of one who lacks scopes: all that the call needs, whatever the token has", async () => {
    const answer = await send(
      await proven("plain", toolCall("sealed"), { claims: { scope: "sealed other" } }),
    );
    expect(told(answer)).toBe("403 token.scope");
    expect(challengeOf(answer)).toMatch(
      /^Bearer realm="mcp", error="insufficient_scope", resource_metadata="[^"]+", scope="tools sealed", DPoP algs="[^"]+"$/,
    );
  });
});

describe("scopes", () => {
  test.each<[string, string, string]>([
    ["a scope in another case", toolCall(), "Tools"],
    ["a scope that begins alike", toolCall(), "tools.read"],
    ["one of two", toolCall("sealed"), "tools"],
    ["of another method", rpc("resources/list"), "tools"],
    ["none", rpc("ping"), ""],
  ])("%s is not enough", async (_, body, scope) => {
    expect(told(await send(await proven("plain", body, { claims: { scope } })))).toBe("403 token.scope");
  });

  test("a method without a rule is refused, and its tools are not listed", async () => {
    expect(told(await send(await proven("ruled", toolCall("write"))))).toBe("403 token.no_rule");
    expect(told(await send(await proven("ruled", rpc("tools/list"))))).toBe("403 token.no_rule");
    expect(told(await send(await proven("ruled", toolCall("search"))))).toBe("200");
  });

  test("for what is no request, those of any rule will do", async () => {
    const judged = async (scope: string) => {
      const [note, closing] = await Promise.all([
        proven("plain", rpc("notifications/initialized", {}, null), { claims: { scope } }),
        proven("plain", "", { method: "DELETE", claims: { scope } }),
      ]);
      return [told(await send(note)), told(await send(closing))];
    };
    expect(await judged("resources")).toEqual(["200", "200"]);
    expect(await judged("sealed")).toEqual(["403 token.scope", "403 token.scope"]);
    expect(await judged("")).toEqual(["403 token.scope", "403 token.scope"]);
  });

  test("a method that nobody knows is not looked up in the rules", async () => {
    const answer = await send(await proven("plain", rpc("no/such")));
    expect(answer.text).toContain("message.method_unknown");
  });

  test("are not all: the policy must grant the tool to the token's subject", async () => {
    expect(told(await send(await proven("ungranted", toolCall())))).toBe("200 policy.tool_not_granted");
    expect(told(await send(await proven("ungranted", toolCall(), { claims: { sub: "client-2" } })))).toBe(
      "200",
    );
  });
});

describe("what may not come beside a token", () => {
  test.each<[string, Record<string, string>]>([
    ["a signature", { Signature: "sig=:AA==:" }],
    ["a signature input", { "Signature-Input": 'sig=("@method");created=1' }],
    ["an ECT", { "Wimse-ECT": "e30.e30.AA" }],
    ["an ECT under its other name", { "Execution-Context": "" }],
    ["a WIT", { "Workload-Identity-Token": "e30.e30.AA" }],
    ["an attestation", { "X-MCP-Attestation": "e30" }],
    ["a record", { "ACT-Record": "e30.e30.AA" }],
  ])("%s", async (_, headers) => {
    expect(told(await send(await proven("plain", toolCall(), { headers })))).toBe(
      "403 token.evidence_beside",
    );
  });

  test.each(["attestation", "Attestation"])("an attestation in _meta.%s", async (name) => {
    const body = rpc("tools/call", { name: "search", arguments: {}, _meta: { [name]: {} } });
    expect(told(await send(await proven("plain", body)))).toBe("403 token.evidence_beside");
  });

  test("a digest is checked", async () => {
    const headers = { "Content-Digest": "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:" };
    expect(told(await send(await proven("plain", toolCall(), { headers })))).toBe("403 digest.mismatch");
  });
});

test("agents go on as they did, beside tokens", async () => {
  const difference = await scene.send(await scene.sign("plain", toolCall()));
  // They have no grant there.
  expect(told(difference)).toBe("200 policy.tool_not_granted");
});

test("Countersign's own endpoints take no access token", async () => {
  const url = new URL(scene.endpoint("plain"));
  const target = url.pathname.replace(/mcp$/, "audit/status");
  const token = await tokenFor("plain");
  const dpop = await session.buildProof({ htm: "GET", htu: `${url.origin}${target}`, accessToken: token });
  const headers: [string, string][] = [
    ["Host", url.host],
    ["Authorization", `DPoP ${token}`],
    ["DPoP", dpop],
  ];
  expect(told(await send({ method: "GET", target, headers, body: Buffer.alloc(0) }))).toBe(
    "403 endpoint.mandate",
  );
});

test("a session belongs to the subject that began it, its issuer and its client", async () => {
  const origin = scene.origin("plain");
  const { handler } = origin;
  origin.handler = ({ response }) =>
    void response.writeHead(200, { "content-type": "application/json", "mcp-session-id": "s-1" }).end("{}");
  const begun = await send(await proven("plain", rpc("initialize")));
  origin.handler = handler;
  const headers = { "Mcp-Session-Id": begun.headers.get("mcp-session-id") ?? "" };
  expect(told(await send(await proven("plain", rpc("ping"), { headers })))).toBe("200");
  // Another token of the same subject will do: tokens are renewed.
  expect(told(await send(await proven("plain", rpc("ping"), { headers, claims: { jti: "x" } })))).toBe("200");
  const stolen = await proven("plain", rpc("ping"), { headers, claims: { sub: "client-2" } });
  expect(told(await send(stolen))).toBe("404 session.unknown");
  const others = await proven("plain", rpc("ping"), { headers, claims: { client_id: "client-2" } });
  expect(told(await send(others))).toBe("404 session.unknown");
  const response = await proven("plain", '{"jsonrpc":"2.0","id":"s1","result":{}}');
  expect(told(await send(response))).toBe("400 session.missing");
});

/** All at once: the log is up to a second behind. */
describe.concurrent("what the audit log says", () => {
  test("the audit log names issuer, subject and what was checked", async () => {
    const answer = await send(await proven("plain", toolCall(), { claims: { sub: "a:b%c" } }));
    expect(told(answer)).toBe("200");
    const decision = decisionOf(answer);
    const row = (await scene.rows([decision])).get(decision);
    expect(row).toMatchObject({
      principal: `oauth:${server.issuer}:a%3Ab%25c`,
      method: "tools/call",
      tool: "search",
      action: "mcp.search",
      verdict: "admitted",
    });
    expect(JSON.parse(row?.checks ?? "[]")).toEqual(
      expect.arrayContaining(["access_token", "dpop", "scopes"]),
    );
  });

  test("a token that is no good, and what its caller is told", async () => {
    const answer = await send(await proven("plain", toolCall(), { claims: { aud: "https://else.example" } }));
    expect(challengeOf(answer)).toMatch(/^Bearer realm="mcp", error="invalid_token", .*, DPoP algs="[^"]+"$/);
    expect(await scene.logged(answer)).toBe("token.audience");
  });

  test("a subject that the policy does not know is a stranger, and gets no ledger", async () => {
    const answer = await send(await proven("ungranted", rpc("ping"), { claims: { sub: "client-3" } }));
    expect(told(answer)).toBe("401 token.invalid");
    const decision = decisionOf(answer);
    const row = (await scene.rows([decision])).get(decision);
    expect(row).toMatchObject({ principal: "unverified", reason: "token.subject" });
  });

  test("a mandate beside a token", async () => {
    const headers = { "ACT-Mandate": await scene.mandate("plain") };
    const answer = await send(await proven("plain", toolCall(), { headers }));
    expect(`${told(answer)} ${await scene.logged(answer)}`).toBe("401 bearer.invalid bearer.two_kinds");
  });

  test("the tenant that a header names must be the token's", async () => {
    const judged = async (claims: object, headers: Record<string, string> = {}) => {
      const answer = await send(await proven("named", toolCall(), { claims, headers }));
      return answer.status === 200 ? "200" : await scene.logged(answer);
    };
    expect(
      await Promise.all([
        judged({ org: "acme" }),
        judged({ org: "acme" }, { "X-Tenant-ID": "acme" }),
        judged({ org: "acme" }, { "X-Tenant-ID": "other" }),
        judged({ org: "other" }, { "X-Tenant-ID": "other" }),
        judged({}),
      ]),
    ).toEqual(["200", "200", "token.tenant_header", "token.tenant", "token.tenant"]);
  });

  test("a client's tokens can be held to the keys that its metadata document publishes", async () => {
    const client = { client_id: CLIENT_PAGE, sub: CLIENT_PAGE };
    expect(told(await send(await proven("published", toolCall(), { claims: client })))).toBe("200");
    const by = await DpopSession.create();
    const claims = { ...client, cnf: { jkt: by.thumbprint } };
    const wire = await proven("published", toolCall(), { by, claims });
    const answers = await Promise.all([
      send(wire),
      send(await proven("published", toolCall())),
      send(
        await proven("unknown", toolCall(), {
          claims: { client_id: "https://client.example/gone.json" },
        }),
      ),
    ]);
    expect(await Promise.all(answers.map((answer) => scene.logged(answer)))).toEqual([
      "token.client_key",
      "token.client",
      "keys.unavailable",
    ]);
  });
});

test("what browsers may send and read", async () => {
  const { pathname, host } = new URL(scene.endpoint("named"));
  const headers: [string, string][] = [
    ["Host", host],
    ["Origin", "https://app.example"],
    ["Access-Control-Request-Method", "POST"],
  ];
  const ask = (target: string) => send({ method: "OPTIONS", target, headers, body: Buffer.alloc(0) });
  const answer = await ask(pathname);
  const allowed = (answer.headers.get("access-control-allow-headers") ?? "").split(", ");
  expect(allowed).toEqual(expect.arrayContaining(["dpop", "authorization", "x-tenant-id"]));
  expect(answer.headers.get("access-control-expose-headers")).toContain("dpop-nonce");
  // Who reads no such header lets none be sent.
  const plain = await ask(new URL(scene.endpoint("plain")).pathname);
  expect(plain.headers.get("access-control-allow-headers")).not.toContain("x-tenant-id");
});

test("the metadata says who issues tokens, and which", async () => {
  const read = async (tenant: string) =>
    (await fetch(`${scene.url}/.well-known/oauth-protected-resource/${tenant}/mcp`)).json();
  expect(await read("plain")).toMatchObject({
    resource: scene.endpoint("plain"),
    authorization_servers: [server.issuer],
    scopes_supported: ["tools"],
    dpop_signing_alg_values_supported: expect.arrayContaining(["ES256", "EdDSA", "RS256"]),
    dpop_bound_access_tokens_required: true,
  });
  expect(await read("bearer")).toMatchObject({ dpop_bound_access_tokens_required: false });
});
