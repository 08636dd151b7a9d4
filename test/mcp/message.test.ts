import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseStrictJson } from "../../src/json/strict-json.ts";
import { MAX_TOOL_NAME_LENGTH } from "../../src/limits.ts";
import { parseMessage } from "../../src/mcp/message.ts";
import { REASONS, type Reason } from "../../src/reasons.ts";
import { unwrap } from "../support/acme.ts";

const reached = new Set<Reason>();

const parse = (text: string) => parseMessage(unwrap(parseStrictJson(text)));

/** The kind of a message, or its fault. */
function judge(text: string): string {
  const parsed = parse(text);
  if (parsed.ok) return parsed.value.kind;
  reached.add(parsed.error.reason);
  return parsed.error.reason;
}

const request = (members: string) => `{"jsonrpc":"2.0","id":1,${members}}`;
const toolCall = (params: string) => request(`"method":"tools/call","params":${params}`);

describe("the envelope", () => {
  test.each<[string, string, string]>([
    ["a request", request('"method":"ping"'), "request"],
    ["a string id", '{"jsonrpc":"2.0","id":"","method":"ping"}', "request"],
    ["id 0", '{"jsonrpc":"2.0","id":0,"method":"ping"}', "request"],
    ["a negative id", '{"jsonrpc":"2.0","id":-1,"method":"ping"}', "request"],
    ["a notification", '{"jsonrpc":"2.0","method":"notifications/initialized"}', "notification"],
    ["a result", '{"jsonrpc":"2.0","id":1,"result":{}}', "response"],
    ["an empty result", '{"jsonrpc":"2.0","id":1,"result":null}', "response"],
    ["an error", '{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}', "response"],
    ["further members", request('"method":"ping","x":1'), "request"],

    ["an empty batch", "[]", "message.batch"],
    ["a batch of one", `[${request('"method":"ping"')}]`, "message.batch"],
    ["a batch of calls", `[${toolCall('{"name":"a"}')},${toolCall('{"name":"b"}')}]`, "message.batch"],
    ["a batch in a batch", "[[]]", "message.batch"],
    ["null", "null", "message.not_jsonrpc"],
    ["a string", '"x"', "message.not_jsonrpc"],
    ["a number", "1", "message.not_jsonrpc"],
    ["true", "true", "message.not_jsonrpc"],
    ["an empty object", "{}", "message.not_jsonrpc"],
    ["no jsonrpc", '{"id":1,"method":"ping"}', "message.not_jsonrpc"],
    ["jsonrpc 1.0", '{"jsonrpc":"1.0","id":1,"method":"ping"}', "message.not_jsonrpc"],
    ["jsonrpc 2", '{"jsonrpc":2,"id":1,"method":"ping"}', "message.not_jsonrpc"],
    ["jsonrpc null", '{"jsonrpc":null,"id":1,"method":"ping"}', "message.not_jsonrpc"],
    ["jsonrpc with a space", '{"jsonrpc":"2.0 ","id":1,"method":"ping"}', "message.not_jsonrpc"],
    ["id null", '{"jsonrpc":"2.0","id":null,"method":"ping"}', "message.not_jsonrpc"],
    ["id a fraction", '{"jsonrpc":"2.0","id":1.5,"method":"ping"}', "message.not_jsonrpc"],
    ["id true", '{"jsonrpc":"2.0","id":true,"method":"ping"}', "message.not_jsonrpc"],
    ["id an object", '{"jsonrpc":"2.0","id":{},"method":"ping"}', "message.not_jsonrpc"],
    ["id a list", '{"jsonrpc":"2.0","id":[1],"method":"ping"}', "message.not_jsonrpc"],
    [
      "a tool call with id null",
      '{"jsonrpc":"2.0","id":null,"method":"tools/call","params":{"name":"a"}}',
      "message.not_jsonrpc",
    ],
    ["no method", '{"jsonrpc":"2.0","id":1}', "message.not_jsonrpc"],
    ["method null", request('"method":null'), "message.not_jsonrpc"],
    ["method a number", request('"method":1'), "message.not_jsonrpc"],
    ["method a list", request('"method":["tools/call"]'), "message.not_jsonrpc"],
    ["method and result", request('"method":"ping","result":{}'), "message.not_jsonrpc"],
    [
      "method and error",
      request('"method":"tools/call","params":{"name":"a"},"error":{}'),
      "message.not_jsonrpc",
    ],
    ["method null and result", request('"method":null,"result":{}'), "message.not_jsonrpc"],
    ["result and error", request('"result":{},"error":{"code":1,"message":"x"}'), "message.not_jsonrpc"],
    ["a result without id", '{"jsonrpc":"2.0","result":{}}', "message.not_jsonrpc"],
    ["a result with id null", '{"jsonrpc":"2.0","id":null,"result":{}}', "message.not_jsonrpc"],
    ["an error with id null", '{"jsonrpc":"2.0","id":null,"error":{}}', "message.not_jsonrpc"],
  ])("%s", (_, text, expected) => {
    expect(judge(text)).toBe(expected);
  });
});

