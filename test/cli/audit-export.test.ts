/** `countersign audit export` against an endpoint that answers as badly as one can. */

import { access, chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportJWK } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { generateSigner, mintMandate } from "../../src/agent/index.ts";
import type { Line } from "../../src/audit/export/format.ts";
import { run } from "../../src/cli/audit-export.ts";
import { append, checkpoint, type Log, linesOf, makeLog, START, STEP } from "../audit/export/log.ts";
import { capture, type Ended } from "./capture.ts";

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

let directory: string;
let server: Server;
let answer: Answer;
let requests: string[];
let endpoint: string;
let log: Log;
let lines: string[];
const file = (name: string): string => join(directory, name);
const textOf = (all: readonly string[]): string => all.map((line) => `${line}\n`).join("");

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "countersign-export-"));
  server = createServer((request, response) => {
    requests.push(new URL(request.url ?? "", endpoint).search);
    answer(request, response);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/acme/mcp`;

  const [issuer, agent] = await Promise.all(
    (["EdDSA", "ES256"] as const).map((alg) => generateSigner({ alg, kid: alg, extractable: true })),
  );
  if (issuer === undefined || agent === undefined) throw new Error("no keys");
  const grant = { iss: "https://issuer.example", sub: "agent:auditor", aud: endpoint, purpose: "Audit" };
  const actions = ["countersign.audit.read"];
  await writeFile(file("mandate"), await mintMandate({ signer: issuer.signer, ...grant, actions }));
  await writeFile(file("key"), JSON.stringify(await exportJWK(agent.signer.privateKey)));
  await writeFile(file("okp"), JSON.stringify(await exportJWK(issuer.signer.privateKey)));
  await writeFile(file("public"), JSON.stringify(agent.publicJwk));

  log = { ...(await makeLog({ records: 40, chains: 2, every: 15 })), issuer: endpoint };
  const [chain = ""] = log.chains.keys();
  const [first] = log.chains.get(chain) ?? [];
  if (first === undefined) throw new Error("no record");
  // Characters of two, three and four bytes.
  const kept = { "/name": "Zoë €uro 🜂".repeat(40) };
  await append(log, chain, { ...first, id: "z", decision: "z", kept }, START + 90 * STEP);
  await checkpoint(log, START + 100 * STEP);
  lines = await linesOf(log);
});
afterAll(async () => {
  server.close();
  await rm(directory, { recursive: true });
});

beforeEach(async () => {
  requests = [];
  await rm(file("out"), { force: true });
});

const ask = (...more: string[]): Promise<Ended> => askWith({}, ...more);

function askWith(changes: Readonly<Record<string, string>>, ...more: string[]): Promise<Ended> {
  const options = { endpoint, mandate: file("mandate"), key: file("key"), out: file("out"), ...changes };
  return capture(run, [...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]), ...more]);
}

/** The bytes behind the line that a request names. */
function behind(request: IncomingMessage): Buffer {
  const after = new URL(request.url ?? "", endpoint).searchParams.get("after");
  const at = lines.findIndex((text, i) => {
    const line = JSON.parse(text) as Line;
    if (line.kind === "checkpoint") return String(i) === after;
    return line.kind === "record" && `${line.record.chain}.${line.record.seq}` === after;
  });
  return Buffer.from(textOf(lines.slice(after === null ? 0 : at + 1)));
}

const head = (response: ServerResponse, bytes?: number) =>
  response.writeHead(200, {
    "content-type": "application/x-ndjson",
    ...(bytes === undefined ? {} : { "content-length": bytes }),
  });

/** Sends so many bytes, then closes the connection. */
const broken =
  (bytes: number): Answer =>
  (request, response) => {
    head(response);
    response.write(behind(request).subarray(0, bytes));
    // Once that has been read: what is not goes with the connection.
    setTimeout(() => response.destroy(), 30);
  };

const honest: Answer = (request, response) => void head(response).end(behind(request));

describe("where the answer breaks off, it goes on, and the file is the same", () => {
  test.each([5_000, 4_321, 6_789])("after %i bytes, at whatever that is in", async (bytes) => {
    const all = Buffer.from(textOf(lines));
    let sent = 0;
    answer = (request, response) => {
      sent += 1;
      // Less and less of a line, so that the cut falls on every byte of something.
      broken(bytes + sent)(request, response);
    };
    let ended = await ask();
    for (let i = 0; ended.code !== 0 && i < 50; i++) {
      expect(ended).toMatchObject({
        code: 1,
        err: expect.stringMatching(/Say the same again to go on\.\n$/),
      });
      const text = await readFile(file("out"));
      expect(all.subarray(0, text.length).equals(text)).toBe(true);
      expect(text.toString()).not.toContain('"kind":"end"');
      ended = await ask();
    }
    expect(ended).toMatchObject({ code: 0, out: expect.stringContaining("is whole") });
    expect(requests.length).toBeGreaterThan(5);
    expect((await readFile(file("out"))).equals(all)).toBe(true);
  });

  test("wherever the file itself ends", async () => {
    const all = Buffer.from(textOf(lines));
    answer = honest;
    const firstLine = all.indexOf(0x0a) + 1;
    const wide = all.indexOf("🜂");
    for (const end of [0, firstLine, firstLine + 1, wide + 1, wide + 2, wide + 3, all.length - 1]) {
      await writeFile(file("out"), all.subarray(0, end));
      expect(await ask()).toMatchObject({ code: 0 });
      expect((await readFile(file("out"))).equals(all)).toBe(true);
    }
  });

  test("a whole one is asked for no more", async () => {
    await writeFile(file("out"), textOf(lines));
    expect(await ask()).toMatchObject({ code: 0 });
    expect(requests).toEqual([]);
  });

  test("an answer that brings nothing more is the last", async () => {
    await writeFile(file("out"), textOf(lines.slice(0, 7)));
    answer = (_, response) => void head(response).end();
    expect(await ask()).toMatchObject({
      code: 1,
      err: "The answer broke off. Say the same again to go on.\n",
    });
    expect(requests).toHaveLength(1);
    expect(await readFile(file("out"), "utf8")).toBe(textOf(lines.slice(0, 7)));
  });
});

describe("what is in the file already is not written over:", () => {
  test.each<[string, () => string, string]>([
    ["something else", () => "notes\n", "is no export"],
    ["a first line that is not whole", () => lines[0]?.slice(0, 50) ?? "", "is no export"],
    [
      "a line that is none",
      () => `${textOf(lines.slice(0, 6))}<html>\n`,
      "its last line is none of an export",
    ],
    [
      "bytes that are no text",
      () => `${textOf(lines.slice(0, 6))}\u0000\n`,
      "its last line is none of an export",
    ],
    ["more than an export", () => `${textOf(lines)}{"kind`, "something follows its end"],
  ])("%s", async (_, text, problem) => {
    await writeFile(file("out"), text());
    expect(await ask()).toMatchObject({ code: 2, err: expect.stringContaining(problem) });
    expect(requests).toEqual([]);
    expect(await readFile(file("out"), "utf8")).toBe(text());
  });

  test("an export of another tenant, or of another time", async () => {
    const text = textOf(lines.slice(0, 6));
    await writeFile(file("out"), text);
    const other = endpoint.replace("/acme/", "/other/");
    expect(await askWith({ endpoint: other })).toMatchObject({
      code: 2,
      err: `${file("out")} has an export of ${endpoint}. Name another file, or remove it.\n`,
    });
    for (const times of [
      ["--from", "2026-01-01"],
      ["--to", "2027-01-01"],
    ])
      expect(await ask(...times)).toMatchObject({
        code: 2,
        err: expect.stringContaining("another time range"),
      });
    expect(requests).toEqual([]);
    expect(await readFile(file("out"), "utf8")).toBe(text);
  });
});

