/**
 * Runs all tests. What runs in workerd has one worker and leaves the other cores idle, so the two projects run side by side, and what
 * that one prints comes behind the other. With arguments: as vitest takes them.
 */

import { spawn } from "node:child_process";
import { buffer } from "node:stream/consumers";

const VITEST = ["node_modules/vitest/vitest.mjs", "run"];

const args = process.argv.slice(2);
process.exitCode = args.length > 0 ? await run(args) : await runBoth();

async function runBoth(): Promise<number> {
  const quiet = spawn(process.execPath, [...VITEST, "--project", "workerd"], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, FORCE_COLOR: process.stdout.isTTY ? "1" : "0" },
  });
  const [node, output, workerd] = await Promise.all([
    run(["--project", "node"]),
    buffer(quiet.stdout),
    ended(quiet),
  ]);
  process.stdout.write(output);
  return Math.max(node, workerd);
}

function run(args: readonly string[]): Promise<number> {
  return ended(spawn(process.execPath, [...VITEST, ...args], { stdio: "inherit" }));
}

function ended(child: ReturnType<typeof spawn>): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
}
