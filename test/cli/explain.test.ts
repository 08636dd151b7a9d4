/** What `countersign explain` says of requests that the kit has made. */

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import {
  addEvidence,
  type EvidenceOptions,
  generateSigner,
  mintMandate,
  SESSION_ACTIONS,
  startRun,
} from "../../src/agent/index.ts";
import { signJwt } from "../../src/agent/signer.ts";
import type { Line } from "../../src/cli/explain/explanation.ts";
import { run } from "../../src/cli/explain.ts";
import { SESSION_KEYS } from "../../src/cli/local/secrets.ts";
import { readSessionKeys } from "../../src/session/keys.ts";
import { sealSession } from "../../src/session/seal.ts";
import type { TenantDocument } from "../../src/tenant/schema/document.ts";
import { capture, type Ended } from "./capture.ts";

const NOW = 1_767_225_600;
const AT = ["--at", "2026-01-01T00:00:00Z"];
const HOST = "gateway.example";
const ISS = "https://issuer.example";

const issuer = await generateSigner({ alg: "EdDSA", kid: "issuer-1" });
const reader = await generateSigner({ alg: "ES256", kid: "reader-1" });
const authority = await generateSigner({ alg: "ES256", kid: "authority-1" });
const stranger = await generateSigner({ alg: "ES256", kid: "reader-1" });
const directory = await mkdtemp(join(tmpdir(), "countersign-explain-"));
afterAll(() => rm(directory, { recursive: true }));
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

let files = 0;
async function file(content: string | Uint8Array): Promise<string> {
  const path = join(directory, `${++files}`);
  await writeFile(path, content);
  return path;
}

interface Scene {
  readonly document: TenantDocument;
  readonly url: string;
}

/** Each document has an id of its own: what a process has read of one tenant, it remembers. */
function scene(changes: Partial<TenantDocument> = {}): Scene {
  const id = `acme-${++files}`;
  const document: TenantDocument = {
    id,
    origin: { url: "https://origin.example/mcp" },
    issuers: [{ iss: ISS, keys: [{ ...issuer.publicJwk }], agents: ["reader"], actions: ["mcp.*"] }],
    agents: [
      {
        name: "reader",
        subjects: ["agent:reader"],
        ectIssuers: ["agent:reader"],
        keys: [{ jwk: { ...reader.publicJwk } }],
      },
    ],
    policy: {
      environment: ["production"],
      tools: [
        { name: "search", scope: "read" },
        { name: "delete", scope: "admin", environments: ["staging"] },
      ],
      grants: [{ agents: ["reader"], scope: "read" }],
    },
    ...changes,
  };
  return { document, url: `https://${HOST}/${id}/mcp` };
}

const call = (name = "search") =>
  JSON.stringify({
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name, arguments: { q: "tides" } },
  });

interface Wishes extends Partial<EvidenceOptions> {
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly lineEnd?: "\n" | "\r\n";
}

/** A request as text, with all its evidence. */
async function written(
  { url }: Scene,
  { body = call(), headers = {}, lineEnd = "\r\n", ...wishes }: Wishes = {},
) {
  const mandate = await mintMandate({
    signer: issuer.signer,
    iss: ISS,
    sub: "agent:reader",
    aud: url,
    purpose: "test",
    actions: [...SESSION_ACTIONS, "mcp.search", "mcp.delete"],
    now: NOW,
  });
  const sent = {
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    ...headers,
  };
  const options = {
    run: startRun(mandate),
    signer: reader.signer,
    ectIssuer: "agent:reader",
    now: () => NOW,
    ...wishes,
  };
  const made = await addEvidence({ method: "POST", url, headers: sent, body }, options);
  const { host, pathname } = new URL(url);
  const lines = [
    `POST ${pathname} HTTP/1.1`,
    `Host: ${host}`,
    ...[...made.headers].map(([n, v]) => `${n}: ${v}`),
  ];
  return [...lines, `Content-Length: ${Buffer.byteLength(body)}`, "", body].join(lineEnd);
}

const ask = async ({ document }: Scene, request: string | Uint8Array, ...args: string[]): Promise<Ended> =>
  capture(run, [await file(request), "--tenant", await file(JSON.stringify(document)), ...args]);

