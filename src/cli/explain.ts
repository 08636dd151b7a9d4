/**
 * `countersign explain`: what every check would say of a request, under a tenant document that need not be live. Nothing is used up,
 * stored or passed on. Exit codes: 0 admitted, 1 refused or not to be told, 2 wrong use.
 */

import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { isObject } from "../json/strict-json.ts";
import { REASONS } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import { readOptions } from "./arguments.ts";
import { explain } from "./explain/explain.ts";
import { type Explanation, toText } from "./explain/explanation.ts";
import { readRequest, type WrittenRequest } from "./explain/request.ts";
import { readJson } from "./held-files.ts";
import { complain, printable, tell, whyNot } from "./say.ts";
import { readTenants } from "./sources.ts";

const USAGE = `Usage: countersign explain REQUEST --tenant FILE [--gateway URL] [--at TIME] [--fetch-keys] [--json]

  REQUEST        a file with one HTTP request: request line, headers, an empty line, the body; - for standard input
  --tenant FILE  the tenant document (JSON), live or not
  --gateway URL  GATEWAY_URL of the deployment; without it the host that the request names
  --at TIME      when the request arrives, such as 2026-03-01T12:00:00Z; without it now
  --fetch-keys   fetches keys that the document only says the place of
  --json         prints one JSON object

With SESSION_KEYS of the deployment in the environment, sessions are opened.`;

interface Arguments {
  readonly request: string;
  readonly tenant: string;
  readonly gateway: string | undefined;
  /** Milliseconds; null for now. */
  readonly at: number | null;
  readonly fetchesKeys: boolean;
  readonly json: boolean;
}

export async function run(argv: readonly string[]): Promise<number> {
  const parsed = readArguments(argv);
  if (!parsed.ok) return complain(2, parsed.error, "", USAGE);
  if (parsed.value === "help") return tell(0, USAGE);
  const { request: file, tenant, gateway, at, fetchesKeys, json } = parsed.value;
  const request = await readWritten(file);
  if (!request.ok) return complain(2, printable(request.error));
  const gatewayUrl = gateway ?? (await gatewayFor(tenant, request.value));
  const sources = await readTenants([tenant], gatewayUrl);
  if (!sources.ok) return complain(2, ...sources.error);
  const [source] = sources.value;
  if (source === undefined) throw new Error("one file, and no tenant");
  const explained = await withClock(at, () =>
    explain(source, request.value, { gatewayUrl, fetchesKeys, secrets: process.env }),
  );
  const code = CODES[explained.end.kind];
  return tell(code, ...(json ? [toJson(explained)] : toText(explained, helpOf).map(printable)));
}

const CODES = { admitted: 0, observed: 0, answered: 0, refused: 1, unknown: 1 } as const;

const helpOf = (reason: keyof typeof REASONS): string => REASONS[reason].help;

const toJson = ({ lines, end }: Explanation): string =>
  JSON.stringify(
    { checks: lines.map((line) => ({ ...line, help: line.reason && helpOf(line.reason) })), end },
    null,
    2,
  );

function readArguments(argv: readonly string[]): Result<Arguments | "help", string> {
  const options = readOptions({
    args: [...argv],
    options: {
      tenant: { type: "string" },
      gateway: { type: "string" },
      at: { type: "string" },
      "fetch-keys": { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h" },
    },
    allowPositionals: true,
  });
  if (!options.ok) return options;
  const { values, positionals } = options.value;
  if (values.help) return ok("help");
  const [request, ...others] = positionals;
  const { tenant, gateway, at } = values;
  if (request === undefined || others.length > 0)
    return fail("Name one file with a request, or - for standard input.");
  if (tenant === undefined) return fail("Name the tenant document with --tenant FILE.");
  if (gateway !== undefined && !URL.canParse(gateway)) return fail(`--gateway ${gateway} is no URL.`);
  const time = at === undefined ? null : readTime(at);
  if (Number.isNaN(time)) return fail(`--at ${at} is no time of RFC 3339, such as 2026-03-01T12:00:00Z.`);
  return ok({ request, tenant, gateway, at: time, fetchesKeys: values["fetch-keys"], json: values.json });
}

/** Milliseconds; NaN for anything but a time of RFC 3339. */
const readTime = (text: string): number =>
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;

async function readWritten(file: string): Promise<Result<WrittenRequest, string>> {
  try {
    const bytes = file === "-" ? await buffer(process.stdin) : await readFile(file);
    const request = readRequest(new Uint8Array(bytes));
    return request.ok ? request : fail(`${file}: ${request.error}`);
  } catch (error) {
    return fail(whyNot(file, "read", error));
  }
}

/** The host that the request names is the gateway's, unless the tenant has one of its own. */
async function gatewayFor(file: string, { host }: WrittenRequest): Promise<string> {
  const document = readJson(await readFile(file, "utf8").catch(() => ""));
  if (isObject(document) && document.publicUrl !== undefined) return "https://gateway.invalid";
  return `${/^(localhost|127\.|\[::1\])/.test(host) ? "http" : "https"}://${host}`;
}

/** Sets the clock that all checks read, for as long as `work` takes. */
async function withClock<T>(at: number | null, work: () => Promise<T>): Promise<T> {
  if (at === null) return work();
  const { now } = Date;
  const ahead = at - now();
  Date.now = () => now() + ahead;
  try {
    return await work();
  } finally {
    Date.now = now;
  }
}
