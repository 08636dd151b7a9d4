import { describe, expect, test } from "vitest";
import type { JsonObject, JsonValue } from "../../src/json/strict-json.ts";
import type { Reason } from "../../src/reasons.ts";
import { faults, judged, type PolicyDocument, said } from "./helpers.ts";

const withSchema = (inputSchema: JsonObject): PolicyDocument => ({
  tools: [{ name: "search", scope: "read", inputSchema }],
  grants: [{ agents: ["ada"], scope: "read" }],
});

const against = async (schema: JsonObject, args: JsonObject): Promise<Reason | "ok"> =>
  said(await judged(withSchema(schema), { args }), "arguments");

const whole = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

const transfer: JsonObject = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  required: ["to", "amount"],
  properties: {
    to: { $ref: "#/$defs/account" },
    amount: { type: "number", exclusiveMinimum: 0, maximum: 100 },
    at: { type: "string", format: "date-time" },
    tags: { type: "array", items: { enum: ["a", "b"] }, uniqueItems: true, maxItems: 2 },
    kind: { oneOf: [{ const: "gift" }, { type: "null" }] },
  },
  additionalProperties: false,
  $defs: { account: { type: "string", pattern: "^[A-Z]{2}[0-9]{2,10}$", minLength: 5 } },
};

describe("arguments against the schema of their tool", () => {
  const right = { to: "CH123", amount: 5 };
  const INVALID = "policy.arguments_invalid";
  test.each<[string, JsonObject, Reason | "ok"]>([
    ["what it asks for", right, "ok"],
    ["all that it knows", { ...right, at: "2026-01-01T00:00:00Z", tags: ["a", "b"], kind: null }, "ok"],
    ["one missing", { to: "CH123" }, INVALID],
    ["one too many", { ...right, force: true }, INVALID],
    ["one that every object has", { ...right, constructor: 1 }, INVALID],
    ["an own __proto__", JSON.parse('{"to":"CH123","amount":5,"__proto__":1}'), INVALID],
    ["another type", { ...right, amount: "5" }, INVALID],
    ["out of range", { ...right, amount: 0 }, INVALID],
    ["a text with more before", { ...right, to: "xCH123" }, INVALID],
    ["a text with a line break behind", { ...right, to: "CH123\n" }, INVALID],
    ["no date", { ...right, at: "2026-02-30T00:00:00Z" }, INVALID],
    ["the same twice", { ...right, tags: ["a", "a"] }, INVALID],
    ["none of several", { ...right, kind: "loan" }, INVALID],
  ])("%s", async (_, args, expected) => {
    expect(await against(transfer, args)).toBe(expected);
  });

  test("a schema is for its tool alone", async () => {
    const policy: PolicyDocument = { ...withSchema(transfer), unsafeUnlistedTools: "read" };
    expect(said(await judged(policy, { tool: "other", args: {} }), "arguments")).toBe("ok");
  });

  test.each<[string, Reason | "ok"]>([
    ["10.0.200.255", "ok"],
    ["0.0.0.0", "ok"],
    ["0177.0.0.1", INVALID],
    ["10.0.0.01", INVALID],
    ["256.0.0.1", INVALID],
    ["10.0.0.1\n", INVALID],
  ])("an address is one to every reader: %s", async (address, expected) => {
    const ip = { format: "ipv4", allOf: [{ type: "string" }] };
    const schema = { properties: { ips: { items: { $ref: "#/$defs/ip" } } }, $defs: { ip } };
    expect(await against(schema, { ips: [address] })).toBe(expected);
  });

  test("false lets nothing through", async () => {
    const schema = { properties: { a: false }, type: "object" };
    expect(await against(schema, { a: 1 })).toBe("policy.arguments_invalid");
    expect(await against(schema, {})).toBe("ok");
  });
});

