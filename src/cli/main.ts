#!/usr/bin/env node
/** `countersign`: the commands that need neither the Worker nor its tools. Exit codes: 0 all is well, 1 a fault, 2 wrong use. */

import { complain, tell } from "./say.ts";

interface Command {
  readonly words: readonly string[];
  readonly what: string;
  /** Resolves with the exit code. */
  run(argv: readonly string[]): Promise<number>;
}

/** Each is loaded when it is asked for. */
const COMMANDS: readonly Command[] = [
  {
    words: ["audit", "export"],
    what: "fetches the audit log of a tenant, or goes on where an earlier try broke off",
    run: async (argv) => (await import("./audit-export.ts")).run(argv),
  },
  {
    words: ["audit", "verify"],
    what: "verifies an exported audit log, offline",
    run: async (argv) => (await import("./audit-verify.ts")).run(argv),
  },
  {
    words: ["verify", "receipt"],
    what: "verifies a receipt and what comes with it, offline",
    run: async (argv) => (await import("./verify-receipt.ts")).run(argv),
  },
  {
    words: ["tenant", "check"],
    what: "names every fault of tenant documents and between them",
    run: async (argv) => (await import("./tenant-check.ts")).run(argv),
  },
];

const USAGE = `Usage: countersign COMMAND [...]

${COMMANDS.map(({ words, what }) => `  ${words.join(" ").padEnd(15)} ${what}`).join("\n")}

COMMAND --help says more.`;

async function main(argv: readonly string[]): Promise<number> {
  if (argv[0] === "--help" || argv[0] === "-h") return tell(0, USAGE);
  const command = COMMANDS.find(({ words }) => words.every((word, i) => argv[i] === word));
  return command === undefined ? complain(2, USAGE) : command.run(argv.slice(command.words.length));
}

process.exitCode = await main(process.argv.slice(2));
