import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { utf8 } from "../../../src/encoding.ts";
import { elementsOf } from "../../../src/json/spans.ts";
import { MAX_JSON_VALUES } from "../../../src/limits.ts";
import { filterList, filterListBytes } from "../../../src/mcp/tool-list/filter.ts";

const isAllowed = (tool: string): boolean => tool === "a" || tool === "b" || tool === "é";

const A = '{"name":"a"}';
const B = '{"name":"b"}';
const HIDDEN = '{"name":"hidden"}';

const answer = (tools: string): string => `{"jsonrpc":"2.0","id":1,"result":{"tools":${tools}}}`;

describe("elements", () => {
  test.each<[string, string]>([
    ["[]", "[]"],
    [`[${A}]`, `[${A}]`],
    [`[${A},${B}]`, `[${A},${B}]`],
    [`[${HIDDEN}]`, "[]"],
    [`[ ${HIDDEN} , ${HIDDEN} ]`, "[  ]"],
    [`[${HIDDEN},${A},${B}]`, `[${A},${B}]`],
    [`[${A},${HIDDEN},${B}]`, `[${A},${B}]`],
    [`[${A},${B},${HIDDEN}]`, `[${A},${B}]`],
    [`[ ${HIDDEN} ,\n${HIDDEN} ,\t${A} ]`, `[ ${A} ]`],
    [`[ ${A} , ${HIDDEN} ,\n${HIDDEN} ,\t${B} ]`, `[ ${A} ,\t${B} ]`],
    [`[ ${A} , ${HIDDEN}\n]`, `[ ${A}\n]`],
    [`[${HIDDEN},${A},${HIDDEN},${B},${HIDDEN}]`, `[${A},${B}]`],
  ])("%s: %s", (tools, shown) => {
    expect(filterList(answer(tools), isAllowed)).toBe(answer(shown));
  });

  test.each([
    ["a number", "1"],
    ["null", "null"],
    ["an allowed name, but no tool", '"a"'],
    ["an array", `[${A}]`],
    ["a tool without a name", '{"title":"a"}'],
    ["a name that is no string", '{"name":["a"]}'],
    ["a name deeper inside", '{"x":{"name":"a"}}'],
    ["an escape in the name's value", '{"name":"h\\u0069dden"}'],
    ["an escape in the name", '{"n\\u0061me":"hidden"}'],
    ["two names, the last allowed", '{"name":"hidden","name":"a"}'],
    ["two names, the first allowed", '{"name":"a","name":"hidden"}'],
    ["two names, one no string", '{"name":"a","name":1}'],
    ["two names that differ in case", '{"name":"a","Name":"hidden"}'],
    ["a name in another case alone", '{"Name":"a"}'],
    ["a name that only begins as an allowed one does", '{"name":"a\\u0000"}'],
    ["a name with what looks like an end", '{"name":"a\\"}","x":"{\\"name\\":\\"a"}'],
  ])("hidden: %s", (_, element) => {
    expect(filterList(answer(`[${element},${A}]`), isAllowed)).toBe(answer(`[${A}]`));
  });

  test.each([
    ["escapes in name and value", '{"n\\u0061me":"\\u0061"}'],
    ["the same name twice", '{"name":"a","name":"\\u0061"}'],
    ["a name beyond ASCII", '{"name":"é"}'],
    ["a hidden tool's name elsewhere", '{"title":"hidden","name":"a","x":{"name":"hidden"}}'],
    ["brackets and quotes in strings", '{"description":"]}\\",[{\\\\","name":"a"}'],
    ["numbers of all kinds", '{"name":"a","x":[18446744073709551615,1.0,-0,1e400,1E-5]}'],
    ["order, spaces and lone surrogates", '{ "b" : 1 ,\r\n\t"name" : "a" , "a" : "\\ud800" }'],
  ])("shown byte for byte: %s", (_, element) => {
    const shown = answer(`[${element}]`);
    expect(filterList(answer(`[${HIDDEN},${element},${HIDDEN}]`), isAllowed)).toBe(shown);
    expect(filterList(shown, isAllowed)).toBe(shown);
  });
});

