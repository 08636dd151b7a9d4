/** `countersign audit`, and the command itself as the package has it. */

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { signLater } from "../../src/audit/receipts/decision-receipt.ts";
import type { AuditRecord } from "../../src/audit/record.ts";
import { run as runExport } from "../../src/cli/audit-export.ts";
import { run as runVerify } from "../../src/cli/audit-verify.ts";
import { checkpoint, ISSUER, type Log, linesOf, makeLog, newKeys, START, STEP } from "../audit/export/log.ts";
import { capture, type Ended } from "./capture.ts";

const COMMANDS = { export: runExport, verify: runVerify };

let directory: string;
let log: Log;
let lines: string[];
let keys: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "countersign-audit-"));
  log = await makeLog({ records: 90, chains: 3, every: 30 });
  lines = await linesOf(log);
  keys = await file("keys.json", JSON.stringify(published(log)));
});
afterAll(() => rm(directory, { recursive: true }));

const published = ({ keys: signing, checkpoints }: Log) => ({
  issuer: ISSUER,
  keys: signing.published,
  checkpoints: checkpoints.map(({ number, jws }) => ({ number, jws })),
});

async function file(name: string, text: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, text);
  return path;
}

const textOf = (all: readonly string[]): string => all.map((line) => `${line}\n`).join("");

const exported = (all: readonly string[]): Promise<string> => file("export.jsonl", textOf(all));

const run = (command: keyof typeof COMMANDS, ...args: string[]): Promise<Ended> =>
  capture(COMMANDS[command], args);

/** As a process of its own. */
const start = (...args: string[]): Promise<Ended> =>
  new Promise((done) => {
    execFile(process.execPath, args, (error, out, err) =>
      done({ code: typeof error?.code === "number" ? error.code : 0, out, err }),
    );
  });

const verify = async (text: readonly string[], ...more: string[]) =>
  run("verify", await exported(text), "--keys", keys, ...more);

test("a good export: what is proven, and what of it is not checked", async () => {
  const { code, out } = await verify(lines, "--checkpoint", keys);
  expect(code).toBe(0);
  expect(out).toContain(`acme at ${ISSUER}: all of the log, as of checkpoint 4`);
  expect(out).toContain("proven: 4 checkpoints, 90 records in 3 chains");
  expect(out).toContain("proven: 4 checkpoints that were kept are in it");
  expect(out).toMatch(/\nok\n$/);
  const bare = await file("jwks.json", JSON.stringify(log.keys.published));
  const unnamed = await run("verify", await exported(lines), "--keys", bare);
  expect(unnamed).toMatchObject({
    code: 0,
    out: expect.stringContaining("NOT checked: that these are the keys of"),
  });
});

test("the first fault is named, with line and place", async () => {
  const at = lines.findIndex((line) => line.includes('"seq":3,') && line.includes('"kind":"record"'));
  const { chain } = (JSON.parse(lines[at] ?? "") as { record: AuditRecord }).record;
  const { code, err, out } = await verify(lines.toSpliced(at, 1));
  expect([code, out]).toEqual([1, ""]);
  expect(err).toContain(`fault: line ${at + 1}: chain ${chain}, record 3: it is missing here`);
  expect(err).toContain("Keep this file and export again");
  expect(await verify(lines.slice(0, -1))).toMatchObject({
    code: 1,
    err: expect.stringContaining("it has no end"),
  });
});

test("receipts that were kept must be in it", async () => {
  const record = [...log.chains.values()].flat().find(({ kind }) => kind === "decision") as AuditRecord;
  const [right, wrong] = await Promise.all([
    signLater(ISSUER, record, null, log.keys),
    signLater(ISSUER, { ...record, action: "mcp.other" }, null, log.keys),
  ]);
  const kept = await file("receipts", `${right}\n${right}\n`);
  expect(await verify(lines, "--receipt", kept)).toMatchObject({
    code: 0,
    out: expect.stringContaining("proven: 2 receipts that were kept are in it"),
  });
  const other = await file("other-receipts", wrong);
  expect(await verify(lines, "--receipt", kept, "--receipt", other)).toMatchObject({
    code: 1,
    err: expect.stringContaining("a receipt for it says something else"),
  });
  const forged = await file("forged", await signLater(ISSUER, record, null, await newKeys()));
  expect(await verify(lines, "--receipt", forged)).toMatchObject({
    code: 2,
    err: expect.stringContaining("Receipt 1"),
  });
});

