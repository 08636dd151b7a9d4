/** Canonical JSON (RFC 8785): the canonicaliser alone, and behind our strict parser. */

import { canonical } from "../../src/json/canonical.ts";
import { parseStrictJson } from "../../src/json/strict-json.ts";
import { type Case, compared, failed, namesIn, readText, type VectorSet } from "./set.ts";

export const jcs: VectorSet = {
  name: "JCS",
  folder: "jcs",
  size: 6,
  policies: {},
  cases: (folder) =>
    namesIn(folder, "input").map((name): Case => ({ id: name, run: () => judge(folder, name) })),
};

function judge(folder: string, name: string) {
  const text = readText(folder, "input", name);
  const wanted = readText(folder, "output", name).trimEnd();
  const ours = canonical(JSON.parse(text));
  if (ours !== wanted) return compared(ours, wanted);
  const bytes = readText(folder, "outhex", name.replace(".json", ".txt")).replaceAll(/\s/g, "");
  const hex = Buffer.from(ours).toString("hex");
  if (hex !== bytes) return compared(hex, bytes);

  const strict = parseStrictJson(text);
  return strict.ok ? compared(canonical(strict.value), wanted) : failed(strict.error);
}
