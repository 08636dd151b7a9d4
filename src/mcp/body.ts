import { announcedLength } from "../bytes/announced-length.ts";
import { type ReadFault, readWhole } from "../bytes/read-whole.ts";
import { utf8Decoder } from "../encoding.ts";
import { type JsonFault, type JsonValue, StrictJsonReader } from "../json/strict-json.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";

type TextFault = "not_utf8" | JsonFault;

const REASONS: Record<ReadFault | TextFault, Reason> = {
  too_large: "message.too_large",
  timeout: "message.body_timeout",
  // Nobody stops the reading of a request.
  stopped: "message.body_timeout",
  broken: "message.body_broken",
  empty: "message.empty",
  not_utf8: "message.not_utf8",
  not_json: "message.not_json",
  duplicate_key: "message.duplicate_key",
  number: "message.number",
  lone_surrogate: "message.lone_surrogate",
  too_deep: "message.too_deep",
  too_many_values: "message.too_many_values",
};

type Body = ReadableStream<Uint8Array> | null;
type Headers = ReadonlyMap<string, string>;

/** A body as it came, the text that it is, and what the text says. */
export interface JsonBody {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly text: string;
  readonly json: JsonValue;
}

/**
 * Reads a request body whole, because it must be hashed before anything is forwarded.
 *
 * @param maxBytes the cap, enforced on what arrives and, early, on what Content-Length announces
 * @param deadlineMs how long the sender may take, milliseconds
 */
export const readBody = (
  body: Body,
  headers: Headers,
  maxBytes: number,
  deadlineMs: number,
): Promise<Result<Uint8Array<ArrayBuffer>, Reason>> => read(body, headers, maxBytes, deadlineMs, () => null);

/** The same for one strict JSON text in UTF-8. It is read as it comes, and no further than to the first fault that shows. */
export async function readJsonBody(
  body: Body,
  headers: Headers,
  maxBytes: number,
  deadlineMs: number,
): Promise<Result<JsonBody, Reason>> {
  const decode = utf8Decoder();
  const reader = new StrictJsonReader();
  const readOn = (bytes: Uint8Array, last: boolean): TextFault | null => {
    const piece = decode(bytes, last);
    const begins = reader.text === "";
    return piece === null || (begins && piece.startsWith("\uFEFF")) ? "not_utf8" : reader.push(piece);
  };
  const bytes = await read(body, headers, maxBytes, deadlineMs, (chunk) => readOn(chunk, false));
  if (!bytes.ok) return bytes;
  const fault = readOn(new Uint8Array(), true);
  if (fault !== null) return fail(REASONS[fault]);
  const json = reader.end();
  if (!json.ok) return fail(REASONS[json.error]);
  return ok({ bytes: bytes.value, text: reader.text, json: json.value });
}

async function read(
  body: Body,
  headers: Headers,
  maxBytes: number,
  deadlineMs: number,
  inspect: (chunk: Uint8Array) => TextFault | null,
): Promise<Result<Uint8Array<ArrayBuffer>, Reason>> {
  const announced = headers.get("content-length");
  if (Number(announced ?? 0) > maxBytes) return fail("message.too_large");
  if (body === null) return ok(new Uint8Array());
  const whole = await readWhole(body, maxBytes, deadlineMs, undefined, inspect, announcedLength(announced));
  return whole.ok ? whole : fail(REASONS[whole.error]);
}
