import fc from "fast-check";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { fromUtf8, utf8 } from "../../src/encoding.ts";
import { type JsonValue, parseStrictJson } from "../../src/json/strict-json.ts";
import { MAX_JSON_DEPTH, MAX_JSON_VALUES, MAX_REDACTED_BYTES } from "../../src/limits.ts";
import { redactResponse } from "../../src/redaction/response.ts";
import { redactionPolicy, redaction as schema, strictestOf } from "../../src/tenant/schema/redaction.ts";

type Document = v.InferInput<typeof schema>;
const policy = (document: Document = {}) => redactionPolicy(v.parse(schema, document));

const KEY = ["AKIA", "IOSFODNN7EXAMPLE"].join("");
const CUT = "[redacted: aws-access-key]";
const FIELD = "[redacted: field]";

const write = (message: unknown) => utf8(typeof message === "string" ? message : JSON.stringify(message));
const response = (result: unknown) => ({ jsonrpc: "2.0", id: 1, result });

/** What is shown of a message; the fault where it is withheld. */
function shown(message: unknown, document: Document = {}, id: string | number = 1): JsonValue {
  const redacted = redactResponse(write(message), id, policy(document));
  if (!redacted.ok) return redacted.error;
  const parsed = parseStrictJson(fromUtf8(redacted.value) ?? "");
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
}
const result = (of: unknown, document: Document = {}) =>
  (shown(response(of), document) as unknown as { result: unknown }).result;
const text = (of: string, document: Document = {}) =>
  (result({ content: [{ type: "text", text: of }] }, document) as { content: { text: string }[] }).content[0]
    ?.text;

describe("where secrets are", () => {
  test("nothing to cut out: the very same bytes", () => {
    const bytes = write(
      '{ "jsonrpc":"2.0", "id":1, "result":{"content":[{"type":"text","text":"\\u0061 1.0"}], "n": 1.0} }',
    );
    const redacted = redactResponse(bytes, 1, policy({ fields: ["password"] }));
    expect(redacted.ok && redacted.value).toBe(bytes);
  });

  test("in texts, structured content, names, numbers, meta, and what nobody knows", () => {
    expect(
      result({
        content: [{ type: "text", text: `key ${KEY}.`, annotations: { note: KEY }, _meta: { [KEY]: [KEY] } }],
        structuredContent: { deep: [{ [`x ${KEY}`]: KEY, card: 4111111111111111, other: 12 }] },
        _meta: { note: KEY },
        later: { requestState: KEY },
        isError: true,
        resultType: "complete",
      }),
    ).toEqual({
      content: [{ type: "text", text: `key ${CUT}.`, annotations: { note: CUT }, _meta: { [CUT]: [CUT] } }],
      structuredContent: { deep: [{ [`x ${CUT}`]: CUT, card: "[redacted: card-number]", other: 12 }] },
      _meta: { note: CUT },
      later: { requestState: CUT },
      isError: true,
      resultType: "complete",
    });
  });

  test("however the origin escapes them", () => {
    const escaped = [...KEY].map((c) => `\\u00${c.charCodeAt(0).toString(16)}`).join("");
    expect(shown(`{"jsonrpc":"2.0","id":1,"result":{"a":"${escaped}"}}`)).toEqual(response({ a: CUT }));
    expect(text(`{"a":"${escaped}"}`)).toBe(`{"a":"${CUT}"}`);
    expect(text(JSON.stringify(`{"a":["${escaped}"]}`))).toBe(JSON.stringify(`{"a":["${CUT}"]}`));
    expect(text(`"${escaped}"`)).toBe(`"${CUT}"`);
  });

  test("in errors", () => {
    const error = { code: -32603, message: `no ${KEY}`, data: { password: 1, list: [KEY] } };
    expect(
      shown({ jsonrpc: "2.0", id: 1, error }, { fields: ["password", "code", "message", "error"] }),
    ).toEqual({
      jsonrpc: "2.0",
      id: 1,
      error: { code: -32603, message: `no ${CUT}`, data: { password: FIELD, list: [CUT] } },
    });
  });

  test("two names that were secrets stay two members", () => {
    const other = KEY.replace("E", "F");
    expect(result({ a: { [KEY]: 1, [other]: 2, [`${CUT} 1`]: 3 } })).toEqual({
      a: { [CUT]: 1, [`${CUT} 1`]: 2, [`${CUT} 1 2`]: 3 },
    });
  });

  test("a value told by its name", () => {
    expect(result({ Authorization: "Basic dTpw", a: { Authorization: ["Basic dTpw"] } })).toEqual({
      Authorization: "[redacted: authorization]",
      a: { Authorization: ["Basic dTpw"] },
    });
  });

  test("one that is spread over elements is found where they are one JSON text, and only there", () => {
    const halves = [KEY.slice(0, 8), KEY.slice(8)];
    expect(result({ a: halves })).toEqual({ a: halves });
  });

  test("only what the tenant names", () => {
    expect(text(KEY, { secrets: ["jwt"] })).toBe(KEY);
    expect(text(KEY, { secrets: [] })).toBe(KEY);
  });
});

