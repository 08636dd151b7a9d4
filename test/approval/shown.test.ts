import { describe, expect, test } from "vitest";
import { escapeHtml, hasForeignLetters, shownJson, shownText } from "../../src/approval/shown.ts";
import { type JsonValue, parseStrictJson } from "../../src/json/strict-json.ts";

const unescapeHtml = (html: string): string =>
  html.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));

describe("markup is text", () => {
  test.each([
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='x",
    "&lt;b&gt;",
    "</pre></bdo><form action=https://evil.example>",
  ])("%s", (text) => {
    for (const html of [escapeHtml(text), shownText(text), shownJson({ [text]: [text] })]) {
      expect(html).not.toMatch(/[<>"']/);
      expect(html).not.toMatch(/&(?!#\d+;)/);
    }
  });
});

/** By name: each hides something, moves something, or passes for something else. */
const DECEIVING: Readonly<Record<string, string>> = {
  "right-to-left override": "\u202e",
  "left-to-right isolate": "\u2066",
  "right-to-left mark": "\u200f",
  "Arabic letter mark": "\u061c",
  "zero width space": "\u200b",
  "zero width joiner": "\u200d",
  "soft hyphen": "\u00ad",
  "byte order mark": "\ufeff",
  "no-break space": "\u00a0",
  "ideographic space": "\u3000",
  "line separator": "\u2028",
  "paragraph separator": "\u2029",
  "next line": "\u0085",
  tab: "\t",
  "line feed": "\n",
  "carriage return": "\r",
  escape: "\u001b",
  delete: "\u007f",
  "Hangul filler": "\u3164",
  "combining grapheme joiner": "\u034f",
  "variation selector": "\ufe0f",
  "tag letter": "\u{e0041}",
  "private use": "\ue000",
  unassigned: "\u0378",
  "blank Braille": "\u2800",
  "Khitan filler": "\u{16fe4}",
  "musical note without a head": "\u{1d159}",
  "enclosing circle": "a\u20dd",
  "a pile of marks": "a\u0301\u0302\u0303",
};

describe("nothing is there that nobody sees", () => {
  test.each(Object.entries(DECEIVING))("%s", (_, text) => {
    const value = { [`key${text}`]: `10${text}000` };
    const shown = unescapeHtml(shownJson(value));
    // What is left can be seen: ASCII, or one mark on a letter.
    expect(shown.replace(/a\u0301/g, "")).toMatch(/^[\n -~]*$/);
    const read = parseStrictJson(shown);
    expect(read.ok && read.value).toEqual(value);
    expect(shownText(text)).toMatch(/^(a\u0301?)?(\\u[0-9a-f]{4})+$/);
  });

  test("a backslash is not taken for one of ours", () => {
    expect(shownText("\\u202e")).toBe("\\\\u202e");
    expect(shownText("\u202e")).toBe("\\u202e");
  });
});

test.each<JsonValue>([
  null,
  "",
  [],
  {},
  [[], {}, [1, "two", null, true]],
  { b: 1, a: { "": -0.5, é: "ü" }, A: 1e21 },
  JSON.parse('{"__proto__":{"toString":1},"constructor":"x"}') as JsonValue,
])("all of a value is shown, as JSON that reads back: %j", (value) => {
  const read = parseStrictJson(unescapeHtml(shownJson(value)));
  expect(read.ok && read.value).toEqual(value);
});

test("members are in one order, each on a line of its own", () => {
  expect(unescapeHtml(shownJson({ b: [1, 2], a: {} }))).toBe(
    '{\n  "a": {},\n  "b": [\n    1,\n    2\n  ]\n}',
  );
});

test("letters that look like others are told", () => {
  expect(hasForeignLetters({ to: "pаypal" })).toBe(true);
  expect(hasForeignLetters({ to: "paypal" })).toBe(false);
});