test("a log with faults is told from an export with faults; a ledger that did not answer is neither", async () => {
  const marred = await makeLog({ records: 30, chains: 2, every: 30 });
  const theirs = await file("marred.json", JSON.stringify(published(marred)));
  const [chain = ""] = marred.chains.keys();
  const judge = async () => run("verify", await exported(await linesOf(marred)), "--keys", theirs);
  await checkpoint(marred, START + 90 * STEP, { faults: [{ chain, fault: "unreachable" }] });
  expect(await judge()).toMatchObject({ code: 0, out: expect.stringContaining(`note: chain ${chain}`) });
  await checkpoint(marred, START + 95 * STEP, { faults: [{ chain, fault: "lost" }] });
  const { code, out } = await judge();
  expect(code).toBe(1);
  expect(out).toContain(`fault: chain ${chain}: its ledger was lost before checkpoint 4`);
  expect(out).toContain("the export is proven, but the log has faults");
});

test("what retention has deleted is said, and no log looks whole without it", async () => {
  const aged = await makeLog({ records: 30, chains: 2, every: 30 });
  const theirs = await file("aged.json", JSON.stringify(published(aged)));
  const starts = new Map([...aged.chains].map(([chain, records]) => [chain, records.length + 1]));
  await checkpoint(aged, START + 90 * STEP, { starts });
  const { code, out } = await run("verify", await exported(await linesOf(aged)), "--keys", theirs);
  expect(code).toBe(0);
  expect(out).toContain("proven: 3 checkpoints, 0 records in 0 chains");
  expect(out).toContain("note: 30 more records are not kept any more, as checkpoint 3 says");
});

test("an export cannot tell the terminal what to do", async () => {
  const { code, err } = await verify([lines[0] ?? "", '{"kind":"end","\\u001b[2K\\rok\\n":1}']);
  expect(code).toBe(1);
  expect(err).not.toMatch(/[\u001b\r]/);
  expect(err.trim().split("\n")).toHaveLength(2);
});

