/** Prints the size of the Worker's bundle, compressed as Cloudflare counts it; fails when it grows too large. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

/** A bundle is loaded on every cold start. The free plan's limit of 3 MB is far away: this one is ours. */
const MAX_BYTES = 120 * 1024;

const bundle = await readFile(join(import.meta.dirname, "../dist/worker/index.js"));
const bytes = gzipSync(bundle, { level: 9 }).length;
const kib = (n: number): string => `${(n / 1024).toFixed(1)} KiB`;
console.log(
  `Worker bundle: ${kib(bytes)} gzipped, ${kib(bundle.length)} plain (limit ${kib(MAX_BYTES)} gzipped)`,
);
if (bytes > MAX_BYTES) process.exitCode = 1;
