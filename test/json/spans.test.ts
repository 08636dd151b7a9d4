import fc from "fast-check";
import { expect, test } from "vitest";
import { elementsOf, endOfValue, membersOf, skipSpace } from "../../src/json/spans.ts";

const texts = (text: string, spans: Iterable<{ start: number; end: number }>): string[] =>
  Array.from(spans, ({ start, end }) => text.slice(start, end));

test.each<[string, string[]]>([
  ["[]", []],
  ["[ ]", []],
  ["[1]", ["1"]],
  ['[ 1.0 ,\t"a,]" , [ [ ] , 2 ] ,{"a":"}"}\r\n]', ["1.0", '"a,]"', "[ [ ] , 2 ]", '{"a":"}"}']],
  ['["\\\\","\\""]', ['"\\\\"', '"\\""']],
  ['{"a":[1]}', []],
  ['"[1]"', []],
])("the elements of %s", (text, elements) => {
  expect(texts(text, elementsOf(text, 0))).toEqual(elements);
});

test.each<[string, [string, string][]]>([
  ["{}", []],
  ["{ }", []],
  [
    '{"a":1,"a":[{"b":2}]}',
    [
      ["a", "1"],
      ["a", '[{"b":2}]'],
    ],
  ],
  ['{ "\\u0061\\"" :\n-1e5 }', [['a"', "-1e5"]]],
  ["[1]", []],
  ['"{"', []],
])("the members of %s", (text, members) => {
  const found = Array.from(membersOf(text, 0), ({ name, start, end }) => [name, text.slice(start, end)]);
  expect(found).toEqual(members);
});

test("agree with JSON.parse", () => {
  const indents = fc.constantFrom(undefined, " ", "\t", "\r\n");
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: "binary" }), indents, (value, indent) => {
      const text = ` ${JSON.stringify(value, null, indent)} `;
      const start = skipSpace(text, 0);
      expect(start).toBe(1);
      expect(endOfValue(text, start)).toBe(text.length - 1);
      const parsed: unknown = JSON.parse(text);
      const elements = texts(text, elementsOf(text, start)).map((element) => JSON.parse(element));
      expect(elements).toEqual(Array.isArray(parsed) ? parsed : []);
      const members = Array.from(membersOf(text, start), (member) => [
        member.name,
        JSON.parse(text.slice(member.start, member.end)),
      ]);
      const isObject = typeof parsed === "object" && parsed !== null && !Array.isArray(parsed);
      expect(members).toEqual(isObject ? Object.entries(parsed) : []);
    }),
    { numRuns: 300 },
  );
});
