import { describe, expect, test } from "vitest";
import { utf8 } from "../../src/encoding.ts";
import { readBody } from "../../src/mcp/body.ts";
import { brokenAfter, handFed, streamOf } from "../support/streams.ts";

const CAP = 10;
const PATIENT = 60_000;
const octets = (n: number) => new Uint8Array(n).fill(0x61);

const read = (body: ReadableStream<Uint8Array> | null, contentLength?: string, deadline = PATIENT) =>
  readBody(
    body,
    new Map(contentLength === undefined ? [] : [["content-length", contentLength]]),
    CAP,
    deadline,
  );

const size = async (result: ReturnType<typeof read>) => {
  const read = await result;
  return read.ok ? read.value.length : read.error;
};

describe("size", () => {
  test.each<[string, () => ReadableStream<Uint8Array> | null, string | undefined, number | string]>([
    ["no body", () => null, undefined, 0],
    ["an empty body", () => streamOf(), "0", 0],
    ["as much as may be", () => streamOf(octets(CAP)), "10", CAP],
    ["one octet more", () => streamOf(octets(CAP + 1)), "11", "message.too_large"],
    ["chunked, as much as may be", () => streamOf(octets(4), octets(6)), undefined, CAP],
    [
      "chunked, one octet more",
      () => streamOf(octets(4), octets(6), octets(1)),
      undefined,
      "message.too_large",
    ],
    ["one chunk far beyond", () => streamOf(octets(1000)), undefined, "message.too_large"],
    ["more than it announces", () => streamOf(octets(CAP + 1)), "1", "message.too_large"],
    ["less than it announces", () => streamOf(octets(3)), "9", 3],
    ["announced beyond the cap", () => streamOf(octets(1)), "11", "message.too_large"],
    ["announced beyond the cap, in another notation", () => streamOf(octets(1)), "1e2", "message.too_large"],
    ["announced without end", () => streamOf(octets(1)), "Infinity", "message.too_large"],
    ["announced as nonsense", () => streamOf(octets(CAP + 1)), "x", "message.too_large"],
    ["announced twice", () => streamOf(octets(CAP + 1)), "1, 1", "message.too_large"],
    ["announced as less than nothing", () => streamOf(octets(CAP + 1)), "-1", "message.too_large"],
    ["announced, but there is none", () => null, "11", "message.too_large"],
    ["empty chunks", () => streamOf(octets(0), octets(1), octets(0)), undefined, 1],
  ])("%s", async (_, body, contentLength, expected) => {
    expect(await size(read(body(), contentLength))).toBe(expected);
  });

  test("a body that never ends is not read on", async () => {
    const fed = handFed();
    fed.push(octets(CAP));
    fed.push(octets(1));
    expect(await size(read(fed.body))).toBe("message.too_large");
    await fed.cancelled;
  });

  test("what is announced too large is not touched", async () => {
    const fed = handFed();
    expect(await size(read(fed.body, "11"))).toBe("message.too_large");
    expect(fed.body.locked).toBe(false);
  });
});

describe("time", () => {
  test("a body that does not come", async () => {
    const fed = handFed();
    expect(await size(read(fed.body, undefined, 5))).toBe("message.body_timeout");
    await fed.cancelled;
  });

  test("a body that stops coming", async () => {
    const fed = handFed();
    fed.push(octets(1));
    expect(await size(read(fed.body, "2", 5))).toBe("message.body_timeout");
    await fed.cancelled;
  });

  test("the deadline is for the whole body: drops do not put it off", async () => {
    const fed = handFed();
    const drops = setInterval(() => fed.push(octets(0)), 1);
    try {
      expect(await size(read(fed.body, undefined, 20))).toBe("message.body_timeout");
    } finally {
      clearInterval(drops);
    }
  });
});

describe("a body that breaks off", () => {
  test.each([
    ["at once", () => brokenAfter()],
    ["later", () => brokenAfter(octets(1), octets(2))],
  ])("%s", async (_, body) => {
    expect(await size(read(body()))).toBe("message.body_broken");
  });
});

test("the octets are those that came, in their order", async () => {
  const result = await read(streamOf(utf8("ab"), utf8("c"), utf8("\u00e9")));
  expect(result).toEqual({ ok: true, value: utf8("abc\u00e9") });
});
