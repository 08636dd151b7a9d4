/** Prints the size of the Worker's main module, compressed as Cloudflare counts it; fails when it grows too large. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

/** A bundle is loaded on every cold start. The free plan's limit of 3 MB is far away: this one is ours. */
const MAX_BYTES = 180 * 1024;

const read = (name: string): Promise<Buffer> => readFile(join(import.meta.dirname, "../dist/worker", name));
const zipped = (module: Buffer): number => gzipSync(module, { level: 9 }).length;
const bundle = await read("index.js");
const bytes = zipped(bundle);
const kib = (n: number): string => `${(n / 1024).toFixed(1)} KiB`;
console.log(
  `Worker bundle: ${kib(bytes)} gzipped, ${kib(bundle.length)} plain (limit ${kib(MAX_BYTES)} gzipped)`,
);
// Loaded when the first tenant is that needs them, and not counted.
console.log(`Module for certificates: ${kib(zipped(await read("x509.mjs")))} gzipped`);
console.log(`Module for rules and schemas: ${kib(zipped(await read("policy.mjs")))} gzipped`);
if (bytes > MAX_BYTES) process.exitCode = 1;
