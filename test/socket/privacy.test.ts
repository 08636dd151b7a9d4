/** Secrets in every part of requests and answers, and a search for them in everything that is written. */

import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SESSION_KEYS, SIGNING_KEYS } from "../../src/cli/local/secrets.ts";
import { type Scene, setScene } from "./harness.ts";
import {
  beginSession,
  decisionOf,
  headerOf,
  RESPONSE,
  resign,
  rpc,
  told,
  toolCall,
  withHeader,
} from "./messages.ts";
import { answerJson, closedPort, type Handler } from "./origin.ts";
import type { Answer, Wire } from "./raw.ts";

const sessionKeys = SESSION_KEYS.make();
const signingKeys = SIGNING_KEYS.make();

/** What nobody may find again, by where it was put. */
const secrets = new Map<string, string>([
  ["session key", sessionKeys.slice(sessionKeys.indexOf(":") + 1)],
  ["signing key", JSON.parse(signingKeys).keys[0].d],
]);

const secretText = (): string => `s3cr3t${randomBytes(12).toString("hex")}`;

/** A text that is nowhere else, noted as a secret. */
function plant(where: string): string {
  const secret = secretText();
  secrets.set(where, secret);
  return secret;
}

/** Notes what a wire carries in this header, a token say: all of it is secret. */
function hide(where: string, wire: Wire, header: string): void {
  const value = headerOf(wire, header).replace(/^Bearer /, "");
  expect(value.length).toBeGreaterThan(40);
  secrets.set(where, value);
}

/** Texts that the log does show: without them, nothing was searched. */
const VISIBLE = { kept: secretText(), denied: secretText() };

const stateDir = mkdtempSync(join(tmpdir(), "countersign-privacy-"));
const lines: string[] = [];
let scene: Scene;
const decisions: string[] = [];

beforeAll(async () => {
  scene = await setScene(
    {
      acme: {
        audit: { keep: [{ tool: "search", arguments: ["/shown", "/long", "/deep"] }] },
        tools: { filterList: true },
      },
      down: { origin: { url: `http://127.0.0.1:${await closedPort()}/mcp` } },
    },
    { stateDir, sessionKeys, signingKeys, log: (level, message) => void lines.push(`${level} ${message}`) },
  );
});
afterAll(async () => {
  await scene.close();
  rmSync(stateDir, { recursive: true, force: true });
});

async function send(wire: Wire): Promise<Answer> {
  const answer = await scene.send(wire);
  const decision = decisionOf(answer);
  // Before its tenant is found, nothing is written about a request.
  if (!/^\d+ (target|tenant)\./.test(told(answer))) decisions.push(decision);
  return answer;
}

/** A request of nobody, or of whom the headers say. */
const wireOf = (
  body: string,
  headers: Readonly<Record<string, string>> = {},
  target = "/acme/mcp",
): Wire => ({
  method: "POST",
  target,
  headers: [
    ["Host", new URL(scene.url).host],
    ["Content-Type", "application/json"],
    ...Object.entries(headers),
  ],
  body: Buffer.from(body),
});

