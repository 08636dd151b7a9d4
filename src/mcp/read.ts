import { fromUtf8 } from "../encoding.ts";
import type { Facts } from "../facts.ts";
import { BODY_DEADLINE_MS } from "../limits.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import { readBody } from "./body.ts";
import { type Message, type MessageFault, parseMessage, unread } from "./message.ts";
import { checkMirroredHeaders } from "./mirrored-headers.ts";

/** A request's message, with the bytes and the text it was read from. */
export interface Received {
  readonly message: Message;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly text: string;
}

/** Reads the body and what it says. Stage 3: everything after it works on these bytes and no others. */
export async function readMessage(facts: Facts, maxBytes: number): Promise<Result<Received, MessageFault>> {
  const refuse = (reason: Reason) => fail(unread(reason));
  const { method, headers } = facts;
  if (method !== "POST" && method !== "GET" && method !== "DELETE") return refuse("message.http_method");
  if ((headers.get("content-encoding") ?? "identity") !== "identity")
    return refuse("message.content_encoding");
  if (method === "POST" && !isJson(headers.get("content-type"))) return refuse("message.content_type");

  const body = await readBody(facts.body, headers, maxBytes, BODY_DEADLINE_MS);
  if (!body.ok) return refuse(body.error);
  const text = method === "POST" ? fromUtf8(body.value) : "";
  if (text === null || text.startsWith("\uFEFF")) return refuse("message.not_utf8");
  const message = method === "POST" ? parseMessage(text) : withoutBody(method, body.value.length);
  if (!message.ok) return message;
  const mirrored = checkMirroredHeaders(headers, message.value);
  if (!mirrored.ok) {
    return fail({ reason: mirrored.error, id: idOf(message.value), method: methodOf(message.value) });
  }
  return ok({ message: message.value, body: body.value, text });
}

function withoutBody(method: "GET" | "DELETE", length: number): Result<Message, MessageFault> {
  if (length > 0) return fail(unread("message.unexpected_body"));
  return ok({ kind: method === "GET" ? "stream" : "session-end" });
}

/** The JSON-RPC id an answer must carry; null where there is none. */
export const idOf = (message: Message) => (message.kind === "request" ? message.id : null);

/** The MCP method of a message; null for those that have none. */
export const methodOf = (message: Message): string | null =>
  message.kind === "request" || message.kind === "notification" ? message.method : null;

/** application/json, in UTF-8 where it says a charset. */
const isJson = (contentType: string | undefined): boolean =>
  /^application\/json\s*(;\s*charset=(utf-8|"utf-8")\s*)?$/i.test(contentType ?? "");
