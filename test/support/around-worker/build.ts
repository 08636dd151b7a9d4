/** Builds a Worker that has ours inside: one that imports it as `countersign-worker`. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BuildOptions, build } from "esbuild";

/** The Worker that is deployed; `npm run build:worker` makes it. */
export const DEPLOYED = join(import.meta.dirname, "../../../dist/worker/index.js");

export interface Bundle {
  /** The Worker's main module. */
  readonly file: string;
  remove(): Promise<void>;
}

/**
 * @param module the one around ours
 * @param ours the module that it has inside
 * @param options further ones of esbuild, for where that has to be built too
 */
export async function buildAround(
  module: string,
  ours = DEPLOYED,
  options: BuildOptions = {},
): Promise<Bundle> {
  const directory = await mkdtemp(join(tmpdir(), "countersign-around-"));
  const file = join(directory, "index.js");
  await build({
    entryPoints: [module],
    outfile: file,
    bundle: true,
    format: "esm",
    target: "es2024",
    external: ["cloudflare:*", "./x509.mjs", "./policy.mjs"],
    alias: { "countersign-worker": ours },
    logLevel: "warning",
    ...options,
  });
  return { file, remove: () => rm(directory, { recursive: true, force: true }) };
}
