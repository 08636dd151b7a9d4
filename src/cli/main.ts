#!/usr/bin/env node
/**
 * `countersign`: the commands that need neither the Worker nor its tools. Exit codes: 0 all is well, 1 a fault, 2 wrong use, 3 a bug
 * of ours: nothing is said then about what was to be looked at.
 */

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
  {
    words: ["explain"],
    what: "says what every check would say of a request, under a tenant document that need not be live",
    run: async (argv) => (await import("./explain.ts")).run(argv),
  },
];

const USAGE = `Usage: countersign COMMAND [...]

${COMMANDS.map(({ words, what }) => `  ${words.join(" ").padEnd(15)} ${what}`).join("\n")}

COMMAND --help says more.`;

async function main(argv: readonly string[]): Promise<number> {
  const command = COMMANDS.find(({ words }) => words.every((word, i) => argv[i] === word));
  if (command !== undefined) return command.run(argv.slice(command.words.length));
  const asksForHelp = argv.some((word) => word === "--help" || word === "-h");
  if (asksForHelp) return tell(0, USAGE);
  return complain(
    2,
    argv.length === 0 ? "Name a command." : `There is no command ${argv.join(" ")}.`,
    "",
    USAGE,
  );
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = complain(3, `countersign has failed: ${(error as Error).stack}`);
}
