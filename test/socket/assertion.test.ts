/** What the origin is told of a call, and what of the caller's never reaches it; and the verifier of docs/origin.md as an origin. */

import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { compactVerify, createLocalJWKSet, decodeJwt, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readSigningKeys } from "../../src/audit/signing-keys.ts";
import { SIGNING_KEYS } from "../../src/cli/local/secrets.ts";
import { sha256 } from "../../src/encoding.ts";
import { ASSERTION_TYP, type Asserted, signAssertion } from "../../src/origin/assertion.ts";
import { type Difference, type Scene, setScene } from "./harness.ts";
import { decisionOf, headerOf, told, toolCall, withHeader } from "./messages.ts";
import { type Arrival, beyondFraming, closedPort } from "./origin.ts";
import { exchange, toBytes, type Wire } from "./raw.ts";

const ROOT = join(import.meta.dirname, "../..");
const TOKEN = "s3cret of=the+origin";
const CREDENTIALS = [
  { header: "authorization", secret: "ORIGIN_TOKEN", prefix: "Bearer " },
  { header: "x-api-key", secret: "ORIGIN_KEY" },
];
const OBSERVE = [{ until: new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+/, "") }];

const signingKeys = SIGNING_KEYS.make();
let scene: Scene;
let verifier: ChildProcess;
let verifierOrigin: string;

beforeAll(async () => {
  const port = await closedPort();
  verifierOrigin = `http://127.0.0.1:${port}`;
  const tenants: Record<string, Difference> = {
    acme: {},
    silent: { origin: { assertion: false } },
    shown: { origin: { credentials: CREDENTIALS } },
    missing: { origin: { credentials: [{ header: "x-api-key", secret: "ORIGIN_ABSENT" }] } },
    broken: { origin: { credentials: [{ header: "x-api-key", secret: "ORIGIN_BROKEN" }] } },
    unsafe: { origin: { unsafeForwardAuthorization: true } },
    observing: {
      observe: OBSERVE,
      policy: {},
      origin: { credentials: [{ header: "x-api-key", secret: "ORIGIN_OTHER" }] },
    },
    looking: { observe: OBSERVE, origin: { unsafeForwardAuthorization: true } },
    guarded: { origin: { url: `${verifierOrigin}/mcp?shard=1` } },
  };
  scene = await setScene(tenants, {
    signingKeys,
    originSecrets: { ORIGIN_TOKEN: TOKEN, ORIGIN_KEY: "k", ORIGIN_OTHER: "o", ORIGIN_BROKEN: "k\n" },
  });
  verifier = await startVerifier(port);
});
afterAll(async () => {
  verifier?.kill();
  await scene?.close();
});

/** Runs the very code of the documentation. */
async function startVerifier(port: number): Promise<ChildProcess> {
  const page = await readFile(join(ROOT, "docs/origin.md"), "utf8");
  const code = /```js\n(.*?)```/s.exec(page)?.[1] ?? "";
  expect(code.split("\n").filter((line) => line !== "").length).toBeLessThanOrEqual(30);
  const child = spawn(process.execPath, ["--input-type=module", "-"], {
    cwd: ROOT,
    env: { ENDPOINT: scene.endpoint("guarded"), ORIGIN: verifierOrigin, PORT: String(port) },
    stdio: ["pipe", "ignore", "inherit"],
  });
  child.stdin?.end(code);
  while (!(await listens(port))) await new Promise((resolve) => setTimeout(resolve, 20));
  return child;
}

const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });

/** Sends a call that is passed on; returns the headers that the origin saw. */
async function arrive(tenant: string, wire: Wire): Promise<Record<string, string>> {
  const { arrivals } = scene.origin(tenant);
  const before = arrivals.length;
  expect(told(await scene.send(wire))).toBe("200");
  expect(arrivals.length - before).toBe(1);
  return beyondFraming(arrivals.at(-1) as Arrival);
}

const digestOf = async (body: Uint8Array) =>
  Buffer.from(await crypto.subtle.digest("SHA-256", new Uint8Array(body))).toString("base64url");

