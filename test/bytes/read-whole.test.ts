import { expect, test } from "vitest";
import { readWhole } from "../../src/bytes/read-whole.ts";
import { utf8 } from "../../src/encoding.ts";
import { fail, ok } from "../../src/result.ts";
import { brokenAfter, handFed, streamOf } from "../support/streams.ts";

const CAP = 10_000;
const PATIENT = 60_000;
const read = (stream: ReadableStream<Uint8Array>, deadline = PATIENT) => readWhole(stream, CAP, deadline);
const octets = (size: number) => Uint8Array.from({ length: size }, (_, i) => i % 251);

test.each<[string, Uint8Array[]]>([
  ["nothing", []],
  ["one chunk, as much as may be held", [octets(CAP)]],
  ["octet by octet", Array.from(octets(CAP), (octet) => Uint8Array.of(octet))],
])("%s: the octets that came", async (_, chunks) => {
  expect(await read(streamOf(...chunks))).toEqual(ok(Uint8Array.from(chunks.flatMap((chunk) => [...chunk]))));
});

test("one octet more than may be held: the rest is not waited for, and the sender is told", async () => {
  const fed = handFed();
  fed.push(octets(CAP));
  fed.push(utf8("x"));
  expect(await read(fed.body)).toEqual(fail("too_large"));
  await fed.cancelled;
});

test("too slow: the sender is told", async () => {
  const fed = handFed();
  fed.push(utf8("x"));
  expect(await read(fed.body, 5)).toEqual(fail("timeout"));
  await fed.cancelled;
});

test("stopped by us: the sender is told", async () => {
  const fed = handFed();
  fed.push(utf8("x"));
  const stop = new AbortController();
  const reading = readWhole(fed.body, CAP, PATIENT, stop.signal);
  stop.abort();
  expect(await reading).toEqual(fail("stopped"));
  await fed.cancelled;
});

test.each([
  ["at once", []],
  ["later", [utf8("whole")]],
])("broken off %s", async (_, chunks) => {
  expect(await read(brokenAfter(...chunks))).toEqual(fail("broken"));
});

test("what is found in a chunk ends the reading, and the sender is told", async () => {
  const fed = handFed();
  for (const text of ["good", "bad", "more"]) fed.push(utf8(text));
  const seen: number[] = [];
  const inspect = (chunk: Uint8Array) => {
    seen.push(chunk.length);
    return chunk.length === 3 ? ("found" as const) : null;
  };
  expect(await readWhole(fed.body, CAP, PATIENT, undefined, inspect)).toEqual(fail("found"));
  expect(seen).toEqual([4, 3]);
  await fed.cancelled;
});

test("a bug in the inspection is not taken for a sender that breaks off", async () => {
  const inspect = () => {
    throw new RangeError("bug");
  };
  await expect(readWhole(streamOf(utf8("x")), CAP, PATIENT, undefined, inspect)).rejects.toThrow(RangeError);
});

test("with as many octets as there will be, the end is not waited for", async () => {
  const fed = handFed();
  fed.push(utf8("abc"));
  fed.push(utf8("def"));
  expect(await readWhole(fed.body, CAP, PATIENT, undefined, undefined, 6)).toEqual(ok(utf8("abcdef")));
});

test.each([
  ["fewer octets than there would be", 9],
  ["more octets than there would be", 5],
])("%s: what came, at its end", async (_, length) => {
  expect(
    await readWhole(streamOf(utf8("abc"), utf8("def")), CAP, PATIENT, undefined, undefined, length),
  ).toEqual(ok(utf8("abcdef")));
});

test.each([0, 5, 70_000])(
  "a byte stream with more octets than the %i there would be: all of them",
  async (length) => {
    const body = octets(length + 70_000);
    const stream = new Response(body).body ?? streamOf();
    expect(await readWhole(stream, body.length, PATIENT, undefined, undefined, length)).toEqual(ok(body));
  },
);

test.each([
  ["of a native stream", (body: Uint8Array<ArrayBuffer>) => new Response(body).body ?? streamOf()],
  ["of a byte stream of somebody's own", byteStreamOf],
])("fewer octets than there would be, %s: all that came", async (_, streamFor) => {
  for (const size of [0, 1, 65_536, 65_537, 200_000]) {
    const body = octets(size);
    const read = await readWhole(streamFor(body), 300_000, PATIENT, undefined, undefined, 300_000);
    expect(read).toEqual(ok(body));
  }
});

test("what is shown while it comes is what is held in the end", async () => {
  const body = octets(300_000);
  const seen: number[] = [];
  const inspect = (chunk: Uint8Array) => {
    seen.push(...chunk);
    return null;
  };
  const stream = new Response(body).body ?? streamOf();
  expect(await readWhole(stream, body.length, PATIENT, undefined, inspect, body.length)).toEqual(ok(body));
  expect(Uint8Array.from(seen)).toEqual(body);
});

test("a length that is only claimed takes no more room than what has come, twice", async () => {
  const rooms: number[] = [];
  const stream = byteStreamOf(octets(150_000), (room) => rooms.push(room));
  await readWhole(stream, 1_000_000, PATIENT, undefined, undefined, 1_000_000);
  expect(Math.max(...rooms)).toBeLessThanOrEqual(300_000);
  expect(rooms[0]).toBeLessThanOrEqual(65_537);
});

/** @param see is shown how large the buffers are that it is to fill */
function byteStreamOf(body: Uint8Array, see: (room: number) => void = () => {}): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    type: "bytes",
    pull(controller) {
      const request = controller.byobRequest;
      const view = request?.view;
      if (!request || !view) throw new Error("nobody reads it into a buffer");
      see(view.buffer.byteLength);
      const piece = body.subarray(at, at + Math.min(view.byteLength, 50_000));
      if (piece.length === 0) controller.close();
      new Uint8Array(view.buffer, view.byteOffset).set(piece);
      request.respond(piece.length);
      at += piece.length;
    },
  });
}