describe("params", () => {
  test.each<[string, string, string]>([
    ["a list", request('"method":"ping","params":[]'), "message.params"],
    ["null", request('"method":"ping","params":null'), "message.params"],
    ["a string", request('"method":"ping","params":"x"'), "message.params"],
    ["_meta null", request('"method":"ping","params":{"_meta":null}'), "message.params"],
    ["_meta a list", request('"method":"ping","params":{"_meta":[]}'), "message.params"],
    ["_meta a string", request('"method":"ping","params":{"_meta":"x"}'), "message.params"],
    ["of a notification, a list", '{"jsonrpc":"2.0","method":"x","params":[]}', "message.params"],
    ["arguments null", toolCall('{"name":"a","arguments":null}'), "message.params"],
    ["arguments a list", toolCall('{"name":"a","arguments":[]}'), "message.params"],
    ["arguments a string", toolCall('{"name":"a","arguments":"{}"}'), "message.params"],
    [
      "arguments of another method",
      request('"method":"prompts/get","params":{"name":"a","arguments":null}'),
      "request",
    ],
  ])("%s", (_, text, expected) => {
    expect(judge(text)).toBe(expected);
  });
});

describe("tool names", () => {
  test.each<[string, string]>([
    ["missing", "{}"],
    ["null", '{"name":null}'],
    ["a number", '{"name":1}'],
    ["a list", '{"name":["a"]}'],
    ["an object", '{"name":{}}'],
    ["empty", '{"name":""}'],
    ["a space", '{"name":" "}'],
    ["a space inside", '{"name":"a b"}'],
    ["a space at its end", '{"name":"a "}'],
    ["a line feed at its end", '{"name":"a\\n"}'],
    ["a NUL", '{"name":"a\\u0000"}'],
    ["DEL", '{"name":"a\\u007f"}'],
    ["not ASCII", '{"name":"é"}'],
    ["a right-to-left mark", '{"name":"a\\u200f"}'],
    ["one character too many", `{"name":"${"a".repeat(MAX_TOOL_NAME_LENGTH + 1)}"}`],
  ])("refused: %s", (_, params) => {
    expect(judge(toolCall(params))).toBe("message.tool_name");
  });

  test("no params at all", () => {
    expect(judge(request('"method":"tools/call"'))).toBe("message.tool_name");
  });

  test.each([
    "a",
    "get_weather",
    "a.b/c:d",
    "{tool}",
    "$&",
    "*",
    "__proto__",
    "a".repeat(MAX_TOOL_NAME_LENGTH),
  ])("taken: %s", (name) => {
    expect(unwrap(parse(toolCall(`{"name":"${name}"}`)))).toMatchObject({
      tool: { name, arguments: {} },
    });
  });

  test.each([
    "tools/call",
    "resources/read",
    "tasks/cancel",
    "server/discover",
    "x/custom",
    "Notifications/x",
  ])("%s without an id is no notification", (method) => {
    const body = `{"jsonrpc":"2.0","method":"${method}","params":{"name":"a"}}`;
    expect(judge(body)).toBe("message.request_without_id");
  });

  test.each(["Tools/call", "tools/Call", "tools/call ", "tools/list", "tools//call", "TOOLS/CALL"])(
    "%s has no tool",
    (method) => {
      expect(unwrap(parse(request(`"method":"${method}","params":{"name":"a"}`)))).toMatchObject({
        kind: "request",
        method,
        tool: null,
      });
    },
  );
});

describe("names that differ in case alone", () => {
  test.each<[string, string]>([
    ["Method beside method", request('"method":"ping","Method":"tools/call"')],
    ["Method alone", request('"Method":"tools/call"')],
    ["PARAMS", request('"method":"tools/call","params":{"name":"a"},"PARAMS":{"name":"b"}')],
    ["ID", request('"method":"ping","ID":2')],
    ["JSONRPC", request('"method":"ping","JSONRPC":"2.0"')],
    ["Result", request('"method":"ping","Result":{}')],
    ["Error", request('"method":"ping","Error":{}')],
    ["Id on a response", '{"jsonrpc":"2.0","id":1,"Id":2,"result":{}}'],
    ["Name", toolCall('{"name":"a","Name":"b"}')],
    ["Arguments", toolCall('{"name":"a","Arguments":{}}')],
    ["_Meta", request('"method":"ping","params":{"_Meta":{}}')],
    ["Name in a notification", '{"jsonrpc":"2.0","method":"x","params":{"Name":"b"}}'],
    [
      "the long s, which folds to s",
      request('"method":"tools/call","params":{"name":"a"},"param\u017f":{"name":"b"}'),
    ],
    ["the long s, escaped", toolCall('{"name":"a","arguments":{},"argument\\u017f":{"x":1}}')],
    ["a NUL, where C ends a text", toolCall('{"name\\u0000":"b","name":"a"}')],
    ["inputresponses", toolCall('{"name":"a","inputresponses":{}}')],
    ["InputResponses beside it", toolCall('{"name":"a","inputResponses":{},"InputResponses":{}}')],
    ["requestState with a NUL", toolCall('{"name":"a","requestState\\u0000":"s"}')],
    ["requeststate with the long s", toolCall('{"name":"a","reque\u017ftState":"s"}')],
    ["the long s in jsonrpc", request('"method":"ping","j\u017fonrpc":"2.0"')],
  ])("%s", (_, text) => {
    expect(judge(text)).toBe("message.case_variant");
  });

  test("inputResponses and requestState themselves", () => {
    expect(judge(toolCall('{"name":"a","inputResponses":{},"requestState":"s"}'))).toBe("request");
  });

  test("arguments are the tool's business", () => {
    expect(judge(toolCall('{"name":"a","arguments":{"Name":1,"METHOD":2,"name":3}}'))).toBe("request");
  });
});

describe("the id an answer must carry", () => {
  test.each<[string, string, string | number | null]>([
    ["a number", toolCall("[]"), 1],
    ["a string", '{"jsonrpc":"2.0","id":"a","method":1}', "a"],
    ["beside a case variant", request('"Method":"x"'), 1],
    ["that is no id", '{"jsonrpc":"2.0","id":{},"method":"ping"}', null],
    ["of a batch", `[${request('"method":"ping"')}]`, null],
  ])("%s", (_, text, id) => {
    expect(parse(text)).toMatchObject({ ok: false, error: { id } });
  });
});

test("what is read is what was sent", () => {
  const text = toolCall('{"name":"a","arguments":{"x":[1]},"_meta":{"y":null},"__proto__":{"name":"b"}}');
  expect(unwrap(parse(text))).toEqual({
    kind: "request",
    id: 1,
    method: "tools/call",
    params: JSON.parse(text).params,
    tool: { name: "a", arguments: { x: [1] } },
  });
});

test("no value is a bug", () => {
  const value = fc.oneof(
    fc.jsonValue(),
    fc.record({
      jsonrpc: fc.constant("2.0"),
      id: fc.jsonValue(),
      method: fc.string(),
      params: fc.jsonValue(),
    }),
  );
  fc.assert(fc.property(value, (json) => void parseMessage(JSON.parse(JSON.stringify(json)))));
});

test("every reason that parsing can give has a case", () => {
  // Given by the body reader, the JSON reader, the headers and the action.
  const elsewhere =
    /^message\.(http_method|content_type|content_encoding|too_large|body_|not_utf8|unexpected_body|empty|not_json$|duplicate_key|number|lone_surrogate|too_deep|too_many_values|method_unknown|tool_name_reserved|header_)/;
  const own = Object.keys(REASONS).filter((code) => code.startsWith("message.") && !elsewhere.test(code));
  expect(own.filter((code) => !reached.has(code as Reason))).toEqual([]);
});
