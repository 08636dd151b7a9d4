import { ByteBuffer } from "../bytes/byte-buffer.ts";
import { ok, type Result } from "../result.ts";
import { COLON, CR, LF } from "./event.ts";

/** An event that cannot be filtered breaks the stream, or passes. */
export type Unreadable = "break" | "pass";

/**
 * @param event its lines, without a byte order mark; good until it returns
 * @returns the lines that pass instead, perhaps the very same
 */
export type EventEdit = (event: Uint8Array<ArrayBuffer>) => Result<Uint8Array<ArrayBuffer>, "garbage">;

/** Why an event stream must break. That the origin broke it is an error of its own. */
export type EventFault = "too_large" | "garbage";

/** What may be passed on, in bytes the caller may keep; then, where there is a fault, nothing more. */
export interface Passed {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly fault: EventFault | null;
}

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/**
 * Splits the bytes of an event stream (WHATWG HTML, "Server-sent events") and lets each event be edited. Each byte is looked at
 * once, as it comes, so that it makes no difference where one chunk ends. What stands outside an event passes with its
 * line, an event with the blank line that ends it; all but edited events byte for byte.
 */
export class EventFilter {
  readonly #edit: EventEdit;
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

  /** @param maxEventBytes of what is held of one event */
  constructor(edit: EventEdit, unreadable: Unreadable, maxEventBytes: number) {
    this.#edit = edit;
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
    const filtered = this.#isPassing ? ok(event) : this.#edit(event);
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