describe("messages", () => {
  const hiding = (text: string): string => text.replace("TOOLS", `[${HIDDEN},${A}]`);
  const showing = (text: string): string => text.replace("TOOLS", `[${A}]`);

  test.each([
    '{"result":{"tools":TOOLS}}',
    ' { "result" : { "tools" : TOOLS } } ',
    '{"r\\u0065sult":{"to\\u006fls":TOOLS}}',
    '{"result":{"nextCursor":"x","tools":TOOLS,"_meta":{"n":1.0}},"id":18446744073709551615,"jsonrpc":"2.0"}',
    '{"result":{"tools":[],"tools":TOOLS}}',
    '{"result":{"tools":TOOLS,"tools":null}}',
    '{"result":{"tools":TOOLS},"result":{}}',
    '{"result":1,"result":{"tools":TOOLS}}',
    '{"result":{"tools":TOOLS},"error":{},"method":"notifications/x"}',
    '{"Result":{"tOOLS":[]},"Result":{"Tools":TOOLS}}',
    '{"re\u017fult":{"tool\u017f":TOOLS}}',
    '[{"result":{"tools":TOOLS}}]',
    '[1,{"id":1},{"result":{"tools":TOOLS}}]',
  ])("filtered: %s", (text) => {
    expect(filterList(hiding(text), isAllowed)).toBe(showing(text));
  });

  test("every one of several lists", () => {
    const result = '{"tools":TOOLS,"x":0,"tools":TOOLS}';
    const text = `[{"result":${result},"result":${result}},{"result":${result}}]`;
    expect(filterList(text.replaceAll("TOOLS", `[${HIDDEN},${A},${HIDDEN}]`), isAllowed)).toBe(
      text.replaceAll("TOOLS", `[${A}]`),
    );
  });

  test.each([
    "1",
    '"tools"',
    "[]",
    "{}",
    '{"tools":TOOLS}',
    '{"params":{"tools":TOOLS},"method":"x"}',
    '{"result":TOOLS}',
    '{"result":{"content":[{"tools":TOOLS}]}}',
    '{"result":{"prompts":TOOLS,"cacheScope":"public","ttlMs":1}}',
    '{"result":{"tools":{"x":TOOLS},"cacheScope":"public"}}',
    '{"error":{"code":1,"message":"m","data":{"tools":TOOLS}},"id":1}',
    '{"result":"{\\"tools\\":[1]}"}',
    '[[{"result":{"tools":TOOLS}}]]',
  ])("unchanged: %s", (text) => {
    expect(filterList(hiding(text), isAllowed)).toBe(hiding(text));
  });

  test.each([
    "",
    " ",
    "{",
    `${answer("[]")}x`,
    `\uFEFF${answer("[]")}`,
    answer("[1,]"),
    answer("[NaN]"),
    answer("[{'name':'a'}]"),
    `${answer("[]")}\n${answer("[]")}`,
    answer('["\n"]'),
  ])("not JSON: %j", (text) => {
    expect(filterList(text, isAllowed)).toBeNull();
  });
});

describe("who may keep the list", () => {
  const list = (members: string): string => `{"result":{${members}}}`;
  test.each([
    ['"cacheScope":"public","tools":[]', '"cacheScope":"private","tools":[]'],
    ['"tools":[] , "cacheScope" : "public" ', '"tools":[] , "cacheScope" : "private" '],
    ['"tools":[1],"cacheScope":{"a":[1]},"x":1.0', '"tools":[],"cacheScope":"private","x":1.0'],
    [
      '"cacheScope":1,"tools":[],"cacheScope":"public"',
      '"cacheScope":"private","tools":[],"cacheScope":"private"',
    ],
    ['"CacheScope":"public","tools":[]', '"CacheScope":"private","tools":[]'],
    ['"cache\\u0053cope":"public","tools":[]', '"cache\\u0053cope":"private","tools":[]'],
    ['"cacheScope":"private","tools":[],"ttlMs":5', '"cacheScope":"private","tools":[],"ttlMs":5'],
    ['"cacheScope":"priv\\u0061te","tools":[]', '"cacheScope":"priv\\u0061te","tools":[]'],
    ['"ttlMs":5 ,"tools":[]', '"ttlMs":5,"cacheScope":"private" ,"tools":[]'],
    [`"tools":[${A}]`, `"tools":[${A}]`],
  ])("%s", (members, expected) => {
    expect(filterList(list(members), isAllowed)).toBe(list(expected));
  });
});