describe("the assertion", () => {
  test("says who calls, under what, and what exactly; signed with the key that is published", async () => {
    const wire = await scene.sign("acme", toolCall());
    const answer = await scene.send(wire);
    const arrival = scene.origin("acme").arrivals.at(-1) as Arrival;
    const jws = beyondFraming(arrival)["countersign-assertion"] ?? "";
    const published = await fetch(`${scene.url}/.well-known/countersign/acme/mcp`);
    const { keys } = (await published.json()) as { keys: never };
    const { payload, protectedHeader } = await compactVerify(jws, createLocalJWKSet(keys));
    expect(protectedHeader).toEqual({ alg: "ES256", kid: expect.any(String), typ: ASSERTION_TYP });
    const claims = JSON.parse(new TextDecoder().decode(payload));
    const { url } = scene.origin("acme");
    const mandate = decodeJwt(headerOf(wire, "authorization").replace("Bearer ", ""));
    expect(claims).toEqual({
      iss: scene.endpoint("acme"),
      aud: new URL(url).origin,
      sub: "agent:reader",
      jti: expect.stringMatching(/^[\w-]{22}$/),
      iat: expect.any(Number),
      exp: claims.iat + 60,
      htm: "POST",
      htu: url,
      inp_hash: await digestOf(arrival.body),
      tenant: "acme",
      decision: decisionOf(answer),
      verdict: "admitted",
      tool: "search",
      action: "mcp.search",
      mandate: { iss: mandate.iss, jti: mandate.jti },
    });
    expect(Math.abs(claims.iat - Date.now() / 1000)).toBeLessThan(30);
  });

  test("of a GET: without a body, tool and action; never twice with one jti", async () => {
    const claims = [];
    for (const method of ["GET", "DELETE"]) {
      const seen = await arrive("acme", await scene.sign("acme", null, { method }));
      claims.push(decodeJwt(seen["countersign-assertion"] ?? ""));
    }
    expect(claims).toMatchObject([
      { htm: "GET", inp_hash: null, tool: null, action: null },
      { htm: "DELETE", inp_hash: null, tool: null, action: null },
    ]);
    expect(claims[0]?.jti).not.toBe(claims[1]?.jti);
  });

  test("one of the caller's own never arrives, also where there is none of ours", async () => {
    for (const name of ["countersign-assertion", "Countersign_Assertion", "countersign-decision"]) {
      const wire = await scene.sign("silent", toolCall(), { headers: { [name]: "of-my-choice" } });
      expect(JSON.stringify(await arrive("silent", wire))).not.toContain("of-my-choice");
    }
    const wire = await scene.sign("acme", toolCall(), {
      headers: { "countersign-assertion": "of-my-choice" },
    });
    expect((await arrive("acme", wire))["countersign-assertion"]).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
  });

  test("none where the tenant wants none", async () => {
    const seen = await arrive("silent", await scene.sign("silent", toolCall()));
    expect(Object.keys(seen).sort()).toEqual(["accept", "content-type"]);
  });
});

describe("credentials", () => {
  test("the tenant's own, in place of the caller's; neither goes back", async () => {
    const wire = await scene.sign("shown", toolCall());
    const seen = await arrive("shown", wire);
    expect(seen).toMatchObject({ authorization: `Bearer ${TOKEN}`, "x-api-key": "k" });
    const answer = await scene.send(await scene.sign("shown", toolCall()));
    expect(JSON.stringify([...answer.headers, answer.text])).not.toContain("s3cret");
  });

  test("a header of that name of the caller's does not get beside it", async () => {
    const headers = { "x-api-key": "mine" };
    const seen = await arrive("shown", await scene.sign("shown", toolCall(), { headers }));
    expect(seen["x-api-key"]).toBe("k");
  });

  test.each(["missing", "broken"])("%s: nobody is served, and nothing is used up", async (tenant) => {
    const wire = await scene.sign(tenant, toolCall());
    for (let i = 0; i < 2; i++) {
      const answer = await scene.send(wire);
      expect(told(answer)).toBe("503 origin.credential_missing");
      expect(answer.headers.get("retry-after")).toMatch(/^\d+$/);
    }
    expect(scene.origin(tenant).arrivals).toEqual([]);
  });
});

describe("the caller's own token", () => {
  test("reaches no origin without the option", async () => {
    const wire = await scene.sign("acme", toolCall(), { headers: { dpop: "proof" } });
    const seen = JSON.stringify(await arrive("acme", wire));
    expect(seen).not.toContain(headerOf(wire, "authorization").replace("Bearer ", ""));
    expect(seen).not.toContain("proof");
  });

  test("goes on as it came with it; a proof for it does not", async () => {
    const wire = await scene.sign("unsafe", toolCall(), { headers: { dpop: "proof" } });
    const seen = await arrive("unsafe", wire);
    expect(seen.authorization).toBe(headerOf(wire, "authorization"));
    expect(seen).not.toHaveProperty("dpop");
    expect(seen).toHaveProperty("countersign-assertion");
  });

  test("in ACT-Mandate, it is none that the option is about", async () => {
    const seen = await arrive(
      "unsafe",
      await scene.sign("unsafe", toolCall(), { mandateHeader: "act-mandate" }),
    );
    expect(seen).not.toHaveProperty("authorization");
    expect(seen).not.toHaveProperty("act-mandate");
  });
});