interface Told {
  readonly code: number;
  readonly checks: readonly (Line & { readonly help: string | null })[];
  readonly end: { readonly kind: string } & Record<string, unknown>;
  /** The verdict of each line, by gate and check, with the reason where it has one. */
  readonly said: Readonly<Record<string, string>>;
}

async function told(at: Scene, request: string, ...args: string[]): Promise<Told> {
  const { code, out, err } = await ask(at, request, "--json", ...(args.includes("--at") ? [] : AT), ...args);
  if (code === 2) throw new Error(err);
  const { checks, end } = JSON.parse(out) as Told;
  const said = checks.map(({ gate, check, verdict, reason }) => [
    `${gate} ${check}`,
    reason ? `${verdict} ${reason}` : verdict,
  ]);
  return { code, checks, end, said: Object.fromEntries(said) };
}

describe("a request that would be admitted", () => {
  test.each(["\r\n", "\n"] as const)("every check of every gate, in order (%j)", async (lineEnd) => {
    const at = scene();
    const { code, out, err } = await ask(at, await written(at, { lineEnd }), ...AT);
    expect([code, err]).toEqual([0, ""]);
    const lines = out
      .trimEnd()
      .split("\n")
      .map((line) => line.trim().split(/ {2,}/).slice(0, 4).join(" | "));
    expect(lines).toEqual([
      "0 | request | headers | passed",
      "1 | tenant | document | passed",
      "2 | evidence | mandate | passed",
      "3 | message | message | passed",
      "5 | evidence | required | passed",
      "6 | evidence | signature.agent | passed",
      "7 | evidence | ect.level2 | passed",
      "7 | evidence | capability | passed",
      "8 | tenant | status | passed",
      "8 | agent | status | passed",
      "8 | tool | grant | passed",
      "8 | environment | tags | passed",
      "8 | arguments | capability | passed",
      "8 | arguments | grant | passed",
      "8 | arguments | schema | passed",
      "8 | arguments | rules | passed",
      "8 | approval | approval | passed",
      "9 | limits | limits | passed",
      "9 | admission | admission | not asked",
      "",
      "admitted, if nothing that was not asked refuses it",
    ]);
  });

  test("nothing is used up: it can be asked again", async () => {
    const at = scene();
    const request = await written(at);
    for (let i = 0; i < 2; i++) expect((await told(at, request)).end).toEqual({ kind: "admitted" });
  });

  test("at another time it is refused", async () => {
    const at = scene();
    const request = await written(at);
    const later = await told(at, request, "--at", "2026-02-01T00:00:00+01:00");
    expect(later).toMatchObject({
      code: 1,
      end: { status: 401, reason: "act.expired", shown: "bearer.invalid" },
    });
    expect((await ask(at, request)).code).toBe(1);
  });

  test("one of an agent with a host of its own", async () => {
    const at = scene({ publicUrl: "https://mcp.acme.example/mcp" });
    expect(await told(at, await written({ ...at, url: "https://mcp.acme.example/mcp" }))).toMatchObject({
      code: 0,
    });
    expect(await told(at, await written(at), "--gateway", "https://gateway.example")).toMatchObject({
      code: 1,
      end: { status: 404, reason: "target.unknown" },
    });
  });
});

