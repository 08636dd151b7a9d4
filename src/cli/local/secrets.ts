import { generateKeyPairSync, randomBytes, randomUUID } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readSigningKeys } from "../../audit/signing-keys.ts";
import { fail, ok, type Result } from "../../result.ts";
import { readSessionKeys } from "../../session/keys.ts";

/** A secret of the Worker that a state directory keeps. A new key can be put before the others by hand. */
export interface KeptSecret {
  readonly file: string;
  /** A new one, in the form that the Worker reads. */
  make(): string;
  isGood(text: string): Promise<boolean>;
  /** What the file should hold, and what is lost with it. */
  readonly what: string;
  readonly loss: string;
}

export const SESSION_KEYS: KeptSecret = {
  file: "session-keys",
  make: () => `local:${randomBytes(32).toString("base64url")}`,
  isGood: async (text) => (await readSessionKeys(text)) !== null,
  what: "session keys",
  loss: "sessions then end",
};

export const SIGNING_KEYS: KeptSecret = {
  file: "signing-keys",
  make: () => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const kid = `local-${randomUUID()}`;
    return JSON.stringify({ keys: [{ ...privateKey.export({ format: "jwk" }), kid }] });
  },
  isGood: async (text) => (await readSigningKeys(text)) !== null,
  what: "signing keys",
  loss: "receipts and checkpoints of before can then be verified only with a copy of their public keys",
};

/**
 * The secret of a state directory, made when it has none yet, so that what was sealed or signed with it is good after a
 * restart.
 *
 * @param directory an existing one that no other process uses
 * @returns the secret, or what the operator is told of a file that is none
 */
export async function keptSecret(directory: string, secret: KeptSecret): Promise<Result<string, string>> {
  const file = join(directory, secret.file);
  const text = await readText(file);
  if (!text.ok) return text;
  if (text.value === null) return ok(await create(file, secret.make()));
  const kept = text.value.trim();
  if (await secret.isGood(kept)) return ok(kept);
  return fail(
    `The file ${file} does not hold ${secret.what}. Remove it to have new ones made: ${secret.loss}.`,
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
async function create(file: string, secret: string): Promise<string> {
  await writeFile(`${file}.new`, `${secret}\n`, { mode: 0o600, flush: true });
  await rename(`${file}.new`, file);
  return secret;
}
