import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { keptSessionKeys, makeSessionKeys, SESSION_KEYS_FILE } from "../../src/cli/local/session-keys.ts";
import { readSessionKeys } from "../../src/session/keys.ts";

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "session-keys-test-"));
  file = join(directory, SESSION_KEYS_FILE);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const key = (fill: number): string => Buffer.alloc(32, fill).toString("base64url");

test("new ones are what the Worker reads, and never the same", async () => {
  const [one, other] = [makeSessionKeys(), makeSessionKeys()];
  expect(await readSessionKeys(one)).not.toBeNull();
  expect(one).not.toBe(other);
});

test("made once, for the owner's eyes only, and read afterwards", async () => {
  const made = await keptSessionKeys(directory);
  expect(made).toEqual({ ok: true, value: readFileSync(file, "utf8").trim() });
  expect((statSync(file).mode & 0o777).toString(8)).toBe("600");
  expect(readdirSync(directory)).toEqual([SESSION_KEYS_FILE]);
  expect(await keptSessionKeys(directory)).toEqual(made);
});

test("a start that was cut short leaves nothing in the way", async () => {
  writeFileSync(`${file}.new`, "loc", { mode: 0o600 });
  expect(await keptSessionKeys(directory)).toEqual({ ok: true, value: expect.stringMatching(/^local:/) });
});

test("keys that were put in by hand", async () => {
  const keys = `new:${key(1)},local:${key(2)}`;
  writeFileSync(file, `${keys}\n`);
  expect(await keptSessionKeys(directory)).toEqual({ ok: true, value: keys });
});

test.each([
  ["nothing", ""],
  ["no id", key(1)],
  ["a short key", "local:abc"],
  ["padding", `local:${key(1)}=`],
  ["an id twice", `local:${key(1)},local:${key(2)}`],
])("a file with %s is left as it is, and named", async (_name, text) => {
  writeFileSync(file, text);
  expect(await keptSessionKeys(directory)).toEqual({ ok: false, error: expect.stringContaining(file) });
  expect(readFileSync(file, "utf8")).toBe(text);
});

test("a file that cannot be read is named", async () => {
  mkdirSync(file);
  expect(await keptSessionKeys(directory)).toEqual({ ok: false, error: expect.stringContaining(file) });
});
