/** `npm run serve`: the Worker on this machine. Exit codes: 0 stopped by a signal, 1 failure, 2 wrong use. */

import { parseArgs } from "node:util";
import { fail, ok, type Result } from "../result.ts";
import type { Tenant } from "../tenant/tenant.ts";
import { findPort, HOST, portProblem } from "./local/port.ts";
import { storedTenant } from "./local/tenants.ts";
import { complain, tell } from "./say.ts";
import { readTenants } from "./sources.ts";

const USAGE = `Usage: npm run serve -- --tenant FILE [--tenant FILE ...] [--port 8787] [--state DIR]

  --tenant FILE  a tenant document (JSON); repeat it for more
  --port PORT    port of ${HOST}, 0 for any free one (default 8787)
  --state DIR    where runs, replay state, the audit log and the secret session and signing keys are kept;
                 without it they are gone in the end

Secrets that a document names in origin.credentials or policy.approval.signIn are taken from the environment.`;

interface Arguments {
  readonly files: readonly string[];
  readonly port: number;
  readonly stateDir: string | undefined;
}

function readArguments(argv: string[]): Result<Arguments | "help", string> {
  try {
    const { values } = parseArgs({
      args: argv,
      options: {
        tenant: { type: "string", multiple: true, default: [] },
        port: { type: "string", default: "8787" },
        state: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    if (values.help) return ok("help");
    if (values.tenant.length === 0) return fail("Name at least one tenant document with --tenant FILE.");
    if (!/^\d{1,5}$/.test(values.port) || Number(values.port) > 65_535) {
      return fail(`--port ${values.port} is not a port: give a number from 0 to 65535.`);
    }
    if (values.state === "") return fail("--state needs the name of a directory.");
    return ok({ files: values.tenant, port: Number(values.port), stateDir: values.state });
  } catch (error) {
    return fail((error as Error).message);
  }
}

/** Resolves with the exit code. */
async function serve(argv: string[]): Promise<number> {
  const parsed = readArguments(argv);
  if (!parsed.ok) return complain(2, parsed.error, "", USAGE);
  if (parsed.value === "help") return tell(0, USAGE);
  const { files, port: wanted, stateDir } = parsed.value;

  const port = await findPort(wanted);
  if (!port.ok) return complain(1, portProblem(wanted, port.error));
  const sources = await readTenants(files, `http://${HOST}:${port.value}`);
  if (!sources.ok) return complain(1, ...sources.error);

  const { startLocal } = await import("./local/runtime.ts"); // brings wrangler along, which takes a second
  const started = await startLocal({
    tenants: sources.value.map(({ text }) => storedTenant(text)),
    port: port.value,
    ...(stateDir === undefined ? {} : { stateDir }),
    originSecrets: originSecrets(sources.value.map(({ tenant }) => tenant)),
    log: (level, message) => console.error(`${level}: ${message}`),
  });
  if (!started.ok) return complain(1, started.error.problem);
  const { dispose, failed } = started.value;
  const stopped = Promise.race([
    ...["SIGINT", "SIGTERM", "SIGHUP"].map(
      (name) => new Promise<null>((stop) => process.once(name, () => stop(null))),
    ),
    failed,
  ]);
  tell(0, ...sources.value.map(({ tenant }) => `${tenant.id} ready at ${tenant.publicUrl}`));
  const failure = await stopped;
  await dispose();
  return failure === null ? 0 : complain(1, failure.message);
}

function originSecrets(tenants: readonly Tenant[]): Record<string, string> {
  const names = tenants.flatMap(({ origin, policy }) => [
    ...origin.credentials.map(({ secret }) => secret),
    ...(policy.approval?.signIn.clientSecret ? [policy.approval.signIn.clientSecret] : []),
  ]);
  const held = names.map((name) => [name, process.env[name]] as const);
  return Object.fromEntries(held.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

process.exitCode = await serve(process.argv.slice(2));
