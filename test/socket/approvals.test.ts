/** Calls that a person has to approve: a real agent, a real sign-in, and pages as a browser gets them. */

import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import {
  Client,
  StreamableHTTPClientTransport,
  UrlElicitationRequiredError,
} from "@modelcontextprotocol/client";
import { Client as LegacyClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as LegacyTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { UrlElicitationRequiredError as LegacyUrlElicitationRequiredError } from "@modelcontextprotocol/sdk/types.js";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createFetch, type Run } from "../../src/agent/index.ts";
import { linesOf } from "../support/web-server.ts";
import { type Scene, setScene, type Wishes } from "./harness.ts";
import {
  CLIENT,
  CLIENT_SECRET,
  type IdentityProvider,
  PROVIDER,
  startIdentityProvider,
} from "./identity-provider.ts";
import { type McpOrigin, startMcpOrigin } from "./mcp-origin.ts";
import { decisionOf, rpc, told, toolCall } from "./messages.ts";
import type { Answer } from "./raw.ts";

let scene: Scene;
let provider: IdentityProvider;
const log: string[] = [];
let stateful: McpOrigin;
let modern: McpOrigin;
const stateDir = mkdtempSync(join(tmpdir(), "countersign-approvals-"));

const approval = {
  signIn: { issuer: PROVIDER, clientId: CLIENT, clientSecret: "APPROVAL_TEST", binding: "IDP" },
  roles: [
    { name: "payer", subjects: ["alice", "bob", "agent:reader"] },
    { name: "clerk", claim: "groups", values: ["clerks"] },
  ],
};
const policy = {
  tools: [
    { name: "search", scope: "read" as const, approval: { roles: ["payer"] } },
    { name: "write", scope: "read" as const, approval: { roles: ["payer"], people: 2 } },
    { name: "sealed", scope: "read" as const },
  ],
  grants: [{ agents: ["reader", "writer", "courier"], scope: "read" as const }],
  approval,
};

/** The same, as no two tenants can name one secret. */
const withSecret = (clientSecret: string) => ({
  ...policy,
  approval: { ...approval, signIn: { ...approval.signIn, clientSecret } },
});
const SECRETS = Object.fromEntries(
  ["TEST", "STATEFUL", "MODERN"].map((name) => [`APPROVAL_${name}`, CLIENT_SECRET]),
);

beforeAll(async () => {
  provider = await startIdentityProvider();
  [stateful, modern] = await Promise.all([startMcpOrigin("sessions"), startMcpOrigin("both eras")]);
  scene = await setScene(
    {
      acme: { policy },
      other: { policy: withSecret("APPROVAL_OTHER") },
      asleep: { policy: withSecret("APPROVAL_ASLEEP"), status: "suspended" },
      stateful: { policy: withSecret("APPROVAL_STATEFUL"), origin: { url: stateful.url } },
      modern: { policy: withSecret("APPROVAL_MODERN"), origin: { url: modern.url } },
      plain: {},
    },
    {
      stateDir,
      services: { IDP: provider.address },
      originSecrets: SECRETS,
      log: (_level, message) => log.push(message),
    },
  );
});
afterAll(async () => {
  await scene.close();
  await Promise.all([provider, stateful, modern].map((one) => one.close()));
  rmSync(stateDir, { recursive: true });
});
beforeEach(() => {
  provider.claims = { sub: "alice" };
  provider.forges = false;
});

// -- the agent --------------------------------------------------------------------------------------------

interface Asked {
  readonly id: string;
  readonly url: string;
  readonly expires: number;
}

const errorIn = ({ text }: Answer) => JSON.parse(text).error;

/** Where a refused call can be approved. */
const approvalIn = (answer: Answer): Asked => errorIn(answer).data.approval;

const call = async (
  run: Run,
  tool = "search",
  args: object = { query: "wax" },
  wishes: Wishes = {},
): Promise<Answer> => scene.send(await scene.sign("acme", toolCall(tool, args), { run, ...wishes }));

