import type { Call } from "../make/call.ts";
import { admitted, denied, type Topic } from "../make/case.ts";
import type { Bytes } from "../make/keys.ts";
import { base64url, utf8 } from "../make/tokens.ts";

const JSON_RULE = "RFC 8259 section 2";
const OBJECTS = "RFC 8259 section 4";
const NUMBERS = "RFC 8259 section 6";
const STRINGS = "RFC 8259 section 7";
const ENCODING = "RFC 8259 section 8.1";
const UNICODE = "RFC 8259 section 8.2";
const LIMITS = "RFC 8259 section 9";

/** A tool call with this JSON text as the value of its argument. */
const withValue = (text: string): string =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{"value":${text}}}}`;

const value = (text: string): Call => ({ body: withValue(text) });
const body = (text: string | Bytes): Call => ({ body: text });

/** With these octets in the place of the argument. */
const octets = (...bytes: readonly number[]): Call => {
  const [before = "", after = ""] = withValue("\0").split("\0");
  return body(Uint8Array.from([...utf8(before), ...bytes, ...utf8(after)]));
};

const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);

/** Levels above the argument: the message, params, arguments. */
const ABOVE = 3;

const NOT_JSON: readonly (readonly [id: string, title: string, text: string])[] = [
  ["truncated", "The text ends too early", withValue("1").slice(0, -1)],
  ["trailing-text", "Something follows the message", `${withValue("1")} true`],
  ["two-messages", "Two messages, one behind the other", withValue("1") + withValue("2")],
  ["trailing-comma", "A comma behind the last element", withValue("[1,]")],
  ["single-quotes", "Single quotes", withValue("'x'")],
  ["comment", "A comment", withValue("1 /* one */")],
  ["bare-name", "A name without quotes", withValue("{a:1}")],
  ["nan", "NaN", withValue("NaN")],
  ["infinity", "-Infinity", withValue("-Infinity")],
  ["plus", "A number with a plus", withValue("+1")],
  ["leading-zero", "A number with a leading zero", withValue("01")],
  ["bare-dot", "A number that begins with a dot", withValue(".5")],
  ["dot-last", "A number that ends with a dot", withValue("1.")],
  ["hex-number", "A hexadecimal number", withValue("0x1F")],
  ["raw-tab", "A tab inside a string", withValue('"a\tb"')],
  ["raw-newline", "A line feed inside a string", withValue('"a\nb"')],
  ["bad-escape", "An escape that JSON does not have", withValue('"\\x41"')],
  ["short-escape", "\\u with three digits", withValue('"\\u004"')],
  ["vertical-tab", "White space that JSON does not have", withValue("\u000b1")],
  ["no-break-space", "A no-break space between tokens", withValue("\u00a01")],
  ["capital-true", "True", withValue("True")],
];

export const strictJson: Topic = {
  name: "strict-json",
  title: "JSON that every parser reads alike",
  cases: [
    denied("empty", "message.empty", "The body is empty", JSON_RULE, body("")),
    denied("blank", "message.not_json", "The body is white space", JSON_RULE, body(" \r\n")),
    ...NOT_JSON.map(([id, title, text]) => denied(id, "message.not_json", title, JSON_RULE, body(text))),

    // -- encoding -------------------------------------------------------------------------------------
    denied(
      "bom",
      "message.not_utf8",
      "A byte order mark",
      ENCODING,
      body(Uint8Array.from([0xef, 0xbb, 0xbf, ...utf8(withValue("1"))])),
    ),
    denied(
      "utf16",
      "message.not_utf8",
      "UTF-16 with its byte order mark",
      ENCODING,
      body(Uint8Array.from([0xff, 0xfe, ...Buffer.from(withValue("1"), "utf16le")])),
    ),
    denied("latin1", "message.not_utf8", "An octet of ISO 8859-1", ENCODING, octets(0x22, 0xe9, 0x22)),
    denied(
      "overlong",
      "message.not_utf8",
      "An overlong form: the quotation mark as two octets",
      "RFC 3629 section 3",
      octets(0xc0, 0xa2),
    ),
    denied(
      "encoded-surrogate",
      "message.not_utf8",
      "A surrogate in UTF-8",
      "RFC 3629 section 3",
      octets(0x22, 0xed, 0xa0, 0x80, 0x22),
    ),
    denied(
      "beyond-unicode",
      "message.not_utf8",
      "A character beyond U+10FFFF",
      "RFC 3629 section 3",
      octets(0x22, 0xf4, 0x90, 0x80, 0x80, 0x22),
    ),
    denied(
      "cut-sequence",
      "message.not_utf8",
      "A sequence that is cut",
      "RFC 3629 section 3",
      octets(0x22, 0xe2, 0x82, 0x22),
    ),
    admitted(
      "unicode",
      "Letters of many scripts, and one outside the basic plane",
      ENCODING,
      value('"\u00e9\u4e2d\ud83c\udf0a"'),
    ),
    admitted("separators", "U+2028 inside a string", STRINGS, value('"\u2028"')),
    admitted("mark-inside", "U+FEFF inside a string", ENCODING, value('"\ufeff"')),

    // -- repeated names -------------------------------------------------------------------------------
    denied(
      "twice",
      "message.duplicate_key",
      "A name twice in the arguments",
      OBJECTS,
      value('{"a":1,"a":2}'),
    ),
    denied(
      "twice-equal",
      "message.duplicate_key",
      "A name twice, with equal values",
      OBJECTS,
      value('{"a":1,"a":1}'),
    ),
    denied(
      "twice-escaped",
      "message.duplicate_key",
      "A name twice, once with an escape",
      OBJECTS,
      value('{"a":1,"\\u0061":2}'),
    ),
    denied(
      "twice-deep",
      "message.duplicate_key",
      "A name twice, deep inside",
      OBJECTS,
      value('[[{"b":[{"a":1,"a":2}]}]]'),
    ),
    denied(
      "twice-proto",
      "message.duplicate_key",
      "__proto__ twice",
      OBJECTS,
      value('{"__proto__":1,"__proto__":2}'),
    ),
    denied("twice-empty", "message.duplicate_key", "The empty name twice", OBJECTS, value('{"":1,"":2}')),
    denied(
      "twice-method",
      "message.duplicate_key",
      "method twice: one for the verifier, one for the origin",
      OBJECTS,
      body(
        '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"search","arguments":{}}}',
      ),
    ),
    denied(
      "twice-name",
      "message.duplicate_key",
      "The tool's name twice",
      OBJECTS,
      body(
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","name":"sealed","arguments":{}}}',
      ),
    ),
    admitted(
      "proto",
      "__proto__, constructor and toJSON are ordinary names",
      OBJECTS,
      value('{"__proto__":{"a":1},"constructor":null,"toJSON":1}'),
    ),
    admitted("same-name-apart", "The same name in two objects", OBJECTS, value('[{"a":1},{"a":2}]')),
    admitted("numeric-names", "Names that look like numbers", OBJECTS, value('{"1":1,"01":2,"1.0":3}')),

    // -- numbers --------------------------------------------------------------------------------------
    denied(
      "unsafe",
      "message.number",
      "2^53, which parsers round differently from 2^53 + 1",
      NUMBERS,
      value("9007199254740992"),
    ),
    denied("unsafe-plus-1", "message.number", "2^53 + 1", NUMBERS, value("9007199254740993")),
    denied("unsafe-negative", "message.number", "-2^53", NUMBERS, value("-9007199254740992")),
    denied("unsafe-fraction", "message.number", "9007199254740993.0", NUMBERS, value("9007199254740993.0")),
    denied("long-integer", "message.number", "An integer of 400 digits", NUMBERS, value("1".repeat(400))),
    denied("overflow", "message.number", "1e400", NUMBERS, value("1e400")),
    denied(
      "underflow",
      "message.number",
      "1e-400, which is nothing to some parsers",
      NUMBERS,
      value("1e-400"),
    ),
    denied("minus-zero", "message.number", "-0", NUMBERS, value("-0")),
    denied("minus-zero-fraction", "message.number", "-0.0", NUMBERS, value("-0.0")),
    denied("minus-zero-exponent", "message.number", "-0e5", NUMBERS, value("-0e5")),
    admitted("largest-safe", "2^53 - 1", NUMBERS, value("9007199254740991")),
    admitted("smallest-safe", "-(2^53 - 1)", NUMBERS, value("-9007199254740991")),
    admitted(
      "fraction",
      "A fraction with more digits than a double holds: everybody knows that it is rounded",
      NUMBERS,
      value("0.1234567890123456789"),
    ),
    admitted("exponent", "Exponents", NUMBERS, value("[1e2,1E+2,1.5e-3]")),
    admitted("large-exact", "1e300, which is one double and no other", NUMBERS, value("1e300")),

    // -- strings --------------------------------------------------------------------------------------
    denied("lone-high", "message.lone_surrogate", "A high surrogate alone", UNICODE, value('"\\ud800"')),
    denied("lone-low", "message.lone_surrogate", "A low surrogate alone", UNICODE, value('"\\udc00"')),
    denied(
      "wrong-order",
      "message.lone_surrogate",
      "Two surrogates in the wrong order",
      UNICODE,
      value('"\\udc00\\ud800"'),
    ),
    denied(
      "lone-name",
      "message.lone_surrogate",
      "A lone surrogate in a name",
      UNICODE,
      value('{"\\ud800":1}'),
    ),
    denied(
      "lone-before-escape",
      "message.lone_surrogate",
      "A high surrogate before another escape",
      UNICODE,
      value('"\\ud800\\n"'),
    ),
    admitted("pair", "A surrogate pair", UNICODE, value('"\\ud83c\\udf0a"')),
    admitted("escapes", "All escapes that JSON has", STRINGS, value('"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000"')),

    // -- size -----------------------------------------------------------------------------------------
    denied("too-deep", "message.too_deep", "65 levels", LIMITS, value(nested(65 - ABOVE))),
    admitted("deep", "64 levels", LIMITS, value(nested(64 - ABOVE))),
    denied(
      "very-deep",
      "message.too_deep",
      "100,000 open brackets, which end many a recursive parser",
      LIMITS,
      body("[".repeat(100_000)),
    ),
    denied(
      "too-many",
      "message.too_many_values",
      "100,001 elements",
      LIMITS,
      value(`[${"0,".repeat(100_000)}0]`),
    ),

    // -- tokens ---------------------------------------------------------------------------------------
    denied(
      "in-mandate",
      "act.malformed",
      "The same rules hold inside tokens: an unsafe integer in a mandate",
      "RFC 7519 section 7.2",
      {
        mandate: {
          claims: { "https://example.com/n": 0 },
          payloadText: (text) => text.replace('/n":0', '/n":9007199254740993'),
        },
      },
    ),
    denied(
      "in-mandate-utf8",
      "act.malformed",
      "A mandate whose claims are not UTF-8",
      "RFC 7519 section 7.2",
      {
        mandate: {
          token: (token) => {
            const [header = "", , signature = ""] = token.split(".");
            return [header, base64url(Uint8Array.from([0x7b, 0xff, 0x7d])), signature].join(".");
          },
        },
      },
    ),
    denied(
      "in-ect",
      "ect.malformed",
      "The same rules hold inside tokens: a claim twice in an ECT",
      "RFC 7519 section 4",
      {
        ect: { payloadText: (text) => text.replace("{", '{"jti":"another",') },
      },
    ),
  ],
};