describe("named fields", () => {
  const NAMED = { fields: ["Password", "ssn"] };

  test("wherever they are, in any case, whatever their value", () => {
    const value = { user: [{ PASSWORD: "x", ssn: 1, Ssn: { a: 1 }, paſſword: null, password_hint: "y" }] };
    expect(result({ structuredContent: value }, NAMED)).toEqual({
      structuredContent: {
        user: [{ PASSWORD: FIELD, ssn: FIELD, Ssn: FIELD, paſſword: FIELD, password_hint: "y" }],
      },
    });
  });

  test("in texts that are JSON, and in texts in those", () => {
    expect(text('  {"a":{"password":"x"}}\n', NAMED)).toBe(`{"a":{"password":"${FIELD}"}}`);
    expect(text('\uFEFF{"p\\u0061ssword":"x"}', NAMED)).toBe(`{"password":"${FIELD}"}`);
    expect(text(JSON.stringify([JSON.stringify({ password: 1 })]), NAMED)).toBe(
      JSON.stringify([`{"password":"${FIELD}"}`]),
    );
    expect(text('{"other":"x"}', NAMED)).toBe('{"other":"x"}');
  });

  test.each([
    'Result: {"password":"x"}',
    '{"password":"x"',
    '{password: "x"}',
    "a: 1\npassword: x\nb: 2",
    '{"a":1}\n{"password":"x"}',
    "<ssn>1</ssn>",
  ])("a text that is no JSON and names one goes whole: %s", (of) => expect(text(of, NAMED)).toBe(FIELD));

  test.each([
    '{"a":1,"a":2}',
    '{"n":12345678901234567890}',
    `${"[".repeat(MAX_JSON_DEPTH + 1)}${"]".repeat(MAX_JSON_DEPTH + 1)}`,
    '{"a":"\\ud800"}',
    `[12345678901234567890,${"1,".repeat(MAX_JSON_VALUES)}{"p\\u0061ssword":"x"}]`,
  ])("a text that parsers read differently goes whole: %.60s", (of) =>
    expect(text(of)).toBe("[redacted: unreadable]"),
  );

  test.each(["[12345678901234567890] is a footnote", "[link](https://example.com)", '"quoted" words'])(
    "a text that only begins like JSON stays: %s",
    (of) => expect(text(of)).toBe(of),
  );

  test("what MCP itself defines keeps its names", () => {
    const block = { type: "text", text: "a" };
    const resource = {
      type: "resource",
      resource: { uri: "file:///a", mimeType: "text/plain", text: "b", extra: { text: 1 } },
    };
    const names = {
      fields: [
        "jsonrpc",
        "id",
        "result",
        "content",
        "structuredContent",
        "isError",
        "resultType",
        "_meta",
        "type",
        "text",
        "resource",
        "uri",
        "mimeType",
      ],
    };
    expect(
      shown(
        response({
          content: [block, resource],
          structuredContent: { text: 1 },
          isError: false,
          _meta: { id: 1 },
        }),
        names,
      ),
    ).toEqual(
      response({
        content: [
          block,
          {
            type: "resource",
            resource: { uri: "file:///a", mimeType: "text/plain", text: "b", extra: { text: FIELD } },
          },
        ],
        structuredContent: { text: FIELD },
        isError: false,
        _meta: { id: FIELD },
      }),
    );
  });

  test("in names that are texts", () => {
    expect(result({ a: { '{"password":"x"}': 1, "password: x": 2 } }, NAMED)).toEqual({
      a: { [`{"password":"${FIELD}"}`]: 1, [FIELD]: 2 },
    });
  });

  test("__proto__ is a name like any other", () => {
    expect(
      JSON.stringify(
        shown('{"jsonrpc":"2.0","id":1,"result":{"__proto__":{"ssn":1},"constructor":2}}', NAMED),
      ),
    ).toBe(`{"jsonrpc":"2.0","id":1,"result":{"__proto__":{"ssn":"${FIELD}"},"constructor":2}}`);
  });
});