/** Makes a call that nobody has approved, and gives the page where they can. */
async function refused(run: Run, tool = "search", args: object = { query: "wax" }): Promise<string> {
  const answer = await call(run, tool, args);
  expect(told(answer)).toBe("200 approval.required");
  return approvalIn(answer).url;
}

// -- the browser ------------------------------------------------------------------------------------------

interface Shown {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

interface Init {
  readonly method?: string;
  /** Of an earlier time: it does not say how it fetches. */
  readonly isOld?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const NAVIGATES = { "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };

/** Keeps cookies, and follows redirects as long as they stay on our site. */
class Browser {
  readonly cookies = new Map<string, string>();

  /** As browsers send it; `fetch` of Node would say that a script asks. */
  async open(url: string, init: Init = {}): Promise<Shown> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const sent = request(url, {
      method: init.method ?? "GET",
      headers: { ...(init.isOld ? {} : NAVIGATES), ...(cookie !== "" && { cookie }), ...init.headers },
    }).end(init.body);
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    for (const line of response.headers["set-cookie"] ?? []) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (/Max-Age=0/.test(line)) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    const headers = new Headers(linesOf(response).map(([name, value]) => [name, value]));
    return { status: response.statusCode ?? 0, headers, text: await text(response) };
  }

  /** Opens a page, and signs in where that is asked for. */
  async visit(url: string): Promise<Shown> {
    const first = await this.open(url);
    if (first.status !== 303) return first;
    const back = await this.open(provider.authorize(first.headers.get("location") ?? ""));
    return back.status === 303 ? this.open(back.headers.get("location") ?? "") : back;
  }

  send(url: string, form: Record<string, string>, headers: Record<string, string> = {}): Promise<Shown> {
    return this.open(url, {
      method: "POST",
      headers: { origin: scene.url, "content-type": "application/x-www-form-urlencoded", ...headers },
      body: new URLSearchParams(form).toString(),
    });
  }
}

const tokenIn = ({ text }: Shown): string => /name="token" value="([^"]+)"/.exec(text)?.[1] ?? "";

/** Signs somebody in and sends what they say. */
async function decide(url: string, sub: string, decision: "approve" | "refuse" = "approve"): Promise<Shown> {
  provider.claims = { sub };
  const browser = new Browser();
  const page = await browser.visit(url);
  return browser.send(url, { token: tokenIn(page), decision });
}

const decided = (shown: Shown): string => {
  const [, paragraph = ""] = /<h1>[^<]*<\/h1>\s*<p>([^<]*)/.exec(shown.text) ?? [];
  return `${shown.status} ${paragraph}`;
};

// ---------------------------------------------------------------------------------------------------------

test("refused, approved on a page, made once, and refused again", async () => {
  const run = await scene.run("acme");
  const args = { query: "<script>alert(1)</script>", path: "\u202eexe.txt" };
  const arrivals = scene.origin("acme").arrivals.length;
  const answer = await call(run, "search", args);
  expect(told(answer)).toBe("200 approval.required");
  const { id, url, expires } = approvalIn(answer);
  expect(id).toBe(decisionOf(answer));
  expect(expires).toBeGreaterThan(Date.now() / 1000);
  expect(errorIn(answer).code).toBe(403);

  const browser = new Browser();
  const page = await browser.visit(url);
  expect(page.status).toBe(200);
  for (const text of ["agent:reader", "search", "test", "https:", "\\u202eexe.txt", "oauth:https"])
    expect(page.text).toContain(text);
  expect(page.text).not.toContain("<script");
  expect(page.text).toContain("&#60;script&#62;");
  expect(page.headers.get("content-security-policy")).toMatch(
    /^default-src 'none'; style-src 'nonce-[\w-]{22}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$/,
  );
  expect(page.headers.get("cache-control")).toBe("no-store");
  expect(page.headers.get("access-control-allow-origin")).toBeNull();

  const said = await browser.send(url, { token: tokenIn(page), decision: "approve" });
  expect(decided(said)).toBe("200 Approved. The agent can make this call once.");
  expect(told(await call(run, "search", { ...args, path: "x" }))).toBe("200 approval.required");
  expect(scene.origin("acme").arrivals).toHaveLength(arrivals);
  const admitted = await call(run, "search", args);
  expect(JSON.parse(admitted.text).result).toBeDefined();
  expect(scene.origin("acme").arrivals).toHaveLength(arrivals + 1);
  const again = await call(run, "search", args);
  expect(told(again)).toBe("200 approval.required");
  expect(approvalIn(again).id).not.toBe(id);

  const statement = said.headers.get("countersign-decision") ?? "";
  const log = await scene.rows([statement, decisionOf(admitted)]);
  expect(log.get(statement)).toMatchObject({ principal: `oauth:${PROVIDER}:alice`, verdict: "admitted" });
  const evidence = JSON.parse((log.get(decisionOf(admitted)) as unknown as { evidence: string }).evidence);
  expect(evidence.approval).toMatchObject({ id, approvals: [expect.stringMatching(/^[\w-]{43}$/)] });
});