describe("an endpoint that answers with something else:", () => {
  const refused = (status: number, reason: string, message: string): Answer => {
    const body = {
      jsonrpc: "2.0",
      error: { code: status, message, data: { reason, decision: "d", docs: "x" } },
    };
    return (_, response) =>
      void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  };
  const plain =
    (status: number, type: string, body: string): Answer =>
    (_, response) =>
      void response.writeHead(status, { "content-type": type }).end(body);

  test.each<[string, () => Answer, string]>([
    [
      "401",
      () => refused(401, "act.expired", "The mandate is out of time."),
      "The endpoint refused with 401 act.expired: The mandate is out of time.",
    ],
    [
      "503",
      () => refused(503, "endpoint.log_unavailable", "The audit log did not answer. Try again."),
      "The endpoint refused with 503 endpoint.log_unavailable: The audit log did not answer. Try again.",
    ],
    ["404 of another server", () => plain(404, "text/html", "<h1>"), "The endpoint refused with 404."],
    ["200 of another server", () => plain(200, "text/html", "<h1>"), "Is this the endpoint of a tenant?"],
    [
      "a redirect",
      () => (_, r) => void r.writeHead(302, { location: "https://x.example/" }).end(),
      "redirect",
    ],
    ["nothing", () => (_, r) => void r.destroy(), "does not answer"],
    [
      "what would tell the terminal something",
      () => refused(403, "x", "\u001b[2K\rall is whole\nok"),
      "The endpoint refused with 403 x: \\u{1b}[2K\\u{d}all is whole\\u{a}ok",
    ],
  ])("%s", async (_, made, problem) => {
    answer = made();
    const { code, err } = await ask();
    expect([code, err]).toEqual([1, expect.stringContaining(problem)]);
    expect(err.trimEnd().split("\n")).toHaveLength(1);
    await expect(access(file("out"))).rejects.toThrow("ENOENT");
  });

  test("one that cannot go on any more", async () => {
    await writeFile(file("out"), textOf(lines.slice(0, 6)));
    answer = refused(400, "endpoint.query", "An export takes from and to.");
    expect(await ask()).toMatchObject({
      code: 1,
      err: expect.stringMatching(
        /out is too old to be gone on with\. Remove it, and begin anew\. .*400 endpoint\.query/,
      ),
    });
    expect(await readFile(file("out"), "utf8")).toBe(textOf(lines.slice(0, 6)));
  });
});

