import { BrokenStream } from "../../bytes/broken-stream.ts";
import { ByteBuffer } from "../../bytes/byte-buffer.ts";
import { discard } from "../../bytes/discard.ts";
import { MAX_LIST_BYTES } from "../../limits.ts";
import { ok } from "../../result.ts";
import { COLON, CR, filterEvent, LF } from "./event.ts";
import type { IsAllowed } from "./filter.ts";

/** An event that cannot be filtered breaks the stream, or passes. */
export type Unreadable = "break" | "pass";

/**
 * Filters the tool lists in an event stream, which goes on as it comes: each event once its last byte is there. It is
 * read only as fast as the client reads. The origin is told when the stream breaks, and when the client goes away.
 *
 * @param unreadable what becomes of an event that is too large to be held, or may hold a list that we cannot read
 */
export function filterEvents(
  body: ReadableStream<Uint8Array>,
  isAllowed: IsAllowed,
  unreadable: Unreadable,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  const filter = new EventFilter(isAllowed, unreadable);
  let over = false;
  /** Lets go of the origin. */
  const release = (reason: unknown): Promise<void> => {
    over = true;
    return discard(reader, reason);
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          // Until there is something for the client: a pull that brings nothing would be the last.
          for (;;) {
            const { done, value } = await reader.read();
            if (over) return;
            const { bytes, fault } = done ? filter.end() : filter.push(value);
            if (bytes.length > 0) controller.enqueue(bytes);
            if (fault !== null) {
              controller.error(new BrokenStream("origin.list_unreadable"));
              return await release(fault);
            }
            if (done) return controller.close();
            if (bytes.length > 0) return;
          }
        } catch (error) {
          // An origin that breaks off breaks the client's stream too, as it would without us between.
          if (!over) controller.error(error);
        }
      },
      cancel: release,
    },
    { highWaterMark: 0 },
  );
}

/** Why an event stream must break. That the origin broke it is an error of its own. */
export type EventFault = "too_large" | "garbage";

/** What may be passed on, in bytes the caller may keep; then, where there is a fault, nothing more. */
export interface Passed {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly fault: EventFault | null;
}

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/**
 * Filters the tool lists in the bytes of an event stream (WHATWG HTML, "Server-sent events"). Each byte is looked at
 * once, as it comes, so that it makes no difference where one chunk ends. What stands outside an event passes with its
 * line, an event with the blank line that ends it; all but filtered lists byte for byte.
 */
export class EventFilter {
  readonly #isAllowed: IsAllowed;
  readonly #unreadable: Unreadable;
  readonly #maxEventBytes: number;
  /** Begun and not passed on: lines of an event, or a line outside one. */
  readonly #held = new ByteBuffer();
  /** Where in it the line begins that is being read; -1 where its beginning has passed. */
  #line = 0;
  #passed = new ByteBuffer();
  /** Whether a field was read since the last blank line. Comments alone do not make an event. */
  #inEvent = false;
  /** Whether the event was too large, and passes as it comes. */
  #isPassing = false;
  #afterCr = false;
  /** Bytes seen from the beginning of the stream, as far as a byte order mark can reach. */
  #seen = 0;

  constructor(isAllowed: IsAllowed, unreadable: Unreadable, maxEventBytes: number = MAX_LIST_BYTES) {
    this.#isAllowed = isAllowed;
    this.#unreadable = unreadable;
    this.#maxEventBytes = maxEventBytes;
  }

  push(chunk: Uint8Array): Passed {
    this.#passed = new ByteBuffer();
    for (const byte of chunk) {
      const fault = this.#read(byte);
      if (fault !== null) return { bytes: this.#passed.bytes, fault };
    }
    if (this.#isPassing) this.#passSoFar();
    return { bytes: this.#passed.bytes, fault: null };
  }

  /** The end of the stream. Browsers discard an event without its blank line, other clients read it. */
  end(): Passed {
    this.#passed = new ByteBuffer();
    const fault = this.#endEvent(this.#held.bytes);
    return { bytes: this.#passed.bytes, fault };
  }

  #read(byte: number): EventFault | null {
    this.#held.pushByte(byte);
    if (this.#held.size > this.#maxEventBytes && !this.#isPassing) {
      if (this.#unreadable === "break") return "too_large";
      this.#isPassing = true;
      this.#inEvent ||= this.#held.bytes[this.#line] !== COLON;
    }
    if (this.#seen < BYTE_ORDER_MARK.length) {
      this.#seen += 1;
      if (this.#seen === BYTE_ORDER_MARK.length && this.#isByteOrderMark()) this.#pass(this.#held.bytes);
    }
    const endsPair = this.#afterCr && byte === LF;
    this.#afterCr = byte === CR;
    if (endsPair) {
      // The line ended with its CR, because nobody knows then whether an LF follows.
      this.#line = this.#held.size;
      if (!this.#inEvent) this.#pass(this.#held.bytes);
      return null;
    }
    return byte === CR || byte === LF ? this.#endLine() : null;
  }

  #endLine(): EventFault | null {
    const held = this.#held.bytes;
    const isBlank = this.#line === held.length - 1;
    if (this.#line >= 0 && !isBlank && held[this.#line] !== COLON) this.#inEvent = true;
    this.#line = held.length;
    if (!this.#inEvent) {
      this.#isPassing = false;
      this.#pass(held);
      return null;
    }
    return isBlank ? this.#endEvent(held) : null;
  }

  #endEvent(event: Uint8Array<ArrayBuffer>): EventFault | null {
    const filtered = this.#isPassing ? ok(event) : filterEvent(event, this.#isAllowed);
    if (!filtered.ok && this.#unreadable === "break") return filtered.error;
    this.#pass(filtered.ok ? filtered.value : event);
    this.#inEvent = false;
    this.#isPassing = false;
    return null;
  }

  #passSoFar(): void {
    const isInLine = this.#line !== this.#held.size;
    this.#pass(this.#held.bytes);
    if (isInLine) this.#line = -1;
  }

  #pass(bytes: Uint8Array): void {
    this.#passed.push(bytes);
    this.#held.clear();
    this.#line = 0;
  }

  #isByteOrderMark(): boolean {
    const held = this.#held.bytes;
    return held.length === BYTE_ORDER_MARK.length && BYTE_ORDER_MARK.every((byte, i) => held[i] === byte);
  }
}
