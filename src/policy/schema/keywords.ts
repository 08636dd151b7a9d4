/**
 * The part of JSON Schema (2020-12) that schemas of tools are written in. A validator passes over a keyword that it does not know, and over
 * one that stands where it means nothing: a slip of the pen would let everything through. Here both are faults.
 */

import { isObject, type JsonObject, type JsonValue } from "../../json/strict-json.ts";
import { MAX_TENANT_LIST } from "../../limits.ts";
import type { Found, Path } from "../../tenant/faults.ts";
import { patternProblem } from "./pattern.ts";

/** What may stand in `type`, and which of these a keyword is about; without it, about all. */
const TYPES = ["null", "boolean", "number", "integer", "string", "array", "object"] as const;

type Family = "string" | "number" | "array" | "object";

/** Formats that the library checks in one pass of the text. */
const FORMATS = ["date", "time", "date-time", "duration", "uuid", "ipv4", "ipv6", "hostname", "email"];

/** Where other schemas stand in a schema. */
type Place = "schema" | "list" | "map";

interface Keyword {
  readonly family?: Family;
  readonly holds?: Place;
  /** What is wrong with the value; null where nothing is. */
  readonly problem?: (value: JsonValue) => string | null;
  /** Without which it means nothing. */
  readonly needs?: readonly string[];
}

const must =
  (test: (value: JsonValue) => boolean, wanted: string) =>
  (value: JsonValue): string | null =>
    test(value) ? null : `must be ${wanted}`;

const isList = (value: JsonValue | undefined): value is readonly JsonValue[] => Array.isArray(value);
const isNames = (value: JsonValue): boolean =>
  isList(value) && value.every((one) => typeof one === "string") && new Set(value).size === value.length;

const text: Keyword = { problem: must((value) => typeof value === "string", "a string") };
const anything: Keyword = {};
const flag: Keyword = { problem: must((value) => typeof value === "boolean", "true or false") };
const number: Keyword = {
  family: "number",
  problem: must((value) => typeof value === "number", "a number"),
};
const count = (family: Family, needs: readonly string[] = []): Keyword => ({
  family,
  needs,
  problem: must((value) => Number.isSafeInteger(value) && Number(value) >= 0, "a whole number from 0 on"),
});
const names = must(isNames, "a list of different names");

const KEYWORDS: ReadonlyMap<string, Keyword> = new Map<string, Keyword>([
  ...["$comment", "title", "description"].map((name) => [name, text] as const),
  ...["default", "const"].map((name) => [name, anything] as const),
  ["examples", { problem: must(isList, "a list") }],
  ...["deprecated", "readOnly", "writeOnly"].map((name) => [name, flag] as const),
  ...["$defs", "definitions"].map((name) => [name, { holds: "map" }] as const),
  ["$ref", { problem: refProblem }],
  ["type", { problem: typeProblem }],
  [
    "enum",
    {
      problem: must(
        (value) => isList(value) && value.length > 0 && value.length <= MAX_TENANT_LIST,
        `a list of 1 to ${MAX_TENANT_LIST} values`,
      ),
    },
  ],
  ...["allOf", "anyOf", "oneOf"].map((name) => [name, { holds: "list" }] as const),
  ["not", { holds: "schema" }],
  ["if", { holds: "schema", needs: ["then", "else"] }],
  ...["then", "else"].map((name) => [name, { holds: "schema", needs: ["if"] }] as const),
  ...["minLength", "maxLength"].map((name) => [name, count("string")] as const),
  [
    "pattern",
    {
      family: "string",
      problem: (value) => (typeof value === "string" ? patternProblem(value) : "must be a string"),
    },
  ],
  [
    "format",
    {
      family: "string",
      problem: must((value) => FORMATS.includes(String(value)), `one of ${FORMATS.join(", ")}`),
    },
  ],
  ...["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"].map((name) => [name, number] as const),
  [
    "multipleOf",
    {
      family: "number",
      problem: must((value) => typeof value === "number" && value > 0, "a number above 0"),
    },
  ],
  ["prefixItems", { family: "array", holds: "list" }],
  ...["items", "contains"].map((name) => [name, { family: "array", holds: "schema" }] as const),
  ...["minItems", "maxItems"].map((name) => [name, count("array")] as const),
  ...["minContains", "maxContains"].map((name) => [name, count("array", ["contains"])] as const),
  ["uniqueItems", { ...flag, family: "array" }],
  ...["properties", "patternProperties", "dependentSchemas"].map(
    (name) => [name, { family: "object", holds: "map" }] as const,
  ),
  ...["additionalProperties", "propertyNames"].map(
    (name) => [name, { family: "object", holds: "schema" }] as const,
  ),
  ["required", { family: "object", problem: names }],
  [
    "dependentRequired",
    {
      family: "object",
      problem: must((value) => isObject(value) && Object.values(value).every(isNames), "lists of names"),
    },
  ],
  ...["minProperties", "maxProperties"].map((name) => [name, count("object")] as const),
]);

/** What `$ref` can be: other documents are not fetched. */
const REF = /^#\/(\$defs|definitions)\/([A-Za-z0-9_.-]+)$/;

function refProblem(value: JsonValue): string | null {
  return typeof value === "string" && REF.test(value)
    ? null
    : "must be #/$defs/ and a name of letters, digits, '_', '.' and '-'";
}

