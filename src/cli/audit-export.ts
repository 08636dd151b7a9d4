/**
 * `countersign audit export`: fetches a tenant's audit log into a file, and goes on where an earlier try broke off. Exit codes: 0 the
 * file is whole, 1 it is not, 2 wrong use.
 */

import { open, truncate } from "node:fs/promises";
import { parseArgs } from "node:util";
import { createFetch, type FetchFunction, importSigner, startRun } from "../agent/index.ts";
import { fail, ok, type Result } from "../result.ts";
import { type Part, readPart } from "./export-part.ts";
import { readJson, readText } from "./held-files.ts";
import { complain, tell } from "./say.ts";

const USAGE = `Usage: countersign audit export --endpoint URL --mandate FILE --key FILE --out FILE [--from TIME] [--to TIME]

  --endpoint URL  the MCP endpoint of the tenant
  --mandate FILE  a mandate (compact JWS) that grants countersign.audit.read
  --key FILE      the private key (JWK) of the agent that the mandate is for, of the profile agent
  --out FILE      where the export goes; what an earlier try has left there is completed
  --from TIME     records of this time and later, as 2026-11-01 or 2026-11-01T12:00:00Z; all earlier ones without it
  --to TIME       records before this time; all later ones without it`;

interface Arguments {
  readonly endpoint: URL;
  readonly mandate: string;
  readonly key: string;
  readonly out: string;
  readonly from: number | null;
  readonly to: number | null;
}

export async function run(argv: readonly string[]): Promise<number> {
  const parsed = readArguments(argv);
  if (!parsed.ok) return complain(2, parsed.error, "", USAGE);
  if (parsed.value === "help") return tell(0, USAGE);
  const asked = parsed.value;
  const visit = await visitor(asked);
  if (!visit.ok) return complain(2, visit.error);
  const part = await partOf(asked);
  if (!part.ok) return complain(2, part.error);
  const fetched = await complete(asked, part.value, visit.value);
  if (!fetched.ok) return complain(1, fetched.error);
  return tell(0, `${asked.out}: ${fetched.value.lines} lines. Verify it with countersign audit verify.`);
}

function readArguments(argv: readonly string[]): Result<Arguments | "help", string> {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        endpoint: { type: "string" },
        mandate: { type: "string" },
        key: { type: "string" },
        out: { type: "string" },
        from: { type: "string" },
        to: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    if (values.help) return ok("help");
    const { endpoint = "", mandate, key, out } = values;
    if (!URL.canParse(endpoint)) return fail("Name the MCP endpoint with --endpoint URL.");
    if (mandate === undefined || key === undefined || out === undefined)
      return fail("Name the files of the mandate, of the key and of the export: --mandate, --key, --out.");
    const [from, to] = [readTime(values.from), readTime(values.to)];
    if (from === undefined || to === undefined)
      return fail("A time is written as 2026-11-01 or 2026-11-01T12:00:00Z.");
    if (from !== null && to !== null && from >= to) return fail("--from must be before --to.");
    return ok({ endpoint: new URL(endpoint), mandate, key, out, from, to });
  } catch (error) {
    return fail((error as Error).message);
  }
}

const TIME = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d{1,3})?(?:Z|[+-]\d\d:\d\d))?$/;

/** Milliseconds (RFC 3339; a date alone is its midnight in UTC); null for none, undefined for what is no time. */
function readTime(text: string | undefined): number | null | undefined {
  if (text === undefined) return null;
  const time = TIME.test(text) ? Date.parse(text) : Number.NaN;
  return time >= 0 ? time : undefined;
}

/** Sends a request with all its evidence. */
type Visit = (url: URL) => Promise<Response>;

async function visitor({ endpoint, mandate, key }: Arguments): Promise<Result<Visit, string>> {
  const token = await readText(mandate);
  if (!token.ok) return token;
  const jwk = await readText(key);
  if (!jwk.ok) return jwk;
  try {
    const signer = await importSigner(readJson(jwk.value) as Parameters<typeof importSigner>[0]);
    const options = {
      run: startRun(token.value.trim()),
      signer,
      audience: endpoint.origin + endpoint.pathname,
    };
    return ok((url) => {
      const visit: FetchFunction = createFetch({ ...options, endpoint: url });
      return visit(url);
    });
  } catch (error) {
    return fail(`${mandate} must hold a mandate, and ${key} a private JWK: ${(error as Error).message}`);
  }
}

/** What the file has of this very export. */
async function partOf({ out, from, to }: Arguments): Promise<Result<Part, string>> {
  const part = await readPart(out);
  if (!part.ok) return part;
  const { begun } = part.value;
  if (begun !== null && (begun.from !== from || begun.to !== to))
    return fail(`${out} has an export of another time range. Name another file, or remove it.`);
  return part;
}

/** Asks until all is there; as long as each answer brings it forward. */
async function complete(asked: Arguments, first: Part, visit: Visit): Promise<Result<Part, string>> {
  let part = first;
  while (!part.isWhole) {
    const broken = await fetchMore(asked, part, visit);
    if (!broken.ok) return broken;
    const next = await readPart(asked.out);
    if (!next.ok) return next;
    if (!next.value.isWhole && next.value.bytes <= part.bytes)
      return fail(`${broken.value ?? "The answer broke off."} Say the same again to go on.`);
    part = next.value;
  }
  return ok(part);
}

/** @returns why the answer broke off; null where it ended. The error is for an answer that is no export */
async function fetchMore(
  { endpoint, out, from, to }: Arguments,
  { begun, bytes }: Part,
  visit: Visit,
): Promise<Result<string | null, string>> {
  const after = begun?.after ?? null;
  const query = { from, to, after, checkpoint: after === null ? null : begun?.checkpoint };
  const pairs = Object.entries(query).filter(([, value]) => value !== null);
  const url = new URL("audit/export", endpoint);
  url.search = pairs.map(([name, value]) => `${name}=${value}`).join("&");
  let answer: Response;
  try {
    answer = await visit(url);
  } catch (error) {
    return fail(`${url.origin} does not answer: ${whyOf(error)}`);
  }
  if (answer.status !== 200 || answer.body === null) return fail(await refusalOf(answer));
  // What is behind the last whole line, or all where there is nothing to go on from.
  const kept = after === null ? 0 : bytes;
  const file = await open(out, "a");
  try {
    await truncate(out, kept);
    for await (const chunk of answer.body) await file.write(chunk);
    return ok(null);
  } catch (error) {
    return ok(`The answer broke off: ${whyOf(error)}.`);
  } finally {
    await file.close();
  }
}

/** What a refusal says. */
async function refusalOf(answer: Response): Promise<string> {
  const body = readJson(await answer.text().catch(() => "")) as {
    error?: { message?: string; data?: object };
  } | null;
  const said = body?.error === undefined ? "" : ` ${body.error.message} ${JSON.stringify(body.error.data)}`;
  return `The endpoint refused with ${answer.status}.${said}`;
}

const whyOf = (error: unknown): string => {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message} (${cause.message})` : message;
};
