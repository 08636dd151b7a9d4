/**
 * `countersign tenant check --gateway URL FILE [FILE ...]`: every fault of the documents and between them, before they
 * are stored. Exit codes: 0 none, 1 faults, 2 wrong use.
 */

import { fail, ok, type Result } from "../result.ts";
import type { Tenant } from "../tenant/tenant.ts";
import { readOptions } from "./arguments.ts";
import { complain, tell } from "./say.ts";
import { readTenants } from "./sources.ts";

const USAGE = `Usage: countersign tenant check --gateway URL FILE [FILE ...]

  --gateway URL  GATEWAY_URL of the deployment
  FILE           a tenant document (JSON); give all documents of a deployment, since two may conflict`;

export async function run(argv: readonly string[]): Promise<number> {
  const parsed = readArguments(argv);
  if (!parsed.ok) return complain(2, parsed.error, "", USAGE);
  if (parsed.value === "help") return tell(0, USAGE);
  const sources = await readTenants(parsed.value.files, parsed.value.gateway);
  if (!sources.ok) return complain(1, ...sources.error);
  const now = Date.now();
  return tell(
    0,
    ...sources.value.flatMap(({ file, tenant }) => [
      `${file}: ${tenant.id} at ${tenant.publicUrl}`,
      ...endedIn(tenant, now).map((note) => `${file}: ${note}`),
    ]),
  );
}

/** What is no fault, and perhaps not what was meant. */
const endedIn = ({ observe }: Tenant, now: number): readonly string[] =>
  observe.flatMap(({ until }, i) =>
    now < until
      ? []
      : [`observe[${i}] has ended, ${new Date(until).toISOString()}: it changes nothing any more`],
  );

interface Arguments {
  readonly files: readonly string[];
  readonly gateway: string;
}

function readArguments(argv: readonly string[]): Result<Arguments | "help", string> {
  const options = readOptions({
    args: [...argv],
    options: { gateway: { type: "string" }, help: { type: "boolean", short: "h" } },
    allowPositionals: true,
  });
  if (!options.ok) return options;
  const { values, positionals: files } = options.value;
  if (values.help) return ok("help");
  const { gateway } = values;
  if (gateway === undefined || !URL.canParse(gateway))
    return fail("Name the GATEWAY_URL of the deployment with --gateway URL.");
  return files.length === 0 ? fail("Name the files of the tenant documents.") : ok({ files, gateway });
}