test("the approval is for one run: another mandate asks anew", async () => {
  const [run, other] = [await scene.run("acme"), await scene.run("acme")];
  expect((await decide(await refused(run), "alice")).status).toBe(200);
  expect(told(await call(other))).toBe("200 approval.required");
  expect(told(await call(run))).toBe("200");
});

test("what was refused stays refused", async () => {
  const run = await scene.run("acme");
  const url = await refused(run);
  expect(decided(await decide(url, "bob", "refuse"))).toBe("200 Refused.");
  expect(told(await call(run))).toBe("200 approval.refused");
  expect(decided(await decide(url, "alice"))).toMatch(/^400 |^409 /);
});

test("two people are two", async () => {
  const run = await scene.run("acme");
  const url = await refused(run, "write");
  expect(decided(await decide(url, "alice"))).toMatch(/^200 Approved by 1 of 2/);
  const browser = new Browser();
  provider.claims = { sub: "alice" };
  expect(decided(await browser.visit(url))).toMatch(/^409 You have decided/);
  expect(told(await call(run, "write"))).toBe("200 approval.required");
  expect(decided(await decide(url, "bob"))).toMatch(/^200 Approved\. /);
  expect(told(await call(run, "write"))).toBe("200");
});

describe("nobody gets anything who", () => {
  let url: string;
  beforeAll(async () => {
    url = await refused(await scene.run("acme"), "search", { query: "a secret argument" });
  });
  const isNothing = ({ text }: Shown) => expect(text).not.toContain("secret argument");

  test("is not signed in, as the agent itself", async () => {
    const signed = await scene.sign("acme", null, { method: "GET" });
    const headers = Object.fromEntries(signed.headers.filter(([name]) => name !== "Host"));
    for (const asked of [{}, headers]) {
      const shown = await new Browser().open(url, { headers: asked });
      expect(shown.status).toBe(303);
      expect(shown.headers.get("location")).toMatch(/^https:\/\/idp\.example\/authorize\?/);
      isNothing(shown);
    }
    const sent = await new Browser().send(url, { decision: "approve", token: "" }, headers);
    expect(decided(sent)).toMatch(/^400 /);
  });

  test.each([
    ["has no role", { sub: "mallory" }, /^403 You are signed in, but/],
    ["has a role for something else", { sub: "carol", groups: ["clerks"] }, /^403 You are signed in, but/],
    ["is the agent's subject", { sub: "agent:reader" }, /^403 This is your own call/],
    ["has no name", { sub: "" }, /^403 The identity provider/],
    ["signs in elsewhere", { sub: "alice", iss: "https://other.example" }, /^403 The identity provider/],
    ["signs in to something else", { sub: "alice", aud: "another-client" }, /^403 The identity provider/],
    ["brings another sign-in's token", { sub: "alice", nonce: "another" }, /^403 The identity provider/],
  ])("%s", async (_, claims, says) => {
    provider.claims = claims;
    const shown = await new Browser().visit(url);
    expect(decided(shown)).toMatch(says);
    isNothing(shown);
  });

  test("brings a token that the provider has not signed", async () => {
    provider.forges = true;
    expect(decided(await new Browser().visit(url))).toMatch(/^403 The identity provider/);
  });

  test("comes back to a sign-in that this browser did not begin, or twice", async () => {
    const [browser, victim] = [new Browser(), new Browser()];
    const { headers } = await browser.open(url);
    const back = provider.authorize(headers.get("location") ?? "");
    expect(decided(await victim.open(back))).toMatch(/^400 This sign-in was not begun/);
    await victim.open(url);
    expect(decided(await victim.open(back))).toMatch(/^400 This sign-in was not begun/);
    const { cookies } = browser;
    const kept = new Map(cookies);
    expect((await browser.open(back)).status).toBe(303);
    cookies.clear();
    for (const [name, value] of kept) cookies.set(name, value);
    expect(decided(await browser.open(back))).toMatch(/^403 The identity provider/);
  });

  test("comes back to the earlier of two sign-ins, or to one for another tenant", async () => {
    const browser = new Browser();
    const begin = async (at: string) => (await browser.open(at)).headers.get("location") ?? "";
    const earlier = provider.authorize(await begin(url));
    const elsewhere = provider.authorize(await begin(url.replace("/acme/", "/other/")));
    const later = provider.authorize(await begin(url));
    for (const back of [earlier, elsewhere.replace("/other/", "/acme/"), later.replace("/acme/", "/other/")])
      expect(decided(await browser.open(back))).toMatch(/^400 This sign-in was not begun/);
    expect((await browser.open(later)).status).toBe(303);
    expect((await browser.open(url)).text).toContain("secret argument");
  });

  test("is signed in to another tenant", async () => {
    const browser = new Browser();
    await browser.visit(url);
    const elsewhere = await browser.open(url.replace("/acme/", "/other/"));
    expect(elsewhere.status).toBe(303);
    isNothing(elsewhere);
  });

  test("guesses an address", async () => {
    const browser = new Browser();
    await browser.visit(url);
    const named = (value: unknown) =>
      `${scene.url}/acme/approvals/${Buffer.from(JSON.stringify(value)).toString("base64url")}`;
    const [principal, lane, id] = JSON.parse(
      Buffer.from(url.split("/").at(-1) ?? "", "base64url").toString(),
    );
    for (const value of [
      [principal, lane, "A".repeat(22)],
      ["agent:writer", lane, id],
      ["agent:nobody", lane, id],
    ])
      expect(decided(await browser.open(named(value)))).toMatch(/^404 Nothing waits/);
    expect((await browser.open(named([principal, lane]))).status).toBe(404);
  });

  test("sends a form from another page, for another call, or in another's name", async () => {
    const other = await refused(await scene.run("acme"));
    const [browser, mallory] = [new Browser(), new Browser()];
    const page = await browser.visit(url);
    const token = tokenIn(page);
    const others = tokenIn(await mallory.visit(url));
    const form = { token, decision: "approve" };
    const { cookies } = browser;
    const bare = new Browser();
    const typed = { "content-type": "application/x-www-form-urlencoded" };
    const body = new URLSearchParams(form).toString();
    for (const shown of [
      await browser.send(url, form, { origin: "https://evil.example" }),
      await browser.send(url, form, { origin: "null" }),
      await browser.send(url, form, { "content-type": "text/plain" }),
      await browser.send(url, { ...form, token: others }),
      await browser.send(url, { ...form, token: "" }),
      await browser.send(url, { ...form, decision: "maybe" }),
      await browser.send(url, { token, decision: "approve", padding: "x".repeat(5000) }),
      await browser.send(other, form),
      await browser.send(url, form, { "sec-fetch-dest": "iframe" }),
      await browser.open(url, { headers: { "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors" } }),
      await browser.open(url, { method: "POST", headers: typed, body }),
      await browser.open(url, { method: "POST", headers: typed, body, isOld: true }),
      await bare.send(url, form),
    ])
      expect(decided(shown)).toMatch(/^400 Your decision could not be read/);
    expect(cookies.size).toBe(1);
    expect(decided(await browser.open(url))).not.toMatch(/decided/);
    const old = await browser.open(url, {
      method: "POST",
      headers: { ...typed, origin: scene.url },
      body: body.replace("approve", "refuse"),
      isOld: true,
    });
    expect(decided(old)).toBe("200 Refused.");
    const put = await browser.open(url, { method: "PUT", body: "x" });
    expect([put.status, put.headers.get("allow")]).toEqual([405, "GET, POST, OPTIONS"]);
  });
});

