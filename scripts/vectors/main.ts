/**
 * Writes `vectors/`: `npm run vectors`. With `--check` it writes nothing, names each stale file and exits 1.
 */

import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildVectors } from "./build.ts";
import { KEPT_FILES, VECTORS } from "./place.ts";

const check = process.argv.includes("--check");
const files = await buildVectors();
const there = readdirSync(VECTORS).filter((file) => !KEPT_FILES.has(file));
const stale = [
  ...there.filter((file) => !files.has(file)),
  ...[...files.keys()].filter((file) => !there.includes(file) || read(file) !== files.get(file)),
];
for (const file of stale) {
  const text = files.get(file);
  if (check) console.error(`vectors/${file} is stale: run npm run vectors`);
  else if (text === undefined) rmSync(join(VECTORS, file));
  else writeFileSync(join(VECTORS, file), text);
}
if (check && stale.length > 0) process.exitCode = 1;
if (!check) console.log(stale.length === 0 ? "nothing has changed" : `wrote ${stale.join(", ")}`);

function read(file: string): string {
  return readFileSync(join(VECTORS, file), "utf8");
}