describe("any list", () => {
  const gap = fc.constantFrom("", "", " ", "\n", "\r\n\t");
  const anything = fc.jsonValue({ stringUnit: "binary", maxDepth: 3 }).map((value) => JSON.stringify(value));
  const tool = fc
    .tuple(fc.constantFrom("a", "b", "é", "hidden", "", "A"), anything, gap, fc.boolean())
    .map(([name, x, space, first]) => {
      const members = [`"name":${space}${JSON.stringify(name)}`, `"x":${x}`, '"y":18446744073709551615'];
      return `{${(first ? members : members.reverse()).join(`${space},`)}}`;
    });
  const element = fc.oneof({ weight: 4, arbitrary: tool }, { weight: 1, arbitrary: anything });
  const elements = fc.array(fc.tuple(gap, element, gap), { maxLength: 8 });
  const isShown = (text: string): boolean => {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && "name" in value && isAllowed(String(value.name));
  };

  test("shows the allowed tools as they were written, and all around them", () => {
    fc.assert(
      fc.property(elements, gap, anything, (list, space, other) => {
        const before = `${space}{"id":${other},"result":{"x":${other},"tools":`;
        const after = `${space},"y":1.0}${space}}${space}`;
        const array = `[${list.map((parts) => parts.join("")).join(",")}]`;
        const filtered = filterList(before + array + after, isAllowed) ?? "";
        const shown = list.map(([, text]) => text).filter(isShown);
        if (shown.length === list.length) expect(filtered).toBe(before + array + after);
        expect(filtered.startsWith(before)).toBe(true);
        expect(filtered.endsWith(after)).toBe(true);
        expect(() => JSON.parse(filtered)).not.toThrow();
        const rest = filtered.slice(before.length, filtered.length - after.length);
        expect(Array.from(elementsOf(rest, 0), ({ start, end }) => rest.slice(start, end))).toEqual(shown);
        expect(filterList(filtered, isAllowed)).toBe(filtered);
      }),
      { numRuns: 500 },
    );
  });

  test("any other value is unchanged", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        expect(filterList(text, isAllowed)).toBe(text);
      }),
    );
  });

  test("any text is JSON or refused", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void filterList(text, isAllowed)));
  });
});

describe("large", () => {
  test("every tool is asked about once", () => {
    let asked = 0;
    const count = 40_000;
    const tools = `[${Array.from({ length: count }, (_, i) => `{"name":"${i}"}`).join()}]`;
    const filtered = filterList(answer(tools), (tool) => {
      asked += 1;
      return Number(tool) % 20_000 === 0;
    });
    expect(filtered).toBe(answer('[{"name":"0"},{"name":"20000"}]'));
    expect(asked).toBe(count);
  });

  test("deep", () => {
    const depth = 90_000;
    const deep = `{"name":"a","x":${"[".repeat(depth)}${"]".repeat(depth)}}`;
    expect(filterList(answer(`[${HIDDEN},${deep}]`), isAllowed)).toBe(answer(`[${deep}]`));
  });
});

/** What `filterListBytes` makes of bytes. */
describe("bytes", () => {
  const LIST = '{"result":{"tools":[{"name":"é"},{"name":"hidden"}]}}';
  const SHOWN = '{"result":{"tools":[{"name":"é"}]}}';
  const filter = (bytes: Uint8Array<ArrayBuffer>) => filterListBytes(bytes, (tool) => tool === "é");

  test("a list is filtered", () => {
    expect(filter(utf8(LIST))).toEqual(utf8(SHOWN));
  });

  test("a byte order mark stays", () => {
    expect(filter(utf8(`\uFEFF${LIST}`))).toEqual(utf8(`\uFEFF${SHOWN}`));
  });

  test.each([SHOWN, '{"error":{"code":1.0}}'])("the very same bytes where nothing is to hide: %s", (text) => {
    const bytes = utf8(text);
    expect(filter(bytes)).toBe(bytes);
  });

  test.each([
    ["nothing", utf8("")],
    ["not JSON", utf8(LIST.slice(1))],
    ["two byte order marks", utf8(`\uFEFF\uFEFF${LIST}`)],
    ["more values than are read", utf8(`{"result":{"tools":[],"x":[${"{},".repeat(MAX_JSON_VALUES)}0]}}`)],
    ["not UTF-8", Uint8Array.of(0x22, 0xff, 0x22)],
    ["UTF-16", Uint8Array.from([...LIST].flatMap((c) => [c.charCodeAt(0), 0]))],
  ])("garbage: %s", (_, bytes) => {
    expect(filter(bytes)).toBeNull();
  });
});