function typeProblem(value: JsonValue): string | null {
  const types = isList(value) ? value : [value];
  const isKnown = types.every((type) => (TYPES as readonly JsonValue[]).includes(type));
  return types.length > 0 && isKnown && isNames(types)
    ? null
    : `must be one or several of ${TYPES.join(", ")}`;
}

/** Draft 7 as well: of what is taken here it differs only in what may stand beside `$ref`, and that is applied. */
const DIALECTS = [
  "https://json-schema.org/draft/2020-12/schema",
  "http://json-schema.org/draft-07/schema#",
  "http://json-schema.org/draft-07/schema",
];

/** A schema that stands in another one, with its place. */
export interface Subschema {
  readonly keyword: string;
  readonly at: Path;
  readonly schema: JsonValue;
}

/** The schemas that stand directly in a schema. */
export const subschemas = (schema: JsonObject, at: Path): readonly Subschema[] =>
  Object.entries(schema).flatMap(([keyword, value]) => schemasIn(keyword, value, [...at, keyword]));

function schemasIn(keyword: string, value: JsonValue, at: Path): readonly Subschema[] {
  switch (KEYWORDS.get(keyword)?.holds) {
    case undefined:
      return [];
    case "schema":
      return [{ keyword, at, schema: value }];
    case "list":
      return isList(value) ? value.map((schema, i) => ({ keyword, at: [...at, i], schema })) : [];
    case "map":
      return isObject(value)
        ? Object.entries(value).map(([name, schema]) => ({ keyword, at: [...at, name], schema }))
        : [];
  }
}

/** Every fault of a whole schema of arguments, but for where its references lead. */
export function checkRoot({ $schema, ...schema }: JsonObject, at: Path): readonly Found[] {
  const found = [...checkSchema(schema, at, schema)];
  if ($schema !== undefined && !DIALECTS.includes(String($schema))) {
    found.push({ at: [...at, "$schema"], problem: `must be ${DIALECTS[0]}` });
  }
  if (schema.type !== undefined && ![schema.type].flat().includes("object")) {
    found.push({ at: [...at, "type"], problem: "must be object: arguments always are one" });
  }
  return found;
}

function checkSchema(schema: JsonValue, at: Path, root: JsonObject): readonly Found[] {
  if (typeof schema === "boolean") return [];
  if (!isObject(schema)) return [{ at, problem: "must be a schema: an object, true or false" }];
  const own = Object.entries(schema).flatMap(([name, value]): readonly Found[] => {
    const problem = keywordProblem(name, value, schema, root);
    return problem === null ? [] : [{ at: [...at, name], problem }];
  });
  const names = isObject(schema.patternProperties) ? Object.keys(schema.patternProperties) : [];
  const patterns = names.flatMap((name): readonly Found[] => {
    const problem = patternProblem(name);
    return problem === null ? [] : [{ at: [...at, "patternProperties", name], problem }];
  });
  const below = subschemas(schema, at).flatMap(({ schema: sub, at: place }) => checkSchema(sub, place, root));
  return [...own, ...patterns, ...below];
}

function keywordProblem(name: string, value: JsonValue, schema: JsonObject, root: JsonObject): string | null {
  const keyword = KEYWORDS.get(name);
  if (keyword === undefined) return "is not a keyword that is taken here: it would check nothing";
  const { family, holds, needs = [], problem } = keyword;
  if (holds === "list" && !(isList(value) && value.length > 0)) return "must be a list of schemas";
  if (holds === "map" && !isObject(value)) return "must be an object of schemas";
  if (needs.length > 0 && !needs.some((other) => schema[other] !== undefined)) {
    return `checks nothing without ${needs.join(" or ")}`;
  }
  const types = typesOf(schema, root);
  if (family !== undefined && types !== null && !types.some((type) => isOf(type, family))) {
    return `checks nothing here: it is about type ${family}`;
  }
  return problem?.(value) ?? (name === "required" ? undescribed(value, schema) : null);
}

/** Whichever of two names is misspelt: one would not be asked for, or what is said of it would never be looked at. */
function undescribed(required: JsonValue, { properties, patternProperties }: JsonObject): string | null {
  if (!isList(required) || !isObject(properties) || patternProperties !== undefined) return null;
  const name = required.find((one) => !Object.hasOwn(properties, String(one)));
  if (name === undefined) return null;
  return `names ${JSON.stringify(name)}, which is not in properties: add it there, as true where it can be anything`;
}

/** Types that a schema names, or the one that it refers to; null where neither does. */
function typesOf({ type, $ref }: JsonObject, root: JsonObject): readonly JsonValue[] | null {
  const target = $ref === undefined ? undefined : referred($ref, root)?.schema;
  const named = type ?? (isObject(target) ? target.type : undefined);
  return named === undefined ? null : [named].flat();
}

const isOf = (type: JsonValue, family: Family): boolean =>
  type === family || (family === "number" && type === "integer");

/** The schema that a `$ref` leads to, with the steps to it from the root; null where there is none. */
export function referred(
  ref: JsonValue,
  root: JsonObject,
): { readonly steps: readonly [string, string]; readonly schema: JsonValue } | null {
  const [, section, name] = REF.exec(String(ref)) ?? [];
  const definitions = section === undefined ? undefined : root[section];
  if (section === undefined || name === undefined || !isObject(definitions)) return null;
  return Object.hasOwn(definitions, name)
    ? { steps: [section, name], schema: definitions[name] as JsonValue }
    : null;
}