describe("a caller that is only observed", () => {
  const forged = async (tenant: string) =>
    withHeader(await scene.sign(tenant, toolCall()), "authorization", "Bearer of-nobody");

  test("gets neither assertion nor credential to the origin", async () => {
    const seen = await arrive("observing", await forged("observing"));
    expect(Object.keys(seen).sort()).toEqual(["accept", "content-type"]);
  });

  test("is passed on with its token where the tenant asked for that", async () => {
    const seen = await arrive("looking", await forged("looking"));
    expect(seen.authorization).toBe("Bearer of-nobody");
    expect(seen).not.toHaveProperty("countersign-assertion");
  });

  test("that its mandate grants no such action is wrong with the evidence, too", async () => {
    const seen = await arrive("observing", await scene.sign("observing", toolCall("unheard-of")));
    expect(Object.keys(seen).sort()).toEqual(["accept", "content-type"]);
  });

  test("whose evidence holds, and whom the policy would refuse: the assertion says so", async () => {
    const seen = await arrive("observing", await scene.sign("observing", toolCall()));
    const claims = decodeJwt(seen["countersign-assertion"] ?? "");
    expect(claims).toMatchObject({ sub: "agent:reader", verdict: "observed", tool: "search" });
    expect(seen["x-api-key"]).toBe("o");
  });
});