describe("bytes that nobody can search", () => {
  test("go, and a text says what they were", () => {
    const content = [
      { type: "image", data: "AAAA", mimeType: "image/png" },
      { type: "audio", data: 1 },
      { type: "resource", resource: { uri: "file:///a", blob: "AAAA" } },
      { type: "resource_link", uri: "file:///a", name: "a" },
    ];
    expect(result({ content })).toEqual({
      content: [
        { type: "text", text: "[redacted: image]" },
        { type: "text", text: "[redacted: audio]" },
        { type: "text", text: "[redacted: blob]" },
        content[3],
      ],
    });
  });

  test("wherever they are", () => {
    const image = { type: "image", data: "AAAA" };
    expect(
      result({ structuredContent: { a: image, b: { uri: "x", blob: "AAAA" }, c: { blob: "no bytes" } } }),
    ).toEqual({
      structuredContent: {
        a: { type: "text", text: "[redacted: image]" },
        b: { uri: "x", blob: "[redacted: blob]" },
        c: { blob: "no bytes" },
      },
    });
  });
});

describe("truncation", () => {
  test("of texts and lists, marked", () => {
    const long = "a ".repeat(20);
    expect(
      result(
        { content: [{ type: "text", text: long }, {}, {}], structuredContent: { list: [1, 2, 3], long } },
        { truncate: { maxText: 16, maxItems: 2 } },
      ),
    ).toEqual({
      content: [
        { type: "text", text: `${long.slice(0, 16)}[truncated]` },
        {},
        { type: "text", text: "[truncated]" },
      ],
      structuredContent: { list: [1, 2, "[truncated]"], long: `${long.slice(0, 16)}[truncated]` },
    });
  });

  test("comes after secrets were cut out: half a secret is one too", () => {
    expect(text(`0123456789${KEY}`, { truncate: { maxText: 16 } })).toBe("0123456789[redac[truncated]");
  });
});

describe("what is no answer to the call is withheld", () => {
  const fine = '{"jsonrpc":"2.0","id":1,"result":{}}';
  test.each<[string, string]>([
    ["", "not_json"],
    [`${fine}${fine}`, "not_json"],
    [`${fine}\n${fine}`, "not_json"],
    [`data: ${fine}\n\n`, "not_json"],
    [`\uFEFF${fine}`, "not_json"],
    [fine.replace("{}", '{"a":1,"a":2}'), "not_json"],
    [fine.replace("{}", '{"a":1,"\\u0061":2}'), "not_json"],
    [fine.replace("{}", '{"a":"\\udc00"}'), "not_json"],
    [fine.replace("{}", '{"a":NaN}'), "not_json"],
    [fine.replace("{}", '{"a":18446744073709551615}'), "not_json"],
    [fine.replace("{}", '{"result":{}},"result":{}'), "not_json"],
    [`[${fine}]`, "not_response"],
    ["null", "not_response"],
    ['"a"', "not_response"],
    [fine.replace("1,", "2,"), "not_response"],
    [fine.replace("1,", '"1",'), "not_response"],
    [fine.replace('"id":1,', ""), "not_response"],
    [fine.replace('"jsonrpc":"2.0",', ""), "not_response"],
    [fine.replace("{}", "[]"), "not_response"],
    [fine.replace("{}", '"a"'), "not_response"],
    [fine.replace("{}", "null"), "not_response"],
    [fine.replace("{}", '{},"Result":{}'), "not_response"],
    [fine.replace("{}", '{},"ID":2'), "not_response"],
    [fine.replace("{}", '{"Content":[]}'), "not_response"],
    [fine.replace("{}", '{},"method":"a"'), "not_response"],
    [fine.replace("{}", '{},"error":{"code":1,"message":"m"}'), "not_response"],
    ['{"jsonrpc":"2.0","id":1,"error":{"code":"1","message":"m"}}', "not_response"],
    ['{"jsonrpc":"2.0","id":1,"error":{"code":1}}', "not_response"],
    ['{"jsonrpc":"2.0","id":1,"error":"m"}', "not_response"],
    ['{"jsonrpc":"2.0","id":1}', "not_response"],
  ])("%s", (of, fault) => expect(shown(of)).toBe(fault));

  test("bytes that are no UTF-8", () => {
    expect(
      redactResponse(
        Uint8Array.of(...utf8('{"jsonrpc":"2.0","id":1,"result":{"a":"'), 0xff, ...utf8('"}}')),
        1,
        policy(),
      ),
    ).toMatchObject({ error: "not_json" });
  });
});

