/** The other streams of a tenant with redacted tools: no result of a call may come with them but that of their own. Part of stage 10. */

import { discard } from "../bytes/discard.ts";
import { foldCase } from "../json/fold-case.ts";
import { parsePlainJson } from "../json/plain-json.ts";
import { elementsOf, membersOf, skipSpace } from "../json/spans.ts";
import { isObject, type JsonObject } from "../json/strict-json.ts";
import { MAX_REDACTED_BYTES } from "../limits.ts";
import { editEvents } from "../mcp/edit-events.ts";
import { dataOf, decode } from "../mcp/event.ts";
import type { Message, RequestId } from "../mcp/message.ts";
import { idOf } from "../mcp/read.ts";
import type { Answer } from "../origin/forward.ts";
import { isCoded, isEventStream } from "../origin/headers.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Tenant } from "../tenant/tenant.ts";

/**
 * Breaks a stream off before an event that may be the response to another request, whose tool nobody knows here. An answer to a GET is read
 * as events whatever its type, as clients read it.
 */
export async function guardStream(
  answer: Answer,
  {
    tenant,
    received: { message },
  }: { readonly tenant: Tenant; readonly received: { readonly message: Message } },
): Promise<Result<Answer, Reason>> {
  const { status, headers, body } = answer;
  if (tenant.policy.strictestRedaction === null) return ok(answer);
  const isStream = isEventStream(headers);
  const isOpen = message.kind === "stream" && status < 300;
  if (body === null || !(isStream || isOpen)) return ok(answer);
  if (!isStream || isCoded(headers)) {
    await discard(body);
    return fail("redaction.foreign_response");
  }
  const expected = idOf(message);
  const guarded = editEvents(
    body,
    (event) => (mayPass(decode(dataOf(event)), expected) ? ok(event) : fail("garbage")),
    { unreadable: "break", maxEventBytes: MAX_REDACTED_BYTES, reason: "redaction.foreign_response" },
  );
  return ok({ status, headers, body: guarded, length: null });
}

/**
 * Whether the data of an event is a notification, a request, or the response to the request with this id. Whichever of two equal names
 * counts to a reader, and whether it ignores their case.
 *
 * @param expected null where no response is
 */
export function mayPass(data: string, expected: RequestId | null): boolean {
  // No message is without a brace: some servers send pings of their own.
  if (!data.includes("{")) return true;
  const start = skipSpace(data, 0);
  const json = parsePlainJson(data);
  if (json === undefined) return false;
  // MCP 2025-03-26 has arrays of messages.
  if (Array.isArray(json)) {
    const spans = [...elementsOf(data, start)];
    return json.every((message, i) => isFit(message, data, spans[i]?.start ?? 0, expected));
  }
  return isFit(json, data, start, expected);
}

function isFit(message: unknown, data: string, start: number, expected: RequestId | null): boolean {
  if (!isObject(message as JsonObject)) return false;
  const names = [...membersOf(data, start)].map(({ name }) => name);
  const { id, method, params } = message as JsonObject;
  if (!names.some((name) => OUTCOMES.includes(foldCase(name)))) return !isTaskResult(method, params);
  // Of its names each stands there once, and none in another case.
  const isClear = ENVELOPE.every((name) => names.filter((other) => foldCase(other) === name).length <= 1);
  const isExact = names.every((name) => name === foldCase(name) || !ENVELOPE.includes(foldCase(name)));
  return expected !== null && id === expected && isClear && isExact;
}

const OUTCOMES = ["result", "error"];
const ENVELOPE = ["id", ...OUTCOMES];

/** The status of a task may have its result with it (MCP extension io.modelcontextprotocol/tasks). */
const isTaskResult = (method: unknown, params: unknown): boolean =>
  typeof method === "string" &&
  method.startsWith("notifications/tasks") &&
  isObject(params as JsonObject) &&
  Object.keys(params as JsonObject).some((name) => OUTCOMES.includes(foldCase(name)));