describe("the verifier of docs/origin.md", () => {
  const BODY = Buffer.from(toolCall());

  test("takes what Countersign passes on", async () => {
    for (let i = 0; i < 2; i++) {
      const answer = await scene.send(await scene.sign("guarded", toolCall()));
      expect([answer.status, answer.text]).toEqual([200, "agent:reader calls search\n"]);
    }
    const answer = await scene.send(await scene.sign("guarded", null, { method: "DELETE" }));
    expect([answer.status, answer.text]).toEqual([200, "agent:reader calls null\n"]);
  });

  async function assertion(changes: Partial<Asserted> = {}, keys = signingKeys): Promise<string> {
    const signing = (await readSigningKeys(keys))?.signing;
    if (signing === undefined) throw new Error("no key");
    const origin = { target: new URL(`${verifierOrigin}/mcp?shard=1`) };
    return signAssertion(
      {
        tenant: { id: "guarded", publicUrl: scene.endpoint("guarded"), origin } as Asserted["tenant"],
        caller: {
          kind: "agent",
          agent: { name: "reader" },
          mandate: { iss: "i", jti: "j" },
        } as Asserted["caller"],
        decision: "d",
        verdict: "admitted",
        method: "POST",
        bodySha256: await sha256(new Uint8Array(BODY)),
        tool: "search",
        action: "mcp.search",
        now: Math.floor(Date.now() / 1000),
        ...changes,
      },
      signing,
    );
  }

  const at = (url: string, publicUrl = scene.endpoint("guarded")) => ({
    id: "guarded",
    publicUrl,
    origin: { target: new URL(url) },
  });

  async function ask(jws: string | null, body: Buffer = BODY, target = "/mcp?shard=1", method = "POST") {
    const headers: Record<string, string> = jws === null ? {} : { "countersign-assertion": jws };
    const init = { method, headers, ...(method === "POST" && { body: new Uint8Array(body) }) };
    return (await fetch(verifierOrigin + target, init)).status;
  }

  test("takes one that is made for it, once", async () => {
    const jws = await assertion();
    expect([await ask(jws), await ask(jws), await ask(await assertion())]).toEqual([200, 401, 200]);
  });

  test("refuses none, and what is no assertion", async () => {
    expect(await ask(null)).toBe(401);
    expect(await ask("x")).toBe(401);
    expect(await ask(`${await assertion()}, ${await assertion()}`)).toBe(401);
  });

  test("refuses what has ended, and what has not begun", async () => {
    const now = Math.floor(Date.now() / 1000);
    expect(await ask(await assertion({ now: now - 70 }))).toBe(401);
    expect(await ask(await assertion({ now: now + 30 }))).toBe(401);
    expect(await ask(await assertion({ now: now - 30 }))).toBe(200);
  });

  test("refuses what was made for another request", async () => {
    const other = Buffer.from(toolCall("search", { query: "honey" }));
    expect(await ask(await assertion(), other)).toBe(401);
    expect(await ask(await assertion(), Buffer.alloc(0))).toBe(401);
    expect(await ask(await assertion(), BODY, "/mcp")).toBe(401);
    expect(await ask(await assertion(), BODY, "/mcp?shard=2")).toBe(401);
    expect(await ask(await assertion({ bodySha256: null }))).toBe(401);
    expect(
      await ask(await assertion({ method: "GET", bodySha256: null }), BODY, "/mcp?shard=1", "DELETE"),
    ).toBe(401);
    expect(await ask(await assertion({ method: "GET", bodySha256: null }), BODY, "/mcp?shard=1", "GET")).toBe(
      200,
    );
  });

  test("refuses what was made for another origin, or by another tenant", async () => {
    expect(await ask(await assertion({ tenant: at("https://other.example/mcp?shard=1") }))).toBe(401);
    expect(
      await ask(await assertion({ tenant: at(`${verifierOrigin}/mcp?shard=1`, scene.endpoint("acme")) })),
    ).toBe(401);
  });

  test("refuses another key, and another kind of statement by the same one", async () => {
    const { kid } = JSON.parse(signingKeys).keys[0];
    const forged = JSON.parse(SIGNING_KEYS.make());
    forged.keys[0].kid = kid;
    expect(await ask(await assertion({}, SIGNING_KEYS.make()))).toBe(401);
    expect(await ask(await assertion({}, JSON.stringify(forged)))).toBe(401);
    const claims = decodeJwt(await assertion());
    const key = (await readSigningKeys(signingKeys))?.signing.private as CryptoKey;
    const as = (typ: string, also: object = {}) =>
      new SignJWT({ ...claims, jti: crypto.randomUUID(), ...also })
        .setProtectedHeader({ alg: "ES256", kid, typ })
        .sign(key);
    expect(await ask(await as(ASSERTION_TYP))).toBe(200);
    expect(await ask(await as("countersign-receipt+jwt"))).toBe(401);
    expect(await ask(await as(ASSERTION_TYP, { jti: undefined }))).toBe(401);
    expect(await ask(await as(ASSERTION_TYP, { exp: undefined }))).toBe(401);
    expect(await ask(await as(ASSERTION_TYP, { aud: "https://other.example" }))).toBe(401);
    // The algorithm is the key's, whatever the header says.
    const [{ d: _, ...publicJwk }] = JSON.parse(signingKeys).keys;
    for (const secret of [JSON.stringify(publicJwk), publicJwk.x, ""]) {
      const hmac = new SignJWT(claims).setProtectedHeader({ alg: "HS256", kid, typ: ASSERTION_TYP });
      expect(await ask(await hmac.sign(Buffer.from(secret.padEnd(32))))).toBe(401);
    }
    const parts = (await as(ASSERTION_TYP)).split(".");
    const none = Buffer.from(JSON.stringify({ alg: "none", kid, typ: ASSERTION_TYP })).toString("base64url");
    expect(await ask(`${none}.${parts[1]}.`)).toBe(401);
    expect(await ask(`${none}.${parts[1]}.${parts[2]}`)).toBe(401);
  });

  test("refuses a line more, a target that names a host, and one assertion for two requests at once", async () => {
    const { host } = new URL(verifierOrigin);
    const wire = (jws: readonly string[], target = "/mcp?shard=1"): Wire => ({
      method: "POST",
      target,
      headers: [["Host", host], ...jws.map((one) => ["Countersign-Assertion", one] as const)],
      body: BODY,
    });
    const status = async (one: Wire) => (await exchange(verifierOrigin, toBytes(one))).status;
    const jws = await assertion();
    expect(await status(wire([jws, jws]))).toBe(401);
    expect(await status(wire(["", jws]))).toBe(401);
    expect(await status(wire([jws], `http://${host}/mcp?shard=1`))).toBe(401);
    expect(await status(wire([jws], "/mcp?shard=1#"))).toBe(401);
    const both = await Promise.all([ask(jws), ask(jws), ask(jws)]);
    expect(both.sort()).toEqual([200, 401, 401]);
  });
});
