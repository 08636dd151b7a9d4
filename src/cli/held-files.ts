/** What auditors keep in files: keys, receipts and checkpoints. */

import { readFile } from "node:fs/promises";
import { isObject, type JsonValue, parseStrictJson } from "../json/strict-json.ts";
import { fail, ok, type Result } from "../result.ts";
import { whyNot } from "./say.ts";

/** The error is a line for the user. */
export async function readText(file: string): Promise<Result<string, string>> {
  try {
    return ok(await readFile(file, "utf8"));
  } catch (error) {
    return fail(whyNot(file, "read", error));
  }
}

/** All that is kept in some files, each of which has something. */
export async function readAll(
  files: readonly string[],
  read: (text: string) => readonly string[],
): Promise<Result<readonly string[], string>> {
  let kept: readonly string[] = [];
  for (const file of files) {
    const text = await readText(file);
    if (!text.ok) return text;
    const found = read(text.value);
    if (found.length === 0) return fail(`${file}: is empty.`);
    kept = kept.concat(found);
  }
  return ok(kept);
}

/** Null where it is not strict JSON. */
export function readJson(text: string): JsonValue {
  const json = parseStrictJson(text.trim());
  return json.ok ? json.value : null;
}

/** Compact JWS with white space between them. */
export const readTokens = (text: string): readonly string[] => text.split(/\s+/).filter((jws) => jws !== "");

/** Checkpoints: what was published, or JWS. What is no checkpoint is not passed over: it will not verify as one. */
export function readCheckpoints(text: string): readonly string[] {
  const published = readJson(text);
  if (!isObject(published)) return readTokens(text);
  const { checkpoints } = published;
  if (!Array.isArray(checkpoints) || checkpoints.length === 0) return [""];
  return checkpoints.map((entry) => (isObject(entry) && typeof entry.jws === "string" ? entry.jws : ""));
}