describe("what is refused by the policy", () => {
  test("the first gate decides, and the others are judged all the same", async () => {
    const at = scene({ status: "suspended" });
    const { code, said, end } = await told(at, await written(at, { body: call("delete") }));
    expect(code).toBe(1);
    expect(said).toMatchObject({
      "evidence capability": "passed",
      "tenant status": "refused policy.tenant_suspended",
      "agent status": "passed",
      "tool grant": "refused policy.scope_too_narrow",
      "environment tags": "refused policy.environment",
      "arguments capability": "passed",
      "admission admission": "not asked",
    });
    expect(end).toEqual({
      kind: "refused",
      reason: "policy.tenant_suspended",
      status: 200,
      shown: "policy.tenant_suspended",
    });
  });

  test("with the help for each reason", async () => {
    const at = scene();
    const { out } = await ask(at, await written(at, { body: call("delete") }), ...AT);
    expect(out).toMatch(/^8 +tool +grant +refused +policy\.scope_too_narrow: \w.+\.$/m);
    expect(out).toMatch(/^refused: 200 policy\.scope_too_narrow$/m);
  });

  test("arguments: mandate, grants, schema and rules each have their say", async () => {
    const at = scene({
      policy: {
        tools: [
          {
            name: "search",
            scope: "read",
            inputSchema: { type: "object", properties: { q: { maxLength: 3 } } },
          },
        ],
        grants: [
          { agents: ["reader"], scope: "read", constraints: { arguments: { "/q": { equals: "waves" } } } },
        ],
        rules: [
          { name: "no-tides", when: "arguments.q == 'tides'", then: "deny" },
          { name: "no-waves", when: "arguments.q == 'waves'", then: "deny" },
        ],
      },
    });
    const { checks, said, end } = await told(at, await written(at));
    expect(said).toMatchObject({
      "tool grant": "passed",
      "arguments capability": "passed",
      "arguments grant": "refused policy.argument_not_allowed",
      "arguments schema": expect.stringMatching(/^refused policy\./),
      "arguments rules": "refused policy.rule_denied",
    });
    expect(checks.find(({ check }) => check === "rules")?.note).toBe("(no-tides)");
    expect(end).toMatchObject({ reason: "policy.argument_not_allowed" });
  });

  test("arguments that the mandate does not allow: one line says so, where arguments are judged", async () => {
    const at = scene();
    const mandate = await mintMandate({
      signer: issuer.signer,
      iss: ISS,
      sub: "agent:reader",
      aud: at.url,
      purpose: "test",
      actions: [{ action: "mcp.search", constraints: { arguments: { "/q": { equals: "waves" } } } }],
      now: NOW,
    });
    const { checks } = await told(at, await written(at, { run: startRun(mandate) }));
    expect(checks.filter(({ check }) => check === "capability")).toMatchObject([
      { stage: 7, verdict: "passed" },
      { stage: 8, gate: "arguments", reason: "capability.argument_not_allowed" },
    ]);
  });

  test("what is only observed is passed on", async () => {
    const until = "2026-02-01T00:00:00Z";
    const at = scene({ observe: [{ until, gates: ["tool", "environment"] }] });
    const request = await written(at, { body: call("delete") });
    const { code, said, end } = await told(at, request);
    expect(said).toMatchObject({
      "tool grant": "observed policy.scope_too_narrow",
      "environment tags": "observed policy.environment",
    });
    expect([code, end]).toEqual([0, { kind: "observed", reason: "policy.scope_too_narrow" }]);
  });

  test("an approval is not asked for, and said to be needed", async () => {
    const policy = {
      tools: [{ name: "search", scope: "read" as const, approval: { roles: ["lead"] } }],
      grants: [{ agents: ["reader"], scope: "read" as const }],
      approval: {
        signIn: { issuer: "https://login.example", clientId: "countersign" },
        roles: [{ name: "lead", subjects: ["person-1"] }],
      },
    };
    const at = scene({ policy });
    const { code, checks } = await told(at, await written(at));
    expect(code).toBe(0);
    expect(checks.find(({ gate }) => gate === "approval")).toMatchObject({
      verdict: "not asked",
      note: "1 of lead must approve",
    });
  });
});