describe("what would take too long is refused before it is begun", () => {
  const list = (items: JsonValue): JsonObject => ({ properties: { l: { type: "array", items } } });
  test.each<[string, JsonObject, JsonObject]>([
    ["many values", list({ type: "integer" }), { l: whole(90_000) }],
    ["all items with each other", { properties: { l: { uniqueItems: true } } }, { l: whole(1_000) }],
    [
      "many alternatives for many values",
      list({ anyOf: whole(100).map((i) => ({ const: i })) }),
      { l: whole(1_000) },
    ],
    [
      "many names for many objects",
      list({ required: whole(200).map(String) }),
      { l: whole(1_000).map(() => ({})) },
    ],
    [
      "one text that many patterns read",
      { properties: { s: { allOf: whole(9).map(() => ({ pattern: "^a*$" })) } } },
      { s: "a".repeat(900_000) },
    ],
    [
      "a long text that is written into each fault",
      { additionalProperties: { const: "x".repeat(60_000) } },
      Object.fromEntries(whole(1_000).map((i) => [`k${i}`, 1])),
    ],
    [
      "many long texts to be compared with",
      { additionalProperties: { enum: whole(100).map((i) => `${"x".repeat(500)}${i}`) } },
      Object.fromEntries(whole(1_000).map((i) => [`k${i}`, 1])),
    ],
    [
      "one long name that many schemas look at",
      { allOf: whole(50).map(() => ({ additionalProperties: {} })) },
      { ["é".repeat(200_000)]: 1 },
    ],
    [
      "numbers of a thousand bits to be divided",
      { properties: { l: { items: { multipleOf: 1e-300 } } } },
      { l: whole(10_000).map((i) => i + 0.5) },
    ],
    [
      "many names, each a fault",
      { additionalProperties: false },
      Object.fromEntries(whole(60_000).map((i) => [`k${i}`, 1])),
    ],
  ])("%s", async (_, schema, args) => {
    expect(await against(schema, args)).toBe("policy.arguments_too_costly");
  });

  test("as many faults as there can be, in objects in objects", async () => {
    const inner = { type: "object", additionalProperties: false };
    const schema = whole(9).reduce<JsonObject>((below) => ({ properties: { a: below } }), inner);
    const names = Object.fromEntries(whole(24_000).map((i) => [`k${i}`, 1]));
    const args = whole(9).reduce<JsonObject>((below) => ({ a: below }), names);
    expect(await against(schema, args)).toMatch(/^policy\.arguments_(invalid|too_costly)$/);
  });

  test("a long text that is read once is not too long", async () => {
    const schema = { properties: { s: { type: "string", pattern: "^a*$" } } };
    expect(await against(schema, { s: "a".repeat(900_000) })).toBe("ok");
    expect(await against(schema, { s: `${"a".repeat(900_000)}b` })).toBe("policy.arguments_invalid");
  });

  test("references that double are counted as often as they lead somewhere", async () => {
    const names = whole(12);
    const $defs = Object.fromEntries(
      names.map((i) => [
        `d${i}`,
        i === 11 ? {} : { allOf: [{ $ref: `#/$defs/d${i + 1}` }, { $ref: `#/$defs/d${i + 1}` }] },
      ]),
    );
    expect(await faults(withSchema({ $ref: "#/$defs/d0", $defs }))).toEqual([
      "policy.tools[0].inputSchema has more than 1024 subschemas, counted along references",
    ]);
  });
});