describe("files that cannot be used are named:", () => {
  beforeEach(() => {
    answer = honest;
  });

  test("where nothing can be written", async () => {
    for (const out of [join(directory, "none", "out"), "/dev/full"])
      expect(await askWith({ out })).toMatchObject({
        code: 1,
        err: expect.stringMatching(`${out}: cannot be written: E`),
      });
    await mkdir(file("folder"), { recursive: true });
    expect(await askWith({ out: file("folder") })).toMatchObject({
      code: 2,
      err: expect.stringContaining(`${file("folder")}: cannot be read: EISDIR`),
    });
    await writeFile(file("out"), textOf(lines.slice(0, 6)));
    await chmod(file("out"), 0o400);
    const { code } = await ask();
    // Who may write everything can write this, too.
    expect(code).toBe(process.getuid?.() === 0 ? 0 : 1);
  });

  test.each<[string, string, string]>([
    ["no key", "mandate", "holds no private key as a JWK: it is no JSON object."],
    ["a public key", "public", "holds no private key as a JWK: the JWK has no private part (d)."],
    ["several keys", "keys", "holds no private key as a JWK: a signer's key is"],
    ["a PEM", "pem", "holds no private key as a JWK: it is no JSON object."],
    ["a file that is not there", "none", "cannot be read: ENOENT"],
  ])("%s", async (_, key, problem) => {
    await writeFile(
      file("keys"),
      JSON.stringify({ keys: [JSON.parse(await readFile(file("key"), "utf8"))] }),
    );
    await writeFile(file("pem"), "-----BEGIN PRIVATE KEY-----\n");
    const { code, err } = await askWith({ key: file(key) });
    expect([code, err]).toEqual([2, expect.stringContaining(problem)]);
    expect(err).toContain(file(key));
    expect(requests).toEqual([]);
  });

  test("an Ed25519 key is one, too", async () => {
    expect(await askWith({ key: file("okp") })).toMatchObject({ code: 0 });
  });

  test("what is no mandate", async () => {
    for (const mandate of ["key", "none"])
      expect(await askWith({ mandate: file(mandate) })).toMatchObject({
        code: 2,
        err: expect.stringContaining(file(mandate)),
      });
  });

  test("no URL of an endpoint", async () => {
    for (const wrong of ["acme", "ftp://x.example/mcp", "https://a:b@x.example/mcp", "file:///etc/passwd"])
      expect(await askWith({ endpoint: wrong })).toMatchObject({
        code: 2,
        err: expect.stringContaining("Name the MCP endpoint with --endpoint URL"),
      });
  });

  test("an option that comes twice", async () => {
    expect(await ask("--out", file("other"))).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^--out comes twice\.\n\nUsage:/),
    });
  });
});
