/** One server-sent event (WHATWG HTML, "Server-sent events"), as its bytes. */

import { ByteBuffer } from "../bytes/byte-buffer.ts";
import { utf8 } from "../encoding.ts";

export const LF = 0x0a;
export const CR = 0x0d;
export const COLON = 0x3a;
const SPACE = 0x20;

/** The fields that matter here, by name. */
const NAMES = { data: utf8("data"), event: utf8("event") };

/** A line of an event, as places in its bytes. */
export interface Line {
  readonly start: number;
  /** Behind the last byte before the line ending. */
  readonly end: number;
  /** Behind the line ending: CR, LF or CRLF. */
  readonly next: number;
}

export function* linesOf(event: Uint8Array): Generator<Line> {
  let start = 0;
  for (let at = 0; at < event.length; at++) {
    if (event[at] !== LF && event[at] !== CR) continue;
    const next = event[at] === CR && event[at + 1] === LF ? at + 2 : at + 1;
    yield { start, end: at, next };
    start = next;
    at = next - 1;
  }
  if (start < event.length) yield { start, end: event.length, next: event.length };
}

/** The value of a line; null where it is of another field. The whole name counts, with or without a colon behind. */
export function fieldValue(
  event: Uint8Array<ArrayBuffer>,
  { start, end }: Line,
  field: keyof typeof NAMES,
): Uint8Array<ArrayBuffer> | null {
  const name = NAMES[field];
  const nameEnd = start + name.length;
  if (nameEnd > end || (nameEnd < end && event[nameEnd] !== COLON)) return null;
  if (!name.every((byte, i) => event[start + i] === byte)) return null;
  const value = event[nameEnd + 1] === SPACE ? nameEnd + 2 : nameEnd + 1;
  return event.subarray(Math.min(value, end), end);
}

/** The values of the data lines, joined by LF; nothing where there are none. */
export function dataOf(event: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const data = new ByteBuffer();
  let isFirst = true;
  for (const line of linesOf(event)) {
    const value = fieldValue(event, line, "data");
    if (value === null) continue;
    if (!isFirst) data.pushByte(LF);
    isFirst = false;
    data.push(value);
  }
  return data.bytes;
}

/** What kind of event it is: `message` where it does not say. */
export function typeOf(event: Uint8Array<ArrayBuffer>): string {
  let type = "";
  for (const line of linesOf(event)) {
    const value = fieldValue(event, line, "event");
    if (value !== null) type = decode(value);
  }
  return type || "message";
}

/** As clients decode: what is not UTF-8 becomes U+FFFD. */
export const decode = (bytes: Uint8Array): string => decoder.decode(bytes);

const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });
