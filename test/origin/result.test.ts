import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { utf8 } from "../../src/encoding.ts";
import { MAX_RESULT_BYTES } from "../../src/limits.ts";
import { type CallResult, resultReader } from "../../src/origin/result.ts";

const JSON_TYPE = "application/json";
const SSE = "text/event-stream";
const DONE = { content: [{ type: "text", text: "done" }] };
const FAILED = { ...DONE, isError: true };
const ERROR = { code: -32000, message: "no" };

const response = (members: object, id: string | number = 1): string =>
  JSON.stringify({ jsonrpc: "2.0", id, ...members });
const done = (more: object = {}) => response({ result: { ...DONE, ...more } });

interface Way {
  readonly type?: string;
  readonly status?: number;
  readonly coding?: string;
  readonly id?: string | number;
  readonly isWhole?: boolean;
  /** Bytes of one chunk. */
  readonly size?: number;
}

/** What is read of an answer. */
function read(body: string | Uint8Array, way: Way = {}): CallResult | null {
  const { type = JSON_TYPE, status = 200, coding, id = 1, isWhole = true, size = 7 } = way;
  const headers = new Headers({ "content-type": type, ...(coding && { "content-encoding": coding }) });
  const reader = resultReader({ status, headers }, id);
  if (reader === null) return null;
  const bytes = typeof body === "string" ? utf8(body) : body;
  for (let at = 0; at < bytes.length; at += size) reader.push(bytes.slice(at, at + size));
  return reader.end(isWhole);
}

const event = (data: string, type?: string): string =>
  `${type === undefined ? "" : `event: ${type}\n`}data: ${data}\n\n`;

const EXECUTED = { status: "executed", result: DONE };

/** Both ways in which the same response can come. */
const ways: readonly [string, (text: string) => CallResult | null][] = [
  ["as a body", (text) => read(text)],
  ["as an event", (text) => read(event(text), { type: SSE })],
];

describe.each(ways)("a response %s", (_, readOf) => {
  test.each<[string, string, CallResult]>([
    ["a result", done(), { status: "executed", result: DONE }],
    [
      "one that says so",
      done({ isError: false, resultType: "complete" }),
      {
        status: "executed",
        result: { ...DONE, isError: false, resultType: "complete" },
      },
    ],
    ["an empty result", response({ result: {} }), { status: "executed", result: {} }],
    [
      "a result of the tool's own failure",
      response({ result: FAILED }),
      { status: "errored", result: FAILED },
    ],
    ["a JSON-RPC error", response({ error: ERROR }), { status: "errored", result: ERROR }],
  ])("%s", (_, text, expected) => expect(readOf(text)).toEqual(expected));

  test.each<[string, string, CallResult["status"]]>([
    ["a fraction", done({ structuredContent: { price: 1.5 } }), "executed"],
    ["an integer written as a fraction", '{"jsonrpc":"2.0","id":1,"result":{"n":1.0}}', "executed"],
    [
      "an unsafe integer",
      '{"jsonrpc":"2.0","id":1,"result":{"isError":true,"n":9007199254740993}}',
      "errored",
    ],
    ["a name twice", '{"jsonrpc":"2.0","id":1,"result":{"content":[],"n":{"a":1,"a":2}}}', "executed"],
    ["half a surrogate pair", '{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"\\ud800"}}', "errored"],
    ["brackets too deep", done({ n: JSON.parse("[".repeat(70) + "]".repeat(70)) }), "executed"],
  ])("%s: how it ended, but no result to commit to", (_, text, status) =>
    expect(readOf(text)).toEqual({ status, result: null }),
  );

  test("what is outside the result does not matter", () => {
    const text = '{"x":1.5,"x":2,"jsonrpc":"2.0","id":1,"result":{"content":[]}}';
    expect(readOf(text)).toEqual({ status: "executed", result: { content: [] } });
  });

  test.each([
    ["input is asked for", done({ resultType: "input_required" })],
    ["it goes on as a task", done({ resultType: "task" })],
    [
      "it goes on as a task of 2025-11-25",
      response({ result: { task: { taskId: "t", status: "working" } } }),
    ],
    ["a failure that asks for input", done({ isError: true, resultType: "input_required" })],
    ["isError is no boolean", done({ isError: "true" })],
    ["isError is null", done({ isError: null })],
    ["resultType is no string", done({ resultType: ["complete"] })],
    ["isError twice", '{"jsonrpc":"2.0","id":1,"result":{"isError":true,"isError":false}}'],
    [
      "isError twice, once escaped",
      '{"jsonrpc":"2.0","id":1,"result":{"isError":true,"isErro\\u0072":false}}',
    ],
    ["isError in another case", done({ iserror: true })],
    ["result twice", '{"jsonrpc":"2.0","id":1,"result":{"isError":true},"result":{}}'],
    ["result and error", response({ result: DONE, error: ERROR })],
    ["neither", response({})],
    ["a result that is no object", response({ result: "done" })],
    ["an error that is no object", response({ error: "no" })],
    ["an id twice", '{"jsonrpc":"2.0","id":2,"id":1,"result":{}}'],
    ["another id", response({ result: DONE }, 2)],
    ["an id of another type", response({ result: DONE }, "1")],
    ["no id", '{"jsonrpc":"2.0","result":{}}'],
    ["an id that is null", '{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""}}'],
    ["a request of the origin with the same id", response({ method: "sampling/createMessage", params: {} })],
    ["another protocol", '{"jsonrpc":"1.0","id":1,"result":{}}'],
    ["several messages", `[${done()}]`],
    ["more values than are read", done({ n: Array.from({ length: 100_001 }, () => 0) })],
    ["no JSON", "done"],
    ["nothing", ""],
    ["a part", done().slice(0, -1)],
  ])("nothing is said where %s", (_, text) => expect(readOf(text)).toBeNull());
});

describe("a body", () => {
  test("with a byte order mark", () => expect(read(`\uFEFF${done()}`)).toEqual(EXECUTED));

  test("that is not UTF-8: how it ended, but no result", () => {
    const bytes = utf8(done());
    bytes[bytes.indexOf(0x64, 50)] = 0xff;
    expect(read(bytes)).toEqual({ status: "executed", result: null });
  });

  test("that was cut off, though it seems whole", () => expect(read(done(), { isWhole: false })).toBeNull());

  test.each<[string, Way]>([
    ["coded", { coding: "gzip" }],
    ["of another type", { type: "text/html" }],
    ["beside a mere acknowledgement", { status: 202 }],
  ])("%s", (_, way) => expect(read(done(), way)).toBeNull());

  test("beside an error of HTTP: its error counts, a result does not", () => {
    expect(read(response({ error: ERROR }), { status: 500 })).toEqual({ status: "errored", result: ERROR });
    expect(read(done(), { status: 500 })).toBeNull();
    expect(read("<h1>Bad gateway</h1>", { status: 502, type: "text/html" })).toBeNull();
  });

  test("of the largest size that is held, and larger", () => {
    const fill = (size: number) => done().replace("done", "x".repeat(size - done().length + 4));
    expect(read(fill(MAX_RESULT_BYTES), { size: 60_000 })?.status).toBe("executed");
    expect(read(fill(MAX_RESULT_BYTES + 1), { size: 60_000 })).toBeNull();
    // What comes behind the limit is not taken for an answer of its own.
    expect(read("x".repeat(MAX_RESULT_BYTES) + done(), { size: MAX_RESULT_BYTES })).toBeNull();
  });
});

describe("a stream", () => {
  const progress = '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":0.5}}';
  const stream = (...events: readonly string[]) => read(events.join(""), { type: `${SSE}; charset=utf-8` });

  test("the response comes after notifications, requests, comments and others' responses", () => {
    const ask = response({ method: "sampling/createMessage", params: {} });
    const other = response({ result: FAILED }, 2);
    expect(
      stream(": hi\n\n", event(""), event(progress), event("{"), event(ask), event(other), event(done())),
    ).toEqual(EXECUTED);
  });

  test("wherever it is cut, and however its lines end", () => {
    const text = `\uFEFFid: 1\n\n${event(progress)}data: ${done().slice(0, 17)}\ndata: ${done().slice(17)}\n\n`;
    fc.assert(
      fc.property(fc.constantFrom("\n", "\r", "\r\n"), fc.integer({ min: 1, max: 300 }), (ending, size) => {
        const body = text.replaceAll("\n", ending);
        expect(read(body, { type: SSE, size })).toEqual(EXECUTED);
      }),
    );
  });

  test("however many lines its data has, and whatever stands between them", () => {
    const pretty = JSON.stringify(JSON.parse(done()), null, 1).split("\n");
    expect(pretty.length).toBeGreaterThan(10);
    const lines = pretty.flatMap((line, i) => [
      `data:${i % 2 === 0 ? " " : ""}${line}`,
      ": no",
      "id: 1",
      "data2: {",
    ]);
    expect(stream("event: x\nevent: message\n", ...lines.map((line) => `${line}\n`), "\n")).toEqual(EXECUTED);
    expect(stream(...lines.map((line) => `${line}\n\n`))).toBeNull();
  });

  test("it counts though the stream is cut off behind it, or goes on", () => {
    expect(read(event(done()), { type: SSE, isWhole: false })).toEqual(EXECUTED);
    expect(stream(event(done()), event(progress))).toEqual(EXECUTED);
  });

  test("the first response counts, clear or not", () => {
    expect(stream(event(done()), event(response({ error: ERROR })))).toEqual(EXECUTED);
    expect(stream(event(done({ isError: 1 })), event(done()))).toBeNull();
  });

  test.each([
    ["without its blank line", event(done()).slice(0, -1)],
    ["of another kind", event(done(), "endpoint")],
    ["as a comment", `: ${done()}\n\n`],
    ["in another field", `dat: ${done()}\n\n`],
    ["that never comes", event(progress)],
  ])("nothing is said of a response %s", (_, text) => expect(stream(text)).toBeNull());

  test("of the kind that clients read", () => expect(stream(event(done(), "message"))).toEqual(EXECUTED));

  test("an event too large to be held is not read, those behind it are", () => {
    const large = event(response({ result: { content: "x".repeat(MAX_RESULT_BYTES) } }));
    expect(read(large, { type: SSE, size: 60_000 })).toBeNull();
    expect(read(large + event(done()), { type: SSE, size: 60_000 })).toEqual(EXECUTED);
  });

  test("beside an error of HTTP nobody reads events", () => {
    expect(read(event(done()), { type: SSE, status: 500 })).toBeNull();
    expect(read(event(done()), { type: SSE, status: 202 })).toBeNull();
  });
});
