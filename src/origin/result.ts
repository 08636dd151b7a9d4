/**
 * How the origin ended a tool call, read from a copy of its answer while that goes by. It says what the origin answered, not what
 * the tool did.
 */

import { ByteBuffer } from "../bytes/byte-buffer.ts";
import { fromUtf8 } from "../encoding.ts";
import { foldCase } from "../json/fold-case.ts";
import { parsePlainJson } from "../json/plain-json.ts";
import { type Member, membersOf, type Span, skipSpace } from "../json/spans.ts";
import { isObject, type JsonObject, type JsonValue, parseStrictJson } from "../json/strict-json.ts";
import { MAX_RESULT_BYTES } from "../limits.ts";
import { dataOf, decode, typeOf } from "../mcp/event.ts";
import { EventFilter } from "../mcp/event-filter.ts";
import type { RequestId } from "../mcp/message.ts";
import { ok } from "../result.ts";
import type { Answer } from "./forward.ts";
import { isCoded, isEventStream } from "./headers.ts";

export interface CallResult {
  readonly status: "executed" | "errored";
  /**
   * `result`, or `error` of the JSON-RPC message. Null where it is no strict JSON or has a number with a fraction: then not all
   * readers have one canonical form of it.
   */
  readonly result: JsonValue | null;
}

/** Is shown the chunks of an answer, and remembers of them no more than it needs. */
export interface ResultReader {
  push(chunk: Uint8Array): void;
  /**
   * @param isWhole whether the answer came to its end
   * @returns null where nothing can be said: no response to the call, one that asks for input first, one that was cut off or
   *   cannot be read
   */
  end(isWhole: boolean): CallResult | null;
}

/** @returns null for an answer of which nothing could be said in any case */
export function resultReader(
  { status, headers }: Pick<Answer, "status" | "headers">,
  id: RequestId,
): ResultReader | null {
  // Clients take 202 for an acknowledgement, and read nothing beside it.
  if (isCoded(headers) || status === 202) return null;
  const isSuccess = status >= 200 && status < 300;
  // Clients look for this type first, and read no events beside an error.
  if (isEventStream(headers)) return isSuccess ? eventReader(id) : null;
  return /application\/json/i.test(headers.get("content-type") ?? "") ? bodyReader(id, isSuccess) : null;
}

/** @param isSuccess a `result` that comes with an error of HTTP is none to the client */
function bodyReader(id: RequestId, isSuccess: boolean): ResultReader {
  const held = new ByteBuffer();
  let isTooLarge = false;
  return {
    push(chunk) {
      isTooLarge ||= held.size + chunk.length > MAX_RESULT_BYTES;
      if (isTooLarge) held.clear();
      else held.push(chunk);
    },
    end(isWhole) {
      const read = isWhole && !isTooLarge ? readResponse(withoutMark(held.bytes), id) : "other";
      if (typeof read === "string") return null;
      return isSuccess || read.member === "error" ? read.result : null;
    },
  };
}

/** The event with the response says it all, whatever becomes of the stream behind it. */
function eventReader(id: RequestId): ResultReader {
  let read: Reading = "other";
  const splitter = new EventFilter(
    (event) => {
      if (read === "other" && typeOf(event) === "message") read = readResponse(dataOf(event), id);
      return ok(event);
    },
    // An event that is too large to be held may be the response, or not.
    "pass",
    MAX_RESULT_BYTES,
  );
  return {
    push(chunk) {
      if (read === "other") splitter.push(chunk);
    },
    end: () => (typeof read === "string" ? null : read.result),
  };
}

type Reading =
  /** No response to this call. */
  | "other"
  /** Its response, which readers may understand in more than one way, or which does not end the call. */
  | "unclear"
  | { readonly member: "result" | "error"; readonly result: CallResult };

/** Reads one JSON-RPC message. Its text is looked at too, because readers differ in which of two equal names counts. */
function readResponse(bytes: Uint8Array<ArrayBuffer>, id: RequestId): Reading {
  const exact = fromUtf8(bytes);
  const text = exact ?? decode(bytes);
  const message = parsePlainJson(text);
  if (!isObject(message) || message.jsonrpc !== "2.0" || message.id !== id || message.method !== undefined)
    return "other";
  const members = [...membersOf(text, skipSpace(text, 0))];
  const named = (name: string) => members.find((member) => member.name === name);
  if (!areClear(members, ["jsonrpc", "id", "method", "result", "error"])) return "unclear";
  const member = named("error") === undefined ? "result" : "error";
  const value = message[member];
  const span = named(member);
  if (span === undefined || !isObject(value) || (member === "error" && named("result") !== undefined))
    return "unclear";
  const status = member === "error" ? "errored" : statusOf(value, [...membersOf(text, span.start)]);
  if (status === null) return "unclear";
  return { member, result: { status, result: exact === null ? null : strictly(text, span) } };
}

/** How a `CallToolResult` says it ended; null where it says that it did not. */
function statusOf(result: JsonObject, members: readonly Member[]): CallResult["status"] | null {
  if (!areClear(members, ["isError", "resultType"])) return null;
  const { isError = false, resultType = "complete" } = result;
  // What MCP 2025-11-25 answers a call with that it goes on with (Tasks, "Creating Tasks").
  const isTask = Object.hasOwn(result, "task") && !Object.hasOwn(result, "content");
  if (resultType !== "complete" || typeof isError !== "boolean" || isTask) return null;
  return isError ? "errored" : "executed";
}

/** Whether each of these names stands there once at most, and none in another case, which some readers take for the same. */
const areClear = (members: readonly Member[], names: readonly string[]): boolean =>
  names.every((name) => {
    const alike = members.filter((member) => foldCase(member.name) === foldCase(name));
    return alike.length === 0 || (alike.length === 1 && alike[0]?.name === name);
  });

function strictly(text: string, { start, end }: Span): JsonValue | null {
  const parsed = parseStrictJson(text.slice(start, end), "integer");
  return parsed.ok ? parsed.value : null;
}

/** Readers of a body drop a byte order mark (WHATWG Encoding, "UTF-8 decode"). */
const withoutMark = (bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> =>
  MARK.every((byte, i) => bytes[i] === byte) ? bytes.subarray(MARK.length) : bytes;

const MARK = [0xef, 0xbb, 0xbf];