test("where nobody can approve there is no page, and a suspended tenant has none", async () => {
  const { url } = approvalIn(await call(await scene.run("acme")));
  expect((await new Browser().open(url.replace("/acme/", "/plain/"))).status).toBe(404);
  expect((await new Browser().open(url.replace("/acme/", "/asleep/"))).status).toBe(403);
  expect((await new Browser().open(url.replace("/acme/", "/other/"))).status).toBe(303);
});

/** Real clients, by whether they show their user URLs and what they are told. */
describe("clients of the MCP SDKs", () => {
  const url = { elicitation: { url: {} } };
  const form = { elicitation: { form: {} } };

  /** Calls as an agent with the kit; gives the error, or the text of the result. */
  async function calling(client: Client | LegacyClient, query: string) {
    try {
      const result = await client.callTool({ name: "search", arguments: { query } });
      return { text: (result.content as { text: string }[])[0]?.text };
    } catch (error) {
      return { error: error as Error & { code: number; data: { approval?: Asked } } };
    }
  }

  async function connect(tenant: string, client: Client | LegacyClient): Promise<void> {
    const endpoint = scene.endpoint(tenant);
    const options = await scene.options(tenant);
    const agentFetch = createFetch({ ...options, endpoint });
    const at = new URL(endpoint);
    if (client instanceof Client)
      await client.connect(new StreamableHTTPClientTransport(at, { fetch: agentFetch }));
    else await client.connect(new LegacyTransport(at, { fetch: agentFetch as typeof fetch }));
  }

  const info = { name: "reader", version: "1.0.0" };
  test.each<[string, string, () => Client | LegacyClient, boolean]>([
    [
      "2.x, 2026-07-28",
      "modern",
      () => new Client(info, { versionNegotiation: { mode: "auto" }, capabilities: url }),
      false,
    ],
    ["2.x, 2025-11-25", "stateful", () => new Client(info, { capabilities: url }), true],
    ["2.x, 2025-11-25, without URLs", "stateful", () => new Client(info, { capabilities: form }), false],
    ["1.x", "stateful", () => new LegacyClient(info, { capabilities: url }), true],
    ["1.x, without URLs", "stateful", () => new LegacyClient(info, { capabilities: form }), false],
    ["1.x, without a session", "modern", () => new LegacyClient(info, { capabilities: url }), false],
  ])("%s", async (_, tenant, make, elicits) => {
    const client = make();
    await connect(tenant, client);
    const refused = (await calling(client, "wax")).error;
    expect(refused?.code).toBe(elicits ? -32042 : 403);
    const asked =
      refused instanceof UrlElicitationRequiredError || refused instanceof LegacyUrlElicitationRequiredError
        ? refused.elicitations[0]?.url
        : refused?.data.approval?.url;
    expect((await decide(asked ?? "", "alice")).status).toBe(200);
    expect((await calling(client, "was")).error?.code).toBe(refused?.code);
    expect(await calling(client, "wax")).toEqual({ text: "search: wax" });
    expect((await calling(client, "wax")).error?.code).toBe(refused?.code);
    await client.close();
  });

  test("a capability counts only where it says what it means", async () => {
    const { handler } = scene.origin("acme");
    scene.origin("acme").handler = ({ response }) =>
      void response.writeHead(200, { "content-type": "application/json", "mcp-session-id": "s-1" }).end("{}");
    const capabilities = { elicitation: { url: true } };
    const begun = await scene.send(await scene.sign("acme", rpc("initialize", { capabilities })));
    scene.origin("acme").handler = handler;
    const headers = { "mcp-session-id": begun.headers.get("mcp-session-id") ?? "" };
    const answer = await call(await scene.run("acme"), "search", { query: "wax" }, { headers });
    expect(errorIn(answer)).toMatchObject({ code: 403, data: { reason: "approval.required" } });
  });
});

