/** The most that a schema can cost, told before arguments are held against it: no clock advances while a Worker runs. */

import { isObject, type JsonObject, type JsonValue } from "../../json/strict-json.ts";
import { MAX_SCHEMA_DEPTH, MAX_SCHEMA_NODES } from "../../limits.ts";
import { fail, ok, type Result } from "../../result.ts";
import type { Found, Path } from "../../tenant/faults.ts";
import { sizeOf } from "../rules/size.ts";
import { referred, subschemas } from "./keywords.ts";

export interface SchemaWork {
  /** Keywords that are held against any one value. */
  readonly keywords: number;
  /** How often any one text is read as a whole. */
  readonly readings: number;
  /** How often any one name of a member is read and written, beside that. */
  readonly namings: number;
  /** Subschemas that compare all items of a list with each other. */
  readonly comparisons: number;
}

/** Of a schema at the value that it is for, and at any one value below. */
interface Share {
  readonly here: number;
  readonly below: number;
}

interface Shares {
  readonly keywords: Share;
  readonly readings: Share;
  readonly namings: Share;
}

/** Of a schema without faults of its own; a reference that leads nowhere or in a circle is one. */
export function workOfSchema(root: JsonObject, at: Path): Result<SchemaWork, Found> {
  let nodes = 0;
  let comparisons = 0;
  const walk = (
    schema: JsonValue,
    place: Path,
    refs: readonly string[],
    depth: number,
  ): Result<Shares, Found> => {
    nodes += 1;
    if (nodes > MAX_SCHEMA_NODES) {
      return fail({ at, problem: `has more than ${MAX_SCHEMA_NODES} subschemas, counted along references` });
    }
    if (depth > MAX_SCHEMA_DEPTH) {
      return fail({ at: place, problem: `is nested deeper than ${MAX_SCHEMA_DEPTH} schemas` });
    }
    if (!isObject(schema)) return ok(sharesOf({}, []));
    if (schema.uniqueItems === true) comparisons += 1;
    const parts: Part[] = [];
    for (const sub of subschemas(schema, place)) {
      if (sub.keyword === "$defs" || sub.keyword === "definitions") continue;
      const shares = walk(sub.schema, sub.at, refs, depth + 1);
      if (!shares.ok) return shares;
      parts.push({ keyword: sub.keyword, shares: shares.value });
    }
    if (schema.$ref !== undefined) {
      const target = referred(schema.$ref, root);
      const refPlace = [...place, "$ref"];
      if (target === null) return fail({ at: refPlace, problem: "leads nowhere" });
      if (refs.includes(target.steps.join("/")))
        return fail({ at: refPlace, problem: "leads back to where it stands" });
      const shares = walk(
        target.schema,
        [...at, ...target.steps],
        [...refs, target.steps.join("/")],
        depth + 1,
      );
      if (!shares.ok) return shares;
      parts.push({ keyword: "$ref", shares: shares.value });
    }
    return ok(sharesOf(schema, parts));
  };
  const walked = walk(root, at, [], 0);
  if (!walked.ok) return walked;
  const { keywords, readings, namings } = walked.value;
  return ok({ keywords: most(keywords), readings: most(readings), namings: most(namings), comparisons });
}

interface Part {
  readonly keyword: string;
  readonly shares: Shares;
}

const most = ({ here, below }: Share): number => Math.max(here, below);

const TEXT_READERS = ["pattern", "format", "minLength", "maxLength"];

/** What looks at members by their names writes each name, as part of a URI, into where it is. */
const NAMING_STEPS = 4;

const timesNamed = ({ patternProperties, additionalProperties, propertyNames }: JsonObject): number =>
  [additionalProperties, propertyNames].filter((one) => one !== undefined).length +
  (isObject(patternProperties) ? Object.keys(patternProperties).length : 0);

const sharesOf = (schema: JsonObject, parts: readonly Part[]): Shares => ({
  keywords: shareOf(
    ownKeywords(schema),
    parts.map(({ keyword, shares }) => ({ keyword, share: shares.keywords })),
  ),
  readings: shareOf(
    TEXT_READERS.filter((name) => schema[name] !== undefined).length,
    parts.map(({ keyword, shares }) => ({ keyword, share: shares.readings })),
  ),
  namings: shareOf(
    NAMING_STEPS * timesNamed(schema),
    parts.map(({ keyword, shares }) => ({ keyword, share: shares.namings })),
  ),
});

/** Keywords whose schemas are for members or items, where one of them is for each. */
const ONE_OF_MEMBERS = ["properties", "additionalProperties"];
const ONE_OF_ITEMS = ["prefixItems", "items"];
/** And where all are. */
const EACH_MEMBER = ["patternProperties", "propertyNames"];
const EACH_ITEM = ["contains"];
const BELOW = [...ONE_OF_MEMBERS, ...ONE_OF_ITEMS, ...EACH_MEMBER, ...EACH_ITEM];

function shareOf(own: number, parts: readonly { readonly keyword: string; readonly share: Share }[]): Share {
  const sharesAt = (keywords: readonly string[]) =>
    parts.filter(({ keyword }) => keywords.includes(keyword)).map(({ share }) => most(share));
  const inPlace = parts.filter(({ keyword }) => !BELOW.includes(keyword)).map(({ share }) => share);
  const member = Math.max(0, ...sharesAt(ONE_OF_MEMBERS)) + sum(sharesAt(EACH_MEMBER));
  const item = Math.max(0, ...sharesAt(ONE_OF_ITEMS)) + sum(sharesAt(EACH_ITEM));
  return {
    here: own + sum(inPlace.map(({ here }) => here)),
    below: Math.max(member, item) + sum(inPlace.map(({ below }) => below)),
  };
}

/** Both numbers are made integers of up to some thousand bits, and one is divided by the other. */
const MULTIPLE_OF_STEPS = 24;

/** What a value is held against in one schema, each name and value of a list counted. Schemas in it are counted by themselves. */
const ownKeywords = (schema: JsonObject): number =>
  1 + sum(Object.entries(schema).map(([name, value]) => 1 + lengthOf(name, value)));

function lengthOf(keyword: string, value: JsonValue): number {
  switch (keyword) {
    case "const":
    case "enum":
    case "required":
    case "dependentRequired":
      // With the length of texts: a value that does not match has them all written into its fault.
      return sizeOf(value).weight;
    case "multipleOf":
      return MULTIPLE_OF_STEPS;
    case "properties":
    case "patternProperties":
    case "dependentSchemas":
      return isObject(value) ? Object.keys(value).length : 0;
    default:
      return 0;
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