describe("what is refused by the evidence", () => {
  test("behind it nothing of the evidence is reached, and the policy is judged as if", async () => {
    const at = scene();
    const { code, said, checks, end } = await told(
      at,
      await written(at, { signer: stranger.signer, body: call("delete") }),
    );
    expect(code).toBe(1);
    expect(said).toMatchObject({
      "evidence mandate": "passed",
      "evidence required": "passed",
      "evidence signature": "refused signature.mismatch",
      "evidence ect": "not reached",
      "evidence capability": "not reached",
      "tool grant": "refused policy.scope_too_narrow",
      "arguments capability": "passed",
    });
    expect(checks.find(({ gate }) => gate === "tool")?.note).toContain("if the caller had proven");
    expect(end).toEqual({
      kind: "refused",
      reason: "signature.mismatch",
      status: 403,
      shown: "signature.invalid",
    });
  });

  test("an ECT: the signature before it is not said to be unread", async () => {
    const at = scene();
    const { said, end } = await told(at, await written(at, { ectIssuer: "agent:nobody" }));
    expect(said["evidence signature"]).toBe("passed");
    expect(said["evidence ect"]).toMatch(/^refused ect\./);
    expect(end).toMatchObject({ status: 403, shown: "ect.invalid" });
  });

  test("another body than the one that was signed", async () => {
    const at = scene();
    const { said } = await told(at, (await written(at)).replace("tides", "waves"));
    expect(said["evidence signature"]).toMatch(/^refused digest\./);
  });

  test("no bearer: limits that count the call are named", async () => {
    const { policy } = scene().document;
    const at = scene({
      policy: { ...policy, limits: [{ per: "tool", tools: ["search"], calls: 1, windowSeconds: 60 }] },
    });
    const request = (await written(at)).replace(/^authorization: .*\r\n/im, "");
    const { said } = await told(at, request);
    expect(said["limits limits"]).toBe("not asked");
  });

  test("no bearer: the message is read, and nothing is said of whom nobody knows", async () => {
    const at = scene();
    const request = (await written(at, { body: call("delete") })).replace(/^authorization: .*\r\n/im, "");
    const { said, end } = await told(at, request);
    expect(said).toMatchObject({
      "evidence bearer": "refused bearer.missing",
      "message message": "passed",
      "evidence signature": "not reached",
      "agent status": "not reached",
      "tool grant": "not reached",
      "environment tags": "refused policy.environment",
      "arguments capability": "not reached",
      "arguments grant": "not reached",
      "arguments schema": "passed",
      "arguments rules": "not reached",
    });
    expect(end).toEqual({ kind: "refused", reason: "bearer.missing", status: 401, shown: "bearer.missing" });
  });

  test("a body that is no JSON: there is no call to be judged", async () => {
    const at = scene();
    const { said, end } = await told(at, await written(at, { body: "{" }));
    expect(said).toMatchObject({
      "evidence mandate": "passed",
      "message message": "refused message.not_json",
    });
    expect(said).not.toHaveProperty("tool grant");
    expect(end).toMatchObject({ status: 400, reason: "message.not_json" });
  });

  test("evidence that is only observed", async () => {
    const at = scene({ observe: [{ until: "2026-02-01T00:00:00Z" }] });
    const { code, said, end } = await told(at, await written(at, { signer: stranger.signer }));
    expect(said).toMatchObject({
      "evidence signature": "observed signature.mismatch",
      "agent status": "observed policy.caller_unknown",
    });
    expect([code, end]).toEqual([0, { kind: "observed", reason: "signature.mismatch" }]);
  });
});

describe("under an access token", () => {
  const policy = {
    tools: ["search", "other"].map((name) => ({ name, scope: "read" as const })),
    grants: [
      { subjects: [{ issuer: ISS, subject: "user-1" }], scope: "read" as const },
      { subjects: [{ issuer: ISS, subject: "user-2" }], scope: "read" as const, tools: ["other"] },
    ],
  };
  const at = () =>
    scene({
      policy,
      accessTokens: {
        issuers: [{ iss: ISS, keys: [{ ...authority.publicJwk }] }],
        unsafeBearer: true,
        scopes: [{ require: ["tools"] }],
      },
    });
  const request = async ({ url }: Scene, claims: object = {}) => {
    const token = await signJwt(authority.signer, "at+jwt", {
      ...{
        iss: ISS,
        sub: "user-1",
        aud: url,
        client_id: "c",
        jti: "j",
        scope: "tools",
        iat: NOW,
        exp: NOW + 300,
      },
      ...claims,
    });
    const head = `POST ${new URL(url).pathname} HTTP/1.1\nHost: ${HOST}\nAuthorization: Bearer ${token}\n`;
    return `${head}Content-Type: application/json\n\n${call()}`;
  };

  test("its own checks", async () => {
    const own = at();
    const { code, said } = await told(own, await request(own));
    expect(Object.entries(said).slice(2, 7)).toEqual([
      ["evidence access_token", "passed"],
      ["message message", "passed"],
      ["evidence bearer.alone", "passed"],
      ["evidence scopes", "passed"],
      ["tenant status", "passed"],
    ]);
    expect([code, said["tool grant"]]).toEqual([0, "passed"]);
  });

  test("what its scopes do not cover, and whom no grant names", async () => {
    const own = at();
    const { said, end } = await told(own, await request(own, { scope: "mail", sub: "user-2" }));
    expect(said).toMatchObject({
      "evidence scopes": "refused token.scope",
      "tool grant": "refused policy.tool_not_granted",
    });
    expect(end).toMatchObject({ status: 403, reason: "token.scope" });
  });
});