test("what a person is shown, and what they sign in with, is nowhere in plain text", async () => {
  const marker = `marker-${crypto.randomUUID()}`;
  const url = await refused(await scene.run("acme"), "search", { query: marker });
  const browser = new Browser();
  expect((await browser.visit(url)).text).toContain(marker);
  const files = readdirSync(stateDir, { recursive: true, withFileTypes: true }).filter((file) =>
    file.isFile(),
  );
  const held = Buffer.concat(files.map(({ parentPath, name }) => readFileSync(join(parentPath, name))));
  // The ledger is among them.
  expect(held.includes("approvals")).toBe(true);
  for (const secret of [marker, CLIENT_SECRET, ...browser.cookies.values()]) {
    expect(held.includes(secret)).toBe(false);
    expect(log.join("\n")).not.toContain(secret);
  }
});

test("what an origin answers is no page from where a script could act for an approver", async () => {
  const run = await scene.run("acme");
  await decide(await refused(run), "alice");
  const { handler } = scene.origin("acme");
  scene.origin("acme").handler = ({ response }) =>
    void response
      .writeHead(200, { "content-type": "text/html", "content-security-policy": "script-src *" })
      .end("<script>parent</script>");
  const answer = await call(run);
  scene.origin("acme").handler = handler;
  expect(answer.headers.get("content-security-policy")).toMatch(/, default-src 'none'; sandbox$/);
});

