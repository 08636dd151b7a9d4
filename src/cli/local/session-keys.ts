import { randomBytes } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fail, ok, type Result } from "../../result.ts";
import { readSessionKeys } from "../../session/keys.ts";

/** Where a state directory keeps its keys. A new key can be put before the others by hand. */
export const SESSION_KEYS_FILE = "session-keys";

/** One new key, in the form of the Worker's secret `SESSION_KEYS` (`id:key`; see src/session/keys.ts). */
export const makeSessionKeys = (): string => `local:${randomBytes(32).toString("base64url")}`;

/**
 * The keys of a state directory, made when it has none yet, so that MCP sessions live on after a restart.
 *
 * @param directory an existing one that no other process uses
 * @returns the secret, or what the operator is told of a file that is none
 */
export async function keptSessionKeys(directory: string): Promise<Result<string, string>> {
  const file = join(directory, SESSION_KEYS_FILE);
  const text = await readText(file);
  if (!text.ok) return text;
  if (text.value === null) return ok(await createKeys(file));
  const keys = text.value.trim();
  if ((await readSessionKeys(keys)) !== null) return ok(keys);
  return fail(
    `The file ${file} does not hold session keys. Remove it to have new ones made: sessions then end.`,
  );
}

/** Null where there is no such file. */
async function readText(file: string): Promise<Result<string | null, string>> {
  try {
    return ok(await readFile(file, "utf8"));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === "ENOENT" ? ok(null) : fail(`The file ${file} cannot be read: ${message}`);
  }
}

/** Whole or not at all: half a file would keep the next start from happening. */
async function createKeys(file: string): Promise<string> {
  const keys = makeSessionKeys();
  await writeFile(`${file}.new`, `${keys}\n`, { mode: 0o600, flush: true });
  await rename(`${file}.new`, file);
  return keys;
}
