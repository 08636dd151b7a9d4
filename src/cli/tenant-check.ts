/**
 * `countersign tenant check --gateway URL FILE [FILE ...]`: every fault of the documents and between them, before they
 * are stored. Exit codes: 0 none, 1 faults, 2 wrong use.
 */

import { parseArgs } from "node:util";
import { complain, tell } from "./say.ts";
import { readTenants } from "./sources.ts";

const USAGE = `Usage: countersign tenant check --gateway URL FILE [FILE ...]

  --gateway URL  GATEWAY_URL of the deployment
  FILE           a tenant document (JSON); give all documents of a deployment, since two may conflict`;

export async function run(argv: readonly string[]): Promise<number> {
  const parsed = readArguments(argv);
  if (parsed === null) return complain(2, USAGE);
  const sources = await readTenants(parsed.files, parsed.gateway);
  if (!sources.ok) return complain(1, ...sources.error);
  return tell(0, ...sources.value.map(({ file, tenant }) => `${file}: ${tenant.id} at ${tenant.publicUrl}`));
}

function readArguments(argv: readonly string[]): { files: string[]; gateway: string } | null {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options: { gateway: { type: "string" } },
      allowPositionals: true,
    });
    const { gateway } = values;
    return gateway === undefined || positionals.length === 0 ? null : { files: positionals, gateway };
  } catch {
    return null;
  }
}