describe("wrong use is told from faults", () => {
  test.each<[string, "verify" | "export", string[], string]>([
    ["no export", "verify", ["--keys", "x"], "Name one file"],
    ["two exports", "verify", ["a", "b", "--keys", "x"], "Name one file"],
    ["no keys", "verify", ["a"], "Name the published keys"],
    ["an unknown option", "verify", ["a", "--key", "x"], "--key"],
    ["two files of keys", "verify", ["a", "--keys", "x", "--keys", "y"], "--keys comes twice."],
    ["keys without a name", "verify", ["a", "--keys"], "--keys"],
    ["no endpoint", "export", [], "Name the MCP endpoint"],
    ["no files", "export", ["--endpoint", "https://x.example/mcp"], "Name the files"],
  ])("%s", async (_, command, args, problem) => {
    const { code, err } = await run(command, ...args);
    expect(code).toBe(2);
    expect(err).toContain(problem);
    expect(err).toContain("Usage:");
  });

  test("times of an export", async () => {
    const paths = ["--mandate", "m", "--key", "k", "--out", "o"];
    const args = ["--endpoint", "https://x.example/mcp", ...paths];
    for (const from of ["yesterday", "2026-02-30x", "2026-11-01 12:00", "2026-13-01", "1e3"]) {
      const { code, err } = await run("export", ...args, "--from", from);
      expect([code, err]).toEqual([2, expect.stringContaining("A time is written as")]);
    }
    const { err } = await run("export", ...args, "--from", "2026-11-02", "--to", "2026-11-01T23:59:59Z");
    expect(err).toContain("--from must be before --to");
  });

  test("files that are none", async () => {
    const none = join(directory, "none");
    const judge = (...args: string[]) => run("verify", ...args);
    for (const [wrong, why] of [
      [directory, "EISDIR"],
      [none, "ENOENT"],
    ] as const)
      expect(await judge(wrong, "--keys", keys)).toMatchObject({
        code: 2,
        err: expect.stringMatching(`^${wrong}: cannot be read: ${why}[^\n]*\n$`),
      });
    expect((await judge(keys, "--keys", none)).err).toContain(`${none}: cannot be read`);
    const noKeys = await judge(keys, "--keys", await file("x", "{}"));
    expect(noKeys).toMatchObject({ code: 2, err: expect.stringContaining("not the keys") });
    for (const option of ["--receipt", "--checkpoint"]) {
      const empty = await file("empty", " \n");
      expect(await judge(keys, "--keys", keys, option, empty)).toMatchObject({
        code: 2,
        err: `${empty}: is empty.\n`,
      });
    }
    const noMandate = [
      "--endpoint",
      "https://x.example/mcp",
      "--mandate",
      keys,
      "--key",
      keys,
      "--out",
      none,
    ];
    expect(await run("export", ...noMandate)).toMatchObject({
      code: 2,
      err: expect.stringContaining("holds no mandate"),
    });
  });

  test("help is none", async () => {
    for (const command of ["verify", "export"] as const)
      expect(await run(command, "--help")).toMatchObject({ code: 0, out: expect.stringContaining("Usage:") });
  });
});

test("the built command works as an installed package has it, beside its dependencies", async () => {
  const modules = join(directory, "node_modules");
  await mkdir(join(modules, "countersign"), { recursive: true });
  await symlink(resolve("dist"), join(modules, "countersign/dist"));
  const command = (...args: string[]) => start(join(modules, "countersign/dist/cli/main.js"), ...args);
  const [good, bad] = [
    await file("good.jsonl", textOf(lines)),
    await file("bad.jsonl", textOf(lines.slice(0, 9))),
  ];
  const ended = await Promise.all([
    command("audit", "verify", good, "--keys", keys),
    command("audit", "verify", bad, "--keys", keys),
    command("tenant", "check"),
    command("audit"),
    command(),
    command("--help"),
    command("audit", "--help"),
    command("tenant", "check", "--help"),
    command("verify", "receipt", "-h"),
  ]);
  expect(ended.map(({ code }) => code)).toEqual([0, 1, 2, 2, 2, 0, 0, 0, 0]);
  expect(ended[3]?.err).toContain("There is no command audit.");
  expect(ended[4]?.err).toContain("Usage: countersign COMMAND");
  expect(ended[7]?.out).toContain("Usage: countersign tenant check");
});

test("and uses nothing that the oldest Node it is for does not have", async () => {
  const { engines } = JSON.parse(await readFile("package.json", "utf8"));
  expect(engines.node).toBe(">=20");
  const bundle = await readFile("dist/cli/main.js", "utf8");
  const newer =
    /\b(?:Map|Object)\.groupBy\b|\bPromise\.(?:withResolvers|try)\b|\bArray\.fromAsync\b|\bIterator\.from\b|\bimport\.meta\.main\b|\.isSubsetOf\(|\bRegExp\.escape\b|\bUint8Array\.from(?:Base64|Hex)\b/;
  expect(bundle).not.toMatch(newer);
});

test("a bug is neither a fault nor wrong use", async () => {
  const good = await file("good.jsonl", textOf(lines));
  const broken = await file("broken.mjs", "crypto.subtle.digest = () => { throw new Error('oh'); };\n");
  const main = ["--import", broken, "dist/cli/main.js"];
  const ended = await start(...main, "audit", "verify", good, "--keys", keys);
  expect(ended).toMatchObject({ code: 3, out: "" });
  expect(ended.err).toContain("countersign has failed: Error: oh");
});
