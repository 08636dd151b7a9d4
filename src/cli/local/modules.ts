import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";

const BUNDLE = join(import.meta.dirname, "../../../dist/worker/index.js");
/** Beside the bundle: what is loaded only when a tenant needs it. */
const LIBRARIES = ["x509.mjs", "policy.mjs"];

/** A module of the Worker, as miniflare takes it. */
export interface Module {
  readonly type: "ESModule";
  readonly path: string;
  readonly contents: string;
}

/** Null where the main module is not there. */
export async function readModules(bundle = BUNDLE): Promise<readonly Module[] | null> {
  const main = await readText(bundle);
  if (main === null) return null;
  const modules: Module[] = [{ type: "ESModule", path: "index.js", contents: main }];
  for (const path of LIBRARIES) {
    const contents = await readText(join(dirname(bundle), path));
    if (contents !== null) modules.push({ type: "ESModule", path, contents });
  }
  return modules;
}

async function readText(file: string): Promise<string | null> {
  try {
    return await readFile(file, "utf8");
  } catch {
    return null;
  }
}