describe("what would check nothing is a fault, with its path", () => {
  const at = "policy.tools[0].inputSchema";
  test.each<[string, JsonObject, string]>([
    ["a misspelt keyword", { type: "object", propertys: {} }, `${at}.propertys is not a keyword`],
    [
      "one further down",
      { properties: { a: { maxLenght: 1 } } },
      `${at}.properties.a.maxLenght is not a keyword`,
    ],
    ["one in a list", { anyOf: [{}, { minimun: 1 }] }, `${at}.anyOf[1].minimun is not a keyword`],
    ["one in a definition that nothing refers to", { $defs: { a: { tpye: 1 } } }, `${at}.$defs.a.tpye is`],
    [
      "an unknown type",
      { properties: { a: { type: "int" } } },
      `${at}.properties.a.type must be one or several of`,
    ],
    [
      "an unknown format",
      { properties: { a: { format: "iban" } } },
      `${at}.properties.a.format must be one of`,
    ],
    [
      "a format that the library does not know",
      { properties: { a: { format: "idn-email" } } },
      `${at}.properties.a.format must be`,
    ],
    [
      "a keyword of another type",
      { properties: { a: { type: "string", maximum: 1 } } },
      `${at}.properties.a.maximum checks nothing here`,
    ],
    [
      "a keyword of another type than that of what is referred to",
      { properties: { a: { $ref: "#/$defs/a", maxItems: 1 } }, $defs: { a: { type: "object" } } },
      `${at}.properties.a.maxItems checks nothing here`,
    ],
    ["then without if", { then: {} }, `${at}.then checks nothing without if`],
    ["if without then", { if: {} }, `${at}.if checks nothing without then or else`],
    [
      "minContains without contains",
      { properties: { a: { minContains: 1 } } },
      `${at}.properties.a.minContains checks nothing without`,
    ],
    [
      "a limit that is no number",
      { properties: { a: { maxLength: "1" } } },
      `${at}.properties.a.maxLength must be a whole number`,
    ],
    ["required that is no list", { required: "a" }, `${at}.required must be a list of different names`],
    [
      "a name that is asked for, and that properties spell otherwise",
      { required: ["amount"], properties: { amuont: { maximum: 1 } } },
      `${at}.required names "amount", which is not in properties`,
    ],
    ["a schema that is none", { properties: { a: 1 } }, `${at}.properties.a must be a schema`],
    [
      "items as of older drafts",
      { properties: { a: { items: [{}] } } },
      `${at}.properties.a.items must be a schema`,
    ],
    ["arguments that are no object", { type: "string" }, `${at}.type must be object`],
    ["another dialect", { $schema: "http://json-schema.org/draft-04/schema#" }, `${at}.$schema must be`],
    ["a reference elsewhere", { $ref: "https://example.com/schema" }, `${at}.$ref must be #/$defs/`],
    ["a reference to nothing", { $ref: "#/$defs/a" }, `${at}.$ref leads nowhere`],
    [
      "a reference to what every object has",
      { $ref: "#/$defs/constructor", $defs: {} },
      `${at}.$ref leads nowhere`,
    ],
    [
      "a reference in a circle",
      { $ref: "#/$defs/a", $defs: { a: { properties: { b: { $ref: "#/$defs/a" } } } } },
      `${at}.$defs.a.properties.b.$ref leads back`,
    ],
    [
      "a name that every object has",
      JSON.parse('{"constructor":{},"type":"object"}'),
      `${at}.constructor is not a keyword`,
    ],
    [
      "the prototype by name",
      JSON.parse('{"__proto__":{"type":"object"}}'),
      `${at}.__proto__ is not a keyword`,
    ],
    ["an anchor", { $anchor: "a" }, `${at}.$anchor is not a keyword`],
    ["an id", { $id: "https://example.com/" }, `${at}.$id is not a keyword`],
  ])("%s", async (_, schema, fault) => {
    const found = await faults(withSchema(schema));
    expect(found).toHaveLength(1);
    expect(found[0]?.startsWith(fault)).toBe(true);
  });

  test("too deep", async () => {
    const deep = whole(26).reduce<JsonObject>((inner) => ({ properties: { a: inner } }), {});
    expect((await faults(withSchema(deep)))[0]).toMatch(/is nested deeper than 24 schemas$/);
  });

  test.each<[string, string]>([
    ["nested quantifiers", "^(a+)+$"],
    ["alternatives", "^(a|a)*$"],
    ["two quantifiers that overlap", "^a*a*$"],
    ["and further apart", "^[a-z]+x?[a-f]*$"],
    ["with what must follow", "^[a-z.]+\\.[a-z]+$"],
    ["a negated class", "^[^x]*a$"],
    ["any character", "^.*a$"],
    ["no beginning", "a$"],
    ["no end", "^a"],
    ["a class by name", "^\\d+$"],
    ["a lookahead", "^(?=a)a$"],
    ["no pattern at all", "^[$"],
    ["far too large", "^[a-z]{1,999}$"],
  ])("a pattern that is not matched in one pass: %s", async (_, pattern) => {
    for (const schema of [{ pattern }, { patternProperties: { [pattern]: {} } }]) {
      const found = await faults(withSchema({ properties: { a: schema } }));
      expect(found).toHaveLength(1);
      expect(found[0]).toMatch(/must (begin|be a pattern)|could be matched in many ways/);
    }
  });

  test.each([
    "^[a-z]+$",
    "^[a-z][a-z0-9-]{0,62}$",
    "^[^@]+@[^@]+$",
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    "^https://[a-z.]+/[!-~]*$",
    "^a?b?c$",
    "^.*$",
    "^a*$",
  ])("a pattern that is: %s", async (pattern) => {
    expect(await faults(withSchema({ properties: { a: { pattern } } }))).toEqual([]);
  });
});