describe("whatever the origin says", () => {
  const FIELDS = { fields: ["password", "token"] };
  const PLANTED = [KEY, `ghp_${"a1".repeat(18)}`, "4111 1111 1111 1111"];
  const secret = fc.constantFrom(...PLANTED);
  const around = fc.string({ maxLength: 8 });
  const planted = fc.tuple(around, secret, around).map(([a, s, b]) => `${a} ${s} ${b}`);
  const leaf = fc.oneof(
    fc.string(),
    planted,
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    planted.map((s) => JSON.stringify({ deep: [s, { password: "hunter2" }] })),
  );
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(
        fc.oneof(
          fc.constantFrom(
            "a",
            "content",
            "type",
            "text",
            "password",
            "__proto__",
            "structuredContent",
            "_meta",
            "isError",
          ),
          planted,
        ),
        tie("value"),
        { maxKeys: 5 },
      ),
    ),
  }));
  const results = fc.dictionary(
    fc.constantFrom("content", "structuredContent", "isError", "_meta", "x", "password"),
    value,
  );

  test("what is shown is strict JSON without what was to be cut out, of the same id, and stays so", () => {
    fc.assert(
      fc.property(results, (of) => {
        const message = JSON.stringify(
          response({ ...of, x: { password: "hunter2", y: JSON.stringify({ token: "hunter2" }) } }),
        );
        if (!parseStrictJson(message).ok) return;
        const once = redactResponse(write(message), 1, policy(FIELDS));
        if (!once.ok) throw new Error(once.error);
        const out = fromUtf8(once.value) ?? "";
        const parsed = parseStrictJson(out);
        expect(parsed).toMatchObject({ ok: true, value: { jsonrpc: "2.0", id: 1, result: {} } });
        for (const one of [...PLANTED, "hunter2"]) expect(out).not.toContain(one);
        expect(redactResponse(once.value, 1, policy(FIELDS))).toEqual(once);
      }),
      { numRuns: 500 },
    );
  });

  test("hostile ones of the largest size", () => {
    const fill = (unit: string, before: string, after: string) => {
      const room = MAX_REDACTED_BYTES - before.length - after.length - 1;
      return write(before + unit.repeat(Math.floor(room / unit.length)) + after);
    };
    let nested = '"x"';
    while (nested.length < MAX_REDACTED_BYTES / 4) nested = JSON.stringify(["[".repeat(40), nested]);
    const all = [
      fill(`"${KEY}",`, '{"jsonrpc":"2.0","id":1,"result":{"a":[', "0]}}"),
      fill("\\\\", '{"jsonrpc":"2.0","id":1,"result":{"a":"', '"}}'),
      fill('\\"', '{"jsonrpc":"2.0","id":1,"result":{"a":"[', '"}}'),
      fill("[", '{"jsonrpc":"2.0","id":1,"result":{"a":"', '"}}'),
      fill("[],", '{"jsonrpc":"2.0","id":1,"result":{"a":"[', '0]"}}'),
      fill("eyJ", '{"jsonrpc":"2.0","id":1,"result":{"a":"', '"}}'),
      write(`{"jsonrpc":"2.0","id":1,"result":{"a":${nested}}}`),
      write(
        response(
          Object.fromEntries(
            Array.from({ length: 90_000 }, (_, i) => [`AKIA${String(i).padStart(16, "0")}`, i]),
          ),
        ),
      ),
    ];
    // A quadratic reading of any of them would not end.
    for (const bytes of all)
      redactResponse(bytes, 1, policy({ fields: ["b"], truncate: { maxItems: 10_000 } }));
  });
});

describe("the tenant document", () => {
  test.each<[Document, string]>([
    [{ secrets: ["jwts"] as unknown as ["jwt"] }, "a form that does not exist"],
    [{ feilds: [] } as Document, "a typo"],
    [{ truncate: { maxtext: 20 } } as Document, "a typo within"],
    [{ truncate: { maxText: 1 } }, "too little"],
    [{ maxBytes: 0 }, "nothing"],
    [{ maxBytes: MAX_REDACTED_BYTES + 1 }, "too much"],
    [{ fields: [""] }, "no name"],
  ])("%j is refused: %s", (document) => expect(v.safeParse(schema, document).success).toBe(false));

  test("all secrets where it does not say", () => {
    expect(policy({})).toEqual(policy({ secrets: "all" }));
  });

  test("the strictest of several", () => {
    expect(strictestOf([])).toBeNull();
    const both = strictestOf([
      policy({ secrets: ["jwt"], fields: ["A"], maxBytes: 9, truncate: { maxItems: 3 } }),
      policy({ secrets: ["slack"], fields: ["b"], maxBytes: 7, truncate: { maxText: 20 } }),
    ]);
    expect(both).toEqual({
      secrets: new Set(["jwt", "slack"]),
      fields: new Set(["a", "b"]),
      maxText: 20,
      maxItems: 3,
      maxBytes: 7,
    });
  });
});