describe("what only the deployment knows", () => {
  test("whether it has the secrets for the origin", async () => {
    const credentials = [{ header: "x-api-key", secret: "ORIGIN_ACME_KEY" }];
    const at = scene({ origin: { url: "https://origin.example/mcp", credentials } });
    const { code, checks } = await told(at, await written(at));
    expect(checks.find(({ check }) => check === "origin.credentials")).toMatchObject({
      verdict: "not asked",
      note: expect.stringContaining("ORIGIN_ACME_KEY"),
    });
    expect(code).toBe(0);
  });

  const remote = (): Scene =>
    scene({
      issuers: [
        {
          iss: ISS,
          keySources: [{ type: "jwks", url: `https://issuer.example/${++files}/jwks.json` }],
          agents: ["reader"],
          actions: ["mcp.*"],
        },
      ],
    });

  test("keys that would have to be fetched are not", async () => {
    const network = vi.spyOn(globalThis, "fetch");
    const at = remote();
    const { code, said, end } = await told(at, await written(at));
    expect(network).not.toHaveBeenCalled();
    expect(said["evidence bearer"]).toBe("not asked");
    expect([code, end]).toEqual([1, { kind: "unknown", note: expect.stringContaining("jwks.json") }]);
  });

  test("with --fetch-keys they are", async () => {
    const keys = { keys: [issuer.publicJwk] };
    const network = vi.spyOn(globalThis, "fetch").mockImplementation(async () => Response.json(keys));
    const at = remote();
    expect(await told(at, await written(at), "--fetch-keys")).toMatchObject({
      code: 0,
      end: { kind: "admitted" },
    });
    expect(network.mock.calls.map(([url]) => url)).toEqual([expect.stringContaining("jwks.json")]);
  });

  test("sessions are opened with the deployment's keys alone; the policy is judged without", async () => {
    const secret = SESSION_KEYS.make();
    const keys = await readSessionKeys(secret);
    const at = scene();
    const owner = { tenant: at.document.id, principal: "agent:reader", issuer: ISS };
    if (keys === null) throw new Error("no keys");
    const sealed = await sealSession("s-1", owner, keys, NOW);
    const request = await written(at, { headers: { "mcp-session-id": sealed ?? "" } });
    const without = await told(at, request);
    expect(without.said).toMatchObject({ "evidence session": "not asked", "tool grant": "passed" });
    expect([without.code, without.end.kind]).toEqual([1, "unknown"]);
    vi.stubEnv("SESSION_KEYS", secret);
    expect(await told(at, request)).toMatchObject({ code: 0, said: { "evidence session": "passed" } });
    vi.stubEnv("SESSION_KEYS", SESSION_KEYS.make());
    expect((await told(at, request)).said["evidence session"]).toMatch(/^refused session\./);
  });
});

describe("what needs no evidence", () => {
  test.each(["/.well-known/oauth-protected-resource", "/.well-known/countersign"])("%s", async (prefix) => {
    const at = scene();
    const request = `GET ${prefix}/${at.document.id}/mcp HTTP/1.1\nHost: ${HOST}\n\n`;
    expect(await told(at, request)).toMatchObject({ code: 0, end: { kind: "answered" } });
  });

  test("an endpoint of Countersign's own needs it, and has no gates of the policy", async () => {
    const at = scene();
    const { said, end } = await told(at, `GET /${at.document.id}/audit/status HTTP/1.1\nHost: ${HOST}\n\n`);
    expect(said).toEqual({
      "request headers": "passed",
      "tenant document": "passed",
      "evidence bearer": "refused bearer.missing",
      "evidence signature": "not reached",
      "admission admission": "not asked",
    });
    expect(end).toMatchObject({ status: 401 });
  });

  test("a path that is nothing", async () => {
    const at = scene();
    const { said, end } = await told(at, `GET /${at.document.id}/../mcp HTTP/1.1\nHost: ${HOST}\n\n`);
    expect(said).toEqual({ "request headers": "passed", "tenant document": "refused target.not_canonical" });
    expect(end).toMatchObject({ status: 404 });
  });
});

