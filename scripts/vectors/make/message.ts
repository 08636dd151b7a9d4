/** Requests as they go over the wire, and as the vectors write them. */

import type { RawRequest, Text } from "../format.ts";
import type { Bytes } from "./keys.ts";

export interface Message {
  readonly method: string;
  /** The request target (RFC 9112 section 3.2). */
  readonly target: string;
  /** Lines in their order. A character is one octet. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Bytes;
}

/** With a header set (its other lines gone), or removed where the value is null. */
export const withHeader = (message: Message, name: string, value: string | null): Message => ({
  ...message,
  headers: [
    ...message.headers.filter(([other]) => other.toLowerCase() !== name.toLowerCase()),
    ...(value === null ? [] : [[name, value] as const]),
  ],
});

/** With one more line. */
export const withLine = (message: Message, name: string, value: string): Message => ({
  ...message,
  headers: [...message.headers, [name, value]],
});

export function headerOf({ headers }: Message, name: string): string {
  const found = headers.find(([other]) => other.toLowerCase() === name.toLowerCase());
  if (found === undefined) throw new Error(`the message has no ${name}`);
  return found[1];
}

/** A copy with a header's value changed. */
export const changeHeader = (message: Message, name: string, change: (value: string) => string): Message =>
  withHeader(message, name, change(headerOf(message, name)));

export function rawRequest(message: Message): RawRequest {
  const { method, target, body } = message;
  const isFramed = message.headers.some(([name]) => /^(content-length|transfer-encoding)$/i.test(name));
  const length =
    isFramed || (body.length === 0 && method !== "POST") ? [] : [`Content-Length: ${body.length}`];
  const lines = [
    `${method} ${target} HTTP/1.1`,
    ...message.headers.map(([name, value]) => `${name}: ${value}`),
    ...length,
  ];
  return { head: lines.map(text), body: bodyOf(body) };
}

function bodyOf(body: Bytes): RawRequest["body"] {
  try {
    const decoded = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
    if (!decoded.startsWith("\uFEFF")) return text(decoded);
  } catch {
    // Not UTF-8.
  }
  return { base64: Buffer.from(body).toString("base64") };
}

/** Up to four characters, 256 times or more. */
const REPETITION = /(.{1,4}?)\1{255,}/gs;

/** Writes long repetitions short. */
function text(long: string): Text {
  if (long.length < 256) return long;
  const pieces: Exclude<Text, string>[number][] = [];
  let end = 0;
  for (const { 0: whole, 1: repeat = "", index } of long.matchAll(REPETITION)) {
    if (index > end) pieces.push(long.slice(end, index));
    pieces.push({ repeat, times: whole.length / repeat.length });
    end = index + whole.length;
  }
  if (pieces.length === 0) return long;
  return end < long.length ? [...pieces, long.slice(end)] : pieces;
}
