/**
 * Writes the files that are made from the code: `node scripts/generate.ts`.
 * With `--check` it writes nothing, names each stale file and exits 1.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tenantJsonSchema } from "../src/tenant/json-schema.ts";
import { reasonsTable } from "./reasons-table.ts";

const FILES: Readonly<Record<string, () => string>> = {
  "src/tenant/schema.json": () => `${JSON.stringify(tenantJsonSchema(), null, 2)}\n`,
  "docs/reasons.md": reasonsTable,
};

const read = (file: string): string | null => {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
};

const check = process.argv.includes("--check");
for (const [name, make] of Object.entries(FILES)) {
  const file = join(import.meta.dirname, "..", name);
  const text = make();
  if (read(file) === text) continue;
  if (check) {
    console.error(`${name} is stale: run npm run generate`);
    process.exitCode = 1;
  } else {
    writeFileSync(file, text);
    console.log(`wrote ${name}`);
  }
}
