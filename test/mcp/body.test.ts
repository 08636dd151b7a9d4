import { describe, expect, test } from "vitest";
import { utf8 } from "../../src/encoding.ts";
import { readBody, readJsonBody } from "../../src/mcp/body.ts";
import type { Reason } from "../../src/reasons.ts";
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

describe("a JSON body", () => {
  const readJson = (body: ReadableStream<Uint8Array> | null) =>
    readJsonBody(body, new Map(), 1_000_000, PATIENT);
  /** Octet by octet; a long body in a thousand pieces. */
  const inPieces = (body: Uint8Array) => {
    const size = Math.ceil(body.length / 1000);
    const count = Math.ceil(body.length / size) || 0;
    return streamOf(...Array.from({ length: count }, (_, i) => body.subarray(i * size, (i + 1) * size)));
  };

  const request = (members: string) => `{"jsonrpc":"2.0","id":1,${members}}`;
  const refused: [string, string | number[], Reason][] = [
    ["nothing", "", "message.empty"],
    ["white space", " \n", "message.not_json"],
    ["half of it", '{"jsonrpc":"2.0"', "message.not_json"],
    ["two messages", `${request('"method":"ping"')}${request('"method":"ping"')}`, "message.not_json"],
    ["a comment", request('"method":"ping"/**/'), "message.not_json"],
    ["a line feed in a string", '"a\nb"', "message.not_json"],
    ["a member twice", request('"method":"ping","method":"tools/call"'), "message.duplicate_key"],
    [
      "a member twice, escaped",
      request('"method":"ping","m\\u0065thod":"tools/call"'),
      "message.duplicate_key",
    ],
    ["an argument twice", '{"params":{"arguments":{"x":{"y":1,"y":2}}}}', "message.duplicate_key"],
    ["an unsafe id", '{"jsonrpc":"2.0","id":9007199254740993,"method":"ping"}', "message.number"],
    ["a negative zero", '{"jsonrpc":"2.0","id":-0,"method":"ping"}', "message.number"],
    ["a lone surrogate", '{"x":"\\udc00"}', "message.lone_surrogate"],
    ["65 levels", "[".repeat(65) + "]".repeat(65), "message.too_deep"],
    ["too many values", `[${"0,".repeat(100_000)}0]`, "message.too_many_values"],
    ["a byte order mark", [0xef, 0xbb, 0xbf, 0x7b, 0x7d], "message.not_utf8"],
    ["an octet that is never in UTF-8", [0x22, 0xff, 0x22], "message.not_utf8"],
    ["half a character in the end", [0x22, 0xe2, 0x82], "message.not_utf8"],
  ];
  test.each(refused)("%s, at once and in pieces", async (_, body, reason) => {
    const bytes = typeof body === "string" ? utf8(body) : Uint8Array.from(body);
    expect(await readJson(streamOf(bytes))).toEqual({ ok: false, error: reason });
    expect(await readJson(inPieces(bytes))).toEqual({ ok: false, error: reason });
  });

  test("no body is an empty one", async () => {
    expect(await readJson(null)).toEqual({ ok: false, error: "message.empty" });
  });

  test("octets, text and value are what came, wherever it was cut", async () => {
    const text = ' {"a":[1.5,true,"\u00e9\ud83d\ude00\\ud83d\\ude00\ufeff"],"__proto__":{}} ';
    const expected = { ok: true, value: { bytes: utf8(text), text, json: JSON.parse(text) } };
    expect(await readJson(streamOf(utf8(text)))).toEqual(expected);
    expect(await readJson(inPieces(utf8(text)))).toEqual(expected);
  });

  test.each<[string, string, Reason]>([
    ["a web page", "<", "message.not_json"],
    ["a form", "a=", "message.not_json"],
    ["a second value", "{} {", "message.not_json"],
    ["an unsafe integer", "[9007199254740993,", "message.number"],
    ["65 levels", "[".repeat(65), "message.too_deep"],
    ["too many values", `[${"0,".repeat(100_001)}`, "message.too_many_values"],
  ])("%s is refused while the rest is still coming, and the sender is told", async (_, text, reason) => {
    const fed = handFed();
    fed.push(utf8(text));
    expect(await readJson(fed.body)).toEqual({ ok: false, error: reason });
    await fed.cancelled;
  });

  test("so is what is not UTF-8", async () => {
    const fed = handFed();
    fed.push(Uint8Array.of(0x22, 0xc3));
    fed.push(Uint8Array.of(0x22));
    expect(await readJson(fed.body)).toEqual({ ok: false, error: "message.not_utf8" });
    await fed.cancelled;
  });
});
