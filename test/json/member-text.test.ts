import fc from "fast-check";
import { expect, test } from "vitest";
import { memberText } from "../../src/json/member-text.ts";

const cases: [string, string[], string | null][] = [
  ['{"a":300.0}', ["a"], "300.0"],
  [' { "a" : 3e2 , "b" : 1 } ', ["a"], "3e2"],
  ['{"a":[1, {"b": "]}"}] ,"c":1}', ["a"], '[1, {"b": "]}"}]'],
  ['{"x":{"a":1},"a":2}', ["a"], "2"],
  ['{"x":"\\"a\\":1","a":2}', ["a"], "2"],
  ['{"x":"\\\\","a":2}', ["a"], "2"],
  ['{"\\u0061":1.0}', ["a"], "1.0"],
  ['{"a":{"b":{"c":-1.5}}}', ["a", "b", "c"], "-1.5"],
  ['{"a":{"b":1},"b":2}', ["a", "b"], "1"],
  ['{"__proto__":true}', ["__proto__"], "true"],
  ['{"a":"x"}', ["a"], '"x"'],
  ['{"a":1}', [], '{"a":1}'],
  ['{"a":{}}', ["a", "b"], null],
  ["{}", ["a"], null],
  ['{"a":[{"b":1}]}', ["a", "b"], null],
  ['{"a":"{\\"b\\":1}"}', ["a", "b"], null],
  ["[]", ["a"], null],
  ["1", ["a"], null],
];

test.each(cases)("%s, %j: %s", (text, path, found) => {
  expect(memberText(text, path)).toBe(found);
});

test("agrees with JSON.parse", () => {
  const json = fc.dictionary(fc.string(), fc.jsonValue({ noUnicodeString: false }), { maxKeys: 5 });
  fc.assert(
    fc.property(json, fc.constantFrom(0, 1, "\t"), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      const object: Record<string, unknown> = JSON.parse(text);
      for (const name of Object.keys(object)) {
        expect(JSON.parse(memberText(text, [name]) ?? "")).toEqual(object[name]);
      }
    }),
  );
});