describe("wrong use", () => {
  test("of the command", async () => {
    const at = scene();
    const tenant = await file(JSON.stringify(at.document));
    const request = await file(await written(at));
    for (const args of [
      [],
      [request],
      ["--tenant", tenant],
      [request, request, "--tenant", tenant],
      [request, "--tenant", tenant, "--at", "yesterday"],
      [request, "--tenant", tenant, "--at", "2026-01-01"],
      [request, "--tenant", tenant, "--gateway", "x"],
      [request, "--tenant", tenant, "--tenant", tenant],
      [request, "--tenant", tenant, "--nonsense"],
      [join(directory, "nowhere"), "--tenant", tenant],
      [request, "--tenant", join(directory, "nowhere")],
    ])
      expect((await capture(run, args)).code).toBe(2);
    expect((await capture(run, ["--help"])).code).toBe(0);
  });

  test.each([
    ["", "request line"],
    ["hello\n\n", "request line"],
    ["POST /x HTTP/2\nHost: x\n\n", "request line"],
    ["POST /x HTTP/1.1\n\n", "Host"],
    ["POST /x HTTP/1.1\nHost: x\nno header\n\n", "no header"],
    ["POST /x HTTP/1.1\nHost: x\nAuthorization: Bearer\n  secret\n\n", "no header: the 4. one"],
    ["POST /x HTTP/1.1\nHost: x\n\x1b[2Jsecret: y\n\n", "no header: the 3. one"],
    ["POST /x HTTP/1.1\nHost: x\nHost: y\n\n", "one host"],
    ["POST /x HTTP/1.1\nHost: x/../y\n\n", "one host"],
    ["POST /x HTTP/1.1\nHost:\n\n", "one host"],
    ["POST https://me:secret@x/x HTTP/1.1\nHost: x\n\n", "one host"],
    ["POST \\x HTTP/1.1\nHost: x\n\n", "neither a path nor a URL"],
    ["POST https:///x HTTP/1.1\nHost: x\n\n", "neither a path nor a URL"],
    ["POST /x HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n0\n\n", "chunks"],
    ["POST /x HTTP/1.1\nHost: x\nContent-Length: 3\n\n{}", "Content-Length"],
    ["POST /x HTTP/1.1\nHost: x\nContent-Length: 1\n\n{}", "Content-Length"],
    ["POST /x HTTP/1.1\nHost: x\nContent-Length: 0x2\n\n{}", "Content-Length"],
  ])("a request that is none: %j", async (request, problem) => {
    const { code, err } = await ask(scene(), request);
    expect([code, err]).toEqual([2, expect.stringContaining(problem)]);
    expect(err).not.toContain("secret");
  });

  test("nothing of the evidence is said, whatever becomes of it, and nothing to a terminal", async () => {
    const at = scene();
    const request = await written(at);
    const lines = request.split("\r\n");
    for (let i = 0; i < lines.length; i++) {
      for (const line of [`${lines[i]}x`, `\x1b[2J\u009b${lines[i]}`, `X-Own: \u009b2J`]) {
        const { out, err } = await ask(at, Buffer.from(lines.with(i, line).join("\r\n"), "latin1"), ...AT);
        expect(out + err).not.toMatch(/eyJ|[A-Za-z0-9+/_-]{60}/);
        expect(out + err).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
      }
    }
  });

  test("a document with faults: all of them, with their paths", async () => {
    const at = scene();
    const wrong = {
      ...at.document,
      policy: { ...at.document.policy, tols: [] },
      origin: { url: "x", assertion: "no" },
    };
    const { code, err } = await ask({ ...at, document: wrong as never }, await written(at));
    expect(code).toBe(2);
    expect(err).toMatch(/origin\.url: .*\n.*origin\.assertion: .*\n.*policy\.tols: is not a known field/);
  });
});

test("what a document has for names is nothing to a terminal", async () => {
  const at = scene();
  const wrong = { ...at.document, "\x1b[2J\u009b\u202e": 1, id: "\x1b[2J" };
  const { code, err } = await ask({ ...at, document: wrong as never }, await written(at));
  expect(code).toBe(2);
  expect(err).toMatch(/is not a known field/);
  expect(err).not.toMatch(/[^\n\P{Cc}]|\p{Cf}/u);
});

test("as a command, from standard input", async () => {
  const at = scene();
  const args = [
    "src/cli/main.ts",
    "explain",
    "-",
    "--tenant",
    await file(JSON.stringify(at.document)),
    ...AT,
  ];
  const ended = new Promise<string>((resolve, reject) => {
    const child = execFile(process.execPath, args, (error, out) => (error ? reject(error) : resolve(out)));
    void written(at).then((request) => child.stdin?.end(request));
  });
  expect(await ended).toContain("admitted, if nothing");
});