describe("secrets are planted", () => {
  test("in an admitted call and its result", async () => {
    const origin = scene.origin("acme");
    origin.handler = ({ response }) => {
      const headers = {
        "content-type": "application/json",
        "set-cookie": `a=${plant("a cookie of the origin")}`,
        "x-origin": plant("a header of the origin"),
      };
      const text = plant("a result");
      response.writeHead(200, headers).end(JSON.stringify({ jsonrpc: "2.0", id: 1, result: { text } }));
    };
    const args = {
      shown: VISIBLE.kept,
      hidden: plant("an argument"),
      deep: { inside: plant("an argument below one that is kept") },
      long: plant("an argument that is too long to be kept").padEnd(300, "."),
      [plant("the name of an argument")]: 1,
    };
    const purpose = plant("the purpose of a mandate");
    const run = await scene.run("acme", { purpose });
    const wire = await scene.sign("acme", toolCall("search", args, plant("the id of a request")), {
      run,
      headers: {
        cookie: `session=${plant("a cookie")}`,
        "x-api-key": plant("a header"),
        "user-agent": plant("the name of a client"),
        "mcp-param-token": plant("a mirrored argument"),
        traceparent: `00-${plant("a trace")}`,
      },
    });
    hide("a mandate", wire, "authorization");
    hide("an ECT", wire, "wimse-ect");
    hide("a signature", wire, "signature");
    const answer = await send(wire);
    expect(told(answer)).toBe("200");
    expect(answer.text).toContain(secrets.get("a result"));
    origin.handler = answerJson;
  });

  test("in calls of a verified caller that are denied", async () => {
    const other = await scene.run("acme", { actions: ["mcp.write"] });
    const args = { shown: VISIBLE.denied, hidden: plant("an argument of a denied call") };
    expect(told(await send(await scene.sign("acme", toolCall("search", args), { run: other })))).toBe(
      "200 capability.missing",
    );
    const replayed = await scene.sign("acme", toolCall("write", { a: plant("an argument of a replay") }));
    await send(replayed);
    expect(told(await send(replayed))).toBe("403 replay.ect");
  });

  test("in an attestation, good and bad", async () => {
    const args = { hidden: plant("an argument that is attested") };
    const good = await scene.sign("acme", toolCall("sealed", args));
    hide("an attestation", good, "x-mcp-attestation");
    expect(told(await send(good))).toBe("200");
    const wrong = await scene.sign("acme", toolCall("sealed", { other: plant("an argument not attested") }));
    const swapped = withHeader(wrong, "x-mcp-attestation", headerOf(good, "x-mcp-attestation"));
    expect(told(await send(swapped))).not.toBe("200");
    const garbage = withHeader(good, "x-mcp-attestation", plant("a malformed attestation"));
    expect(told(await send(await resign(scene, "acme", garbage)))).not.toBe("200");
  });

  test("in other messages", async () => {
    const params = (where: string) => ({ uri: plant(where), name: plant(`${where}, name`) });
    for (const body of [
      rpc("resources/read", params("a resource")),
      rpc("prompts/get", params("a prompt")),
      rpc("notifications/message", params("a notification"), null),
    ])
      await send(await scene.sign("acme", body));
    const session = await beginSession(scene, "acme", plant("a session id of the origin"));
    secrets.set("a sealed session id", session);
    const answering = RESPONSE.replace("{}", JSON.stringify({ text: plant("a posted response") }));
    expect(
      told(await send(await scene.sign("acme", answering, { headers: { "mcp-session-id": session } }))),
    ).toBe("200");
    await send(
      await scene.sign("acme", rpc("ping"), { headers: { "mcp-session-id": plant("a forged session id") } }),
    );
  });

  test("in answers of an origin that fails", async () => {
    const origin = scene.origin("acme");
    const failures: ((secret: string) => Handler)[] = [
      (secret) =>
        ({ response }) =>
          void response.writeHead(500, secret).end(secret),
      (secret) =>
        ({ response }) =>
          void response.writeHead(302, { location: `https://x.example/${secret}` }).end(),
      (secret) =>
        ({ response }) =>
          void response.writeHead(401, { "www-authenticate": `Bearer x="${secret}"` }).end(),
      (secret) =>
        ({ response }) => {
          response.writeHead(200, { "content-type": "text/event-stream" }).write(`data: ${secret}\n\n`);
          setTimeout(() => response.destroy(), 20);
        },
      (secret) =>
        ({ response }) =>
          void response.writeHead(200, { "content-type": "application/json" }).end(`{"result":["${secret}`),
    ];
    for (const [i, failure] of failures.entries()) {
      origin.handler = failure(plant(`failure ${i} of the origin`));
      // The last one is read here, to filter it.
      const body = i === failures.length - 1 ? rpc("tools/list") : toolCall("write");
      await scene.send(await scene.sign("acme", body)).catch(() => null);
    }
    origin.handler = answerJson;
    const args = { hidden: plant("an argument for an origin that is down") };
    expect(told(await send(await scene.sign("down", toolCall("search", args))))).toBe(
      "502 origin.unreachable",
    );
  });

  test("in what strangers send", async () => {
    const bad = plant("a stranger's bearer");
    const call = toolCall(plant("a stranger's tool"), { shown: plant("a stranger's argument") });
    const signed = await scene.sign("acme", call);
    hide("a stranger's mandate", signed, "authorization");
    const bare = (more: Readonly<Record<string, string>>) =>
      wireOf(call, { Authorization: headerOf(signed, "authorization"), ...more });
    const forged = await scene.mandate("acme", { purpose: plant("the purpose of a forged mandate") });
    const { length } = forged;
    for (const wire of [
      wireOf(call, { Authorization: `Bearer ${bad}` }),
      wireOf(call, { Authorization: `Basic ${btoa(plant("a password"))}` }),
      wireOf(call, { Authorization: `Bearer ${forged.slice(0, length - 8)}AAAAAAAA` }),
      wireOf(call, { "ACT-Mandate": plant("a stranger's mandate header") }),
      bare({ "Mcp-Method": plant("a claimed method") }),
      bare({ "Wimse-ECT": plant("a stranger's ECT"), Signature: `a=:${btoa(plant("a signature"))}:` }),
      withHeader(signed, "signature", null),
      withHeader(signed, "wimse-ect", `${headerOf(signed, "wimse-ect").slice(0, -8)}AAAAAAAA`),
      { ...signed, body: Buffer.from(toolCall("search", { shown: plant("a changed argument") })) },
      bare({ Origin: `https://${plant("a stranger's site")}.example` }),
      wireOf(call, {}, `/acme/mcp?token=${plant("a query")}`),
      wireOf(call, {}, `/acme/${plant("a path")}`),
      wireOf(call, {}, `/${plant("a tenant's name")}/mcp`),
    ])
      expect(told(await send(wire))).not.toBe("200");
  });

  test("in what cannot be read", async () => {
    const mandate = await scene.mandate("acme");
    const read = (body: string, type = "application/json") =>
      wireOf(body, { Authorization: `Bearer ${mandate}`, "Content-Type": type });
    for (const wire of [
      read(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"x":"${plant("broken JSON")}`),
      read(`{"a":1,"a":"${plant("a repeated name")}"}`),
      read(`[{"jsonrpc":"2.0","method":"${plant("a batch")}"}]`),
      read(rpc(plant("a stranger's method"))),
      read(rpc("tools/call", { name: `${plant("an impossible tool")} é`, arguments: {} })),
      read(rpc("tools/call", { name: "search", arguments: plant("arguments that are no object") })),
      read(toolCall("search"), `text/${plant("a content type")}`),
    ])
      expect(told(await send(wire))).not.toBe("200");
  });

  test("at Countersign's own endpoints", async () => {
    const run = await scene.run("acme");
    const wire = await scene.sign("acme", toolCall("search"), {
      run,
      headers: { "act-record": plant("a malformed record") },
    });
    await send(wire);
    const bearer = { Authorization: `Bearer ${await scene.mandate("acme")}` };
    for (const target of [
      `/acme/audit/status?x=${plant("a query of ours")}`,
      `/acme/audit/export?after=${plant("a cursor")}`,
      `/acme/runs/${plant("the id of a run")}`,
      "/acme/records",
    ])
      expect(told(await send(wireOf(plant(`a body for ${target}`), bearer, target)))).not.toBe("200");
  });

  test("in a tenant document with faults", async () => {
    const kv = await scene.runtime.kv();
    const key = { iss: "i", secretVersion: "1", alg: "HS256", secret: plant("a secret of a tenant"), kid: 1 };
    await kv.put("tenant:broken", JSON.stringify({ id: "broken", attestationKeys: [key, key.secret] }));
    expect(told(await send(wireOf(toolCall(), {}, "/broken/mcp")))).toMatch(/^503 /);
    // KV is where this one belongs.
    await kv.delete("tenant:broken");
  });
});

/** As it is, and as it stands in a token or anything else in base64, whatever precedes it. */
function spellings(secret: string): Buffer[] {
  const [bytes, hex] = [Buffer.from(secret), Buffer.from(secret).toString("hex")];
  const encoded = [0, 1, 2].flatMap((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString("base64url");
    // The first and the last characters depend on what is beside the secret.
    const inner = text.slice(Math.ceil((shift * 8) / 6), -2);
    return [inner, inner.replaceAll("-", "+").replaceAll("_", "/")];
  });
  return [...encoded, hex, hex.toUpperCase()].map((text) => Buffer.from(text)).concat(bytes);
}

function found(haystacks: ReadonlyMap<string, Buffer>): string[] {
  return [...secrets].flatMap(([where, secret]) => {
    const needles = spellings(secret);
    return [...haystacks]
      .filter(([, bytes]) => needles.some((needle) => bytes.includes(needle)))
      .map(([name]) => `${where} is in ${name}`);
  });
}

describe("none of them is found", () => {
  let tables: Map<string, Buffer>;
  let files: Map<string, Buffer>;
  beforeAll(async () => {
    const rows = await scene.rows(decisions);
    expect([...rows.values()].some(({ kind }) => kind === "decision")).toBe(true);
    const admitted = [...rows.values()].filter(({ verdict }) => verdict === "admitted");
    await scene.rows(admitted.map(({ id }) => `${id}.outcome`));
    tables = await dump();
    files = readAll();
  });

  async function dump(): Promise<Map<string, Buffer>> {
    const db = await scene.runtime.d1();
    const { results } = await db
      .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'")
      .all<{ name: string }>();
    const dumped = results.map(async ({ name }) => {
      const all = await db.prepare(`SELECT * FROM "${name}"`).all();
      return [name, Buffer.from(JSON.stringify(all.results))] as const;
    });
    return new Map(await Promise.all(dumped));
  }

  function readAll(): Map<string, Buffer> {
    const names = readdirSync(stateDir, { recursive: true, withFileTypes: true });
    return new Map(
      names
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .map((file) => [file.slice(stateDir.length), readFileSync(file)]),
    );
  }

  test("although what the tenant keeps is there, of calls admitted and denied", () => {
    expect(secrets.size).toBeGreaterThan(50);
    const records = tables.get("audit_records")?.toString() ?? "";
    for (const text of Object.values(VISIBLE)) {
      // Once: the outcome does not say it again.
      expect(records.split(text)).toHaveLength(2);
      const holders = [...files].filter(([, bytes]) => bytes.includes(text)).map(([name]) => name);
      expect(holders.some((name) => name.includes("Ledger"))).toBe(true);
    }
    expect(records).toContain(JSON.stringify(JSON.stringify({ "/shown": VISIBLE.kept })).slice(1, -1));
  });

  test("in D1", () => {
    expect(found(tables)).toEqual([]);
  });

  test("in the files of the runtime: Durable Objects, D1, KV", () => {
    expect(files.size).toBeGreaterThan(3);
    expect(found(files)).toEqual([]);
  });

  test("in what the Worker prints", () => {
    expect(lines.some((line) => line.includes("tenant.invalid"))).toBe(true);
    expect(
      found(new Map(lines.map((line, i) => [`line ${i}: ${line.slice(0, 80)}`, Buffer.from(line)]))),
    ).toEqual([]);
  });
});