test("what is too long to be read can be approved by nobody", async () => {
  const answer = await call(await scene.run("acme"), "search", { query: "x".repeat(70_000) });
  expect(told(answer)).toBe("200 approval.too_large");
  expect(approvalIn(answer)).toBeUndefined();
});

test("anybody who opens addresses has the provider asked once", async () => {
  const { url } = approvalIn(await call(await scene.run("acme")));
  await new Browser().open(url);
  const before = provider.asked.length;
  for (let i = 0; i < 5; i++) await new Browser().open(url);
  expect(provider.asked.slice(before)).toEqual([]);
});

test("with another document everybody signs in anew, and what waited is asked for again", async () => {
  const run = await scene.run("acme");
  const url = await refused(run);
  expect((await decide(await refused(run, "search", { query: "before" }), "alice")).status).toBe(200);
  const browser = new Browser();
  const page = await browser.visit(url);
  await scene.restart();
  const kv = await scene.runtime.kv();
  const changed = JSON.parse((await kv.get("tenant:acme")) ?? "");
  changed.policy.approval.roles[0].subjects = ["bob", "carol"];
  await kv.put("tenant:acme", JSON.stringify(changed));

  expect(decided(await browser.send(url, { token: tokenIn(page), decision: "approve" }))).toMatch(/^400 /);
  provider.claims = { sub: "alice" };
  expect(decided(await browser.visit(url))).toMatch(/^403 You are signed in, but/);
  provider.claims = { sub: "bob" };
  expect(decided(await new Browser().visit(url))).toMatch(/^409 The rules have changed/);
  expect(told(await call(run, "search", { query: "before" }))).toBe("200 approval.required");
});
