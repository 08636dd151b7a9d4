import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readSigningKeys } from "../../src/audit/signing-keys.ts";
import { keptSecret, SESSION_KEYS, SIGNING_KEYS } from "../../src/cli/local/secrets.ts";
import { readSessionKeys } from "../../src/session/keys.ts";

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "secrets-test-"));
  file = join(directory, SESSION_KEYS.file);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const key = (fill: number): string => Buffer.alloc(32, fill).toString("base64url");

test("new ones are what the Worker reads, and never the same", async () => {
  const [one, other] = [SESSION_KEYS.make(), SESSION_KEYS.make()];
  expect(await readSessionKeys(one)).not.toBeNull();
  expect(one).not.toBe(other);
});

test("made once, for the owner's eyes only, and read afterwards", async () => {
  const made = await keptSecret(directory, SESSION_KEYS);
  expect(made).toEqual({ ok: true, value: readFileSync(file, "utf8").trim() });
  expect((statSync(file).mode & 0o777).toString(8)).toBe("600");
  expect(readdirSync(directory)).toEqual([SESSION_KEYS.file]);
  expect(await keptSecret(directory, SESSION_KEYS)).toEqual(made);
});

test("a start that was cut short leaves nothing in the way", async () => {
  writeFileSync(`${file}.new`, "loc", { mode: 0o600 });
  expect(await keptSecret(directory, SESSION_KEYS)).toEqual({
    ok: true,
    value: expect.stringMatching(/^local:/),
  });
});

test("keys that were put in by hand", async () => {
  const keys = `new:${key(1)},local:${key(2)}`;
  writeFileSync(file, `${keys}\n`);
  expect(await keptSecret(directory, SESSION_KEYS)).toEqual({ ok: true, value: keys });
});

test.each([
  ["nothing", ""],
  ["no id", key(1)],
  ["a short key", "local:abc"],
  ["padding", `local:${key(1)}=`],
  ["an id twice", `local:${key(1)},local:${key(2)}`],
])("a file with %s is left as it is, and named", async (_name, text) => {
  writeFileSync(file, text);
  expect(await keptSecret(directory, SESSION_KEYS)).toEqual({
    ok: false,
    error: expect.stringContaining(file),
  });
  expect(readFileSync(file, "utf8")).toBe(text);
});

test("a file that cannot be read is named", async () => {
  mkdirSync(file);
  expect(await keptSecret(directory, SESSION_KEYS)).toEqual({
    ok: false,
    error: expect.stringContaining(file),
  });
});

test("signing keys likewise", async () => {
  const made = await keptSecret(directory, SIGNING_KEYS);
  if (!made.ok) throw new Error(made.error);
  expect((await readSigningKeys(made.value))?.es256).not.toBeNull();
  expect(await keptSecret(directory, SIGNING_KEYS)).toEqual(made);
  expect(SIGNING_KEYS.make()).not.toBe(SIGNING_KEYS.make());
  writeFileSync(join(directory, SIGNING_KEYS.file), "{}");
  expect(await keptSecret(directory, SIGNING_KEYS)).toEqual({
    ok: false,
    error: expect.stringContaining("signing keys"),
  });
});
