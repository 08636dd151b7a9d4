import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";

const BUNDLE = join(import.meta.dirname, "../../../dist/worker/index.js");
/** Beside the bundle: the module that is loaded for certificates alone. */
const X509_LIBRARY = "library.mjs";

/** A module of the Worker, as miniflare takes it. */
export interface Module {
  readonly type: "ESModule";
  readonly path: string;
  readonly contents: string;
}

/** Null where the main module is not there. A Worker that reads no certificates has no other. */
export async function readModules(bundle = BUNDLE): Promise<readonly Module[] | null> {
  const main = await readText(bundle);
  const library = await readText(join(dirname(bundle), X509_LIBRARY));
  if (main === null) return null;
  return [
    { type: "ESModule", path: "index.js", contents: main },
    ...(library === null ? [] : [{ type: "ESModule" as const, path: X509_LIBRARY, contents: library }]),
  ];
}

async function readText(file: string): Promise<string | null> {
  try {
    return await readFile(file, "utf8");
  } catch {
    return null;
  }
}
