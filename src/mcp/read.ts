import type { Facts } from "../facts.ts";
import { BODY_DEADLINE_MS } from "../limits.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import { readBody, readJsonBody } from "./body.ts";
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

  const received = method === "POST" ? await receive(facts, maxBytes) : await receiveNothing(facts, maxBytes);
  if (!received.ok) return received;
  const { message } = received.value;
  const mirrored = checkMirroredHeaders(headers, message);
  if (!mirrored.ok) {
    return fail({ reason: mirrored.error, id: idOf(message), method: methodOf(message) });
  }
  return received;
}

/** A POST. */
async function receive({ body, headers }: Facts, maxBytes: number): Promise<Result<Received, MessageFault>> {
  const read = await readJsonBody(body, headers, maxBytes, BODY_DEADLINE_MS);
  if (!read.ok) return fail(unread(read.error));
  const { bytes, text, json } = read.value;
  const message = parseMessage(json);
  return message.ok ? ok({ message: message.value, body: bytes, text }) : message;
}

/** GET or DELETE. */
async function receiveNothing(facts: Facts, maxBytes: number): Promise<Result<Received, MessageFault>> {
  const read = await readBody(facts.body, facts.headers, maxBytes, BODY_DEADLINE_MS);
  if (!read.ok) return fail(unread(read.error));
  if (read.value.length > 0) return fail(unread("message.unexpected_body"));
  return ok({
    message: { kind: facts.method === "GET" ? "stream" : "session-end" },
    body: read.value,
    text: "",
  });
}

/** The JSON-RPC id an answer must carry; null where there is none. */
export const idOf = (message: Message) => (message.kind === "request" ? message.id : null);

/** The MCP method of a message; null for those that have none. */
export const methodOf = (message: Message): string | null =>
  message.kind === "request" || message.kind === "notification" ? message.method : null;

/** application/json, in UTF-8 where it says a charset. */
const isJson = (contentType: string | undefined): boolean =>
  /^application\/json\s*(;\s*charset=(utf-8|"utf-8")\s*)?$/i.test(contentType ?? "");
