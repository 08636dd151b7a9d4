/**
 * Completes package-lock.json with the optional packages of other platforms. npm leaves out those that the
 * registry in use does not offer, and `npm ci` then stops with "Missing: ... from lock file".
 * Run it after every change of dependencies.
 */

import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

interface Entry {
  version?: string;
  resolved?: string;
  integrity?: string;
  cpu?: string[];
  dev?: boolean;
  libc?: string[];
  optional?: boolean;
  os?: string[];
  optionalDependencies?: Record<string, string>;
}

interface Platform {
  os: string[];
  cpu: string[];
  libc?: string[];
}

const FILE = join(import.meta.dirname, "../package-lock.json");
const SYSTEMS: Record<string, string> = { windows: "win32" };
const PROCESSORS: Record<string, string> = { "64": "x64" };
const KNOWN_SYSTEMS = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "sunos", "win32"];

/** What a name such as `@scope/tool-linux-x64-musl` says about its platform; null if it names none. */
function platform(name: string): Platform | null {
  const words = name.split(/[/-]/);
  const at = words.findIndex((word) => KNOWN_SYSTEMS.includes(SYSTEMS[word] ?? word));
  const [system = "", processor = "", variant = ""] = words.slice(at);
  if (at < 0 || processor === "") return null;
  const libc = { musl: "musl", gnu: "glibc" }[variant];
  return {
    os: [SYSTEMS[system] ?? system],
    cpu: [PROCESSORS[processor] ?? processor],
    ...(libc === undefined ? {} : { libc: [libc] }),
  };
}

/** Asks the registry; null where it does not have the package. npm then installs without the comparison. */
async function integrity(name: string, version: string): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)("npm", ["view", `${name}@${version}`, "dist.integrity"]);
    return stdout.trim() || null;
  } catch {
    return null;
  }
}

const lock = JSON.parse(await readFile(FILE, "utf8")) as { packages: Record<string, Entry> };
for (const [parent, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const nested = `${parent}/node_modules/${name}`;
    const top = `node_modules/${name}`;
    if (nested in lock.packages || top in lock.packages) continue;
    const where = platform(name);
    if (where === null || !/^\d+\.\d+\.\d+/.test(version)) {
      console.error(`${name} ${version}: not a platform package with an exact version; left out`);
      process.exitCode = 1;
      continue;
    }
    const hash = await integrity(name, version);
    // In npm's own order, so that npm does not rewrite it.
    lock.packages[top] = {
      version,
      ...(hash === null ? {} : { integrity: hash }),
      cpu: where.cpu,
      ...(entry.dev ? { dev: true } : {}),
      ...(where.libc === undefined ? {} : { libc: where.libc }),
      optional: true,
      os: where.os,
    };
    console.log(`${name} ${version}: added${hash === null ? " without integrity" : ""}`);
  }
}
const sorted = Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
await writeFile(FILE, `${JSON.stringify({ ...lock, packages: Object.fromEntries(sorted) }, null, 2)}\n`);
