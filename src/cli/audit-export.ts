/**
 * `countersign audit export`: fetches a tenant's audit log into a file, and goes on where an earlier try broke off. Exit codes: 0 the
 * file is whole, 1 it is not, 2 wrong use.
 */

import { open } from "node:fs/promises";
import { createFetch, importSigner, startRun } from "../agent/index.ts";
import { isRange } from "../audit/export/format.ts";
import { isObject, type JsonValue } from "../json/strict-json.ts";
import { fail, ok, type Result } from "../result.ts";
import { readOptions } from "./arguments.ts";
import { type Part, readPart } from "./export-part.ts";
import { readJson, readText } from "./held-files.ts";
import { complain, printable, tell, whyNot } from "./say.ts";

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
  if (!fetched.ok) return complain(1, printable(fetched.error));
  return tell(
    0,
    `${asked.out} is whole: ${fetched.value.bytes} bytes. Verify it with countersign audit verify.`,
  );
}

function readArguments(argv: readonly string[]): Result<Arguments | "help", string> {
  const options = readOptions({
    args: [...argv],
    options: {
      endpoint: { type: "string" },
      mandate: { type: "string" },
      key: { type: "string" },
      out: { type: "string" },
      from: { type: "string" },
      to: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (!options.ok) return options;
  const { endpoint = "", mandate, key, out, ...times } = options.value.values;
  if (times.help) return ok("help");
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "")
    return fail("Name the MCP endpoint with --endpoint URL: https, and no name or password in it.");
  if (mandate === undefined || key === undefined || out === undefined)
    return fail("Name the files of the mandate, of the key and of the export: --mandate, --key, --out.");
  const [from, to] = [readTime(times.from), readTime(times.to)];
  if (from === undefined || to === undefined)
    return fail("A time is written as 2026-11-01 or 2026-11-01T12:00:00Z.");
  if (!isRange(from, to)) return fail("--from must be before --to.");
  return ok({ endpoint: url, mandate, key, out, from, to });
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
  const text = await readText(key);
  if (!text.ok) return text;
  const run = tried(() => startRun(token.value.trim()));
  if (!run.ok) return fail(`${mandate} holds no mandate: ${run.error}.`);
  const jwk = readJson(text.value);
  const signer = isObject(jwk)
    ? await importSigner(jwk as Parameters<typeof importSigner>[0]).then(ok, failed)
    : fail("it is no JSON object");
  if (!signer.ok) return fail(`${key} holds no private key as a JWK: ${signer.error}.`);
  const audience = publicUrl(endpoint);
  return ok((url) => createFetch({ run: run.value, signer: signer.value, audience, endpoint: url })(url));
}

function tried<T>(make: () => T): Result<T, string> {
  try {
    return ok(make());
  } catch (error) {
    return failed(error);
  }
}

const failed = (error: unknown): Result<never, string> => fail((error as Error).message);

/** The tenant is known by this. */
const publicUrl = ({ origin, pathname }: URL): string => origin + pathname;

/** What the file has of this very export. */
async function partOf({ endpoint, out, from, to }: Arguments): Promise<Result<Part | null, string>> {
  const part = await readPart(out);
  if (!part.ok || part.value === null) return part;
  const { claims } = part.value;
  if (claims.iss !== publicUrl(endpoint))
    return fail(printable(`${out} has an export of ${claims.iss}. Name another file, or remove it.`));
  if (claims.from !== from || claims.to !== to)
    return fail(`${out} has an export of another time range. Name another file, or remove it.`);
  return part;
}

/** Asks until all is there; as long as each answer brings it forward. */
async function complete(asked: Arguments, first: Part | null, visit: Visit): Promise<Result<Part, string>> {
  let part = first;
  while (part === null || !part.isWhole) {
    const broken = await fetchMore(asked, part, visit);
    if (!broken.ok) return broken;
    const next = await readPart(asked.out);
    if (!next.ok) return next;
    if (!next.value?.isWhole && (next.value?.bytes ?? 0) <= (part?.bytes ?? 0))
      return fail(`${broken.value ?? "The answer broke off."} Say the same again to go on.`);
    part = next.value;
  }
  return ok(part);
}

/** @returns why the answer broke off; null where it ended. The error is for what another request would not mend */
async function fetchMore(
  { endpoint, out, from, to }: Arguments,
  part: Part | null,
  visit: Visit,
): Promise<Result<string | null, string>> {
  const after = part?.after ?? null;
  const query = { from, to, after, checkpoint: after && part?.claims.latest.number };
  const pairs = Object.entries(query).filter(([, value]) => value !== null);
  const url = new URL("audit/export", endpoint);
  url.search = pairs.map(([name, value]) => `${name}=${value}`).join("&");
  let answer: Response;
  try {
    answer = await visit(url);
  } catch (error) {
    return fail(`${url.origin} does not answer: ${whyOf(error)}.`);
  }
  const { body, headers, status } = answer;
  if (status === 400 && after !== null)
    return fail(
      `${out} is too old to be gone on with. Remove it, and begin anew. ${await refusalIn(answer)}`,
    );
  if (status !== 200 || body === null) return fail(await refusalIn(answer));
  if (headers.get("content-type") !== "application/x-ndjson")
    return fail(`${url.href} answered with something else than an export. Is this the endpoint of a tenant?`);
  // What is behind the last whole line goes, and all where there is nothing to go on from.
  return write(out, after === null ? 0 : (part?.bytes ?? 0), body);
}

/** Writes behind so many bytes of a file. Returns as `fetchMore`. */
async function write(
  out: string,
  kept: number,
  body: AsyncIterable<Uint8Array>,
): Promise<Result<string | null, string>> {
  const pieces = body[Symbol.asyncIterator]();
  try {
    const file = await open(out, "a");
    try {
      await file.truncate(kept);
      for (;;) {
        const piece = await pieces.next().catch((error: unknown) => whyOf(error));
        if (typeof piece === "string") return ok(`The answer broke off: ${piece}.`);
        if (piece.done) return ok(null);
        await file.appendFile(piece.value);
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    return fail(whyNot(out, "written", error));
  } finally {
    await pieces.return?.().catch(() => {});
  }
}

/** What a refusal says. */
async function refusalIn(answer: Response): Promise<string> {
  const error = memberOf(readJson(await answer.text().catch(() => "")), "error");
  const [message, reason] = [memberOf(error, "message"), memberOf(memberOf(error, "data"), "reason")];
  const refused = `The endpoint refused with ${answer.status}`;
  return message === null || reason === null ? `${refused}.` : `${refused} ${reason}: ${message}`;
}

const memberOf = (value: JsonValue, name: string): JsonValue =>
  isObject(value) && Object.hasOwn(value, name) ? (value[name] ?? null) : null;

const whyOf = (error: unknown): string => {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message} (${cause.message})` : message;
};
