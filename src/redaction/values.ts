/** What is cut out of a JSON value. It stays a value of JSON: what goes leaves a string that says so. */

import { foldCase } from "../json/fold-case.ts";
import { parsePlainJson } from "../json/plain-json.ts";
import { hasAtMost } from "../json/spans.ts";
import {
  isObject,
  type JsonFault,
  type JsonObject,
  type JsonValue,
  parseStrictJson,
} from "../json/strict-json.ts";
import { MAX_JSON_VALUES } from "../limits.ts";
import type { Redaction } from "../tenant/schema/redaction.ts";
import { marker, namesField, TRUNCATED, truncated, withoutSecrets } from "./texts.ts";

/** The very same value where nothing is cut out of it. Its nesting is bounded, as all that was parsed strictly. */
export function redactValue(value: JsonValue, redaction: Redaction, name: string | null = null): JsonValue {
  if (typeof value === "string") return redactText(value, redaction, name);
  // The number of a card may be written as one.
  if (typeof value === "number") {
    const text = String(value);
    return withoutSecrets(text, redaction) === text ? value : redactText(text, redaction, null);
  }
  if (isArray(value)) return redactList(value, redaction, TRUNCATED);
  return isObject(value) ? redactObject(value, redaction) : value;
}

/** @param rest what says that elements are missing */
export function redactList(
  list: readonly JsonValue[],
  redaction: Redaction,
  rest: JsonValue,
  redactElement: (element: JsonValue) => JsonValue = (element) => redactValue(element, redaction),
): readonly JsonValue[] {
  const { maxItems } = redaction;
  const kept = list.length > maxItems ? list.slice(0, maxItems) : list;
  const redacted = unlessSame(kept, kept.map(redactElement));
  return kept === list ? redacted : [...redacted, rest];
}

function redactObject(object: JsonObject, redaction: Redaction): JsonObject {
  const unsearchable = kindOfBytes(object);
  if (unsearchable === "image" || unsearchable === "audio")
    return { type: "text", text: marker(unsearchable) };
  return redactMembers(object, redaction, (name) =>
    unsearchable === "blob" && name === "blob" ? marker("blob") : undefined,
  );
}

/** @param own what becomes of a member, where that is not what becomes of every other one */
export function redactMembers(
  object: JsonObject,
  redaction: Redaction,
  own: (name: string, value: JsonValue) => JsonValue | undefined = () => undefined,
): JsonObject {
  const taken = new Set<string>();
  let isSame = true;
  const members = Object.entries(object).map(([name, value]): [string, JsonValue] => {
    const shown = unused(withoutSecrets(withoutFields(name, redaction), redaction), taken);
    const redacted = own(name, value) ?? redactMember(name, value, redaction);
    taken.add(shown);
    isSame &&= shown === name && redacted === value;
    return [shown, redacted];
  });
  return isSame ? object : Object.fromEntries(members);
}

const redactMember = (name: string, value: JsonValue, redaction: Redaction): JsonValue =>
  redaction.fields.has(foldCase(name)) ? marker("field") : redactValue(value, redaction, name);

/** Two names that were secrets must not become one. */
function unused(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name;
  return unused(`${name} ${taken.size}`, taken);
}

/** What holds bytes in base64, as the contents of MCP do: nobody can search them. */
function kindOfBytes(object: JsonObject): "image" | "audio" | "blob" | null {
  const { type, data, uri, blob } = object;
  if ((type === "image" || type === "audio") && typeof data === "string") return type;
  return typeof uri === "string" && typeof blob === "string" ? "blob" : null;
}

/**
 * A text that is JSON is read as JSON, and then once more as a text: MCP servers send results in both forms. One that parsers would
 * read differently is cut out whole, and so is one that is no JSON and names a field.
 */
export function redactText(text: string, redaction: Redaction, name: string | null): string {
  return truncated(withoutSecrets(withoutFields(text, redaction), redaction, name), redaction.maxText);
}

function withoutFields(text: string, redaction: Redaction): string {
  // Readers of texts drop spaces and a byte order mark.
  const trimmed = text.trim();
  const parsed = /^[[{"]/.test(trimmed) ? parseStrictJson(trimmed) : null;
  if (parsed?.ok) {
    const redacted = redactValue(parsed.value, redaction);
    return redacted === parsed.value ? text : JSON.stringify(redacted);
  }
  if (parsed !== null && mayBeJson(trimmed, parsed.error)) return marker("unreadable");
  return namesField(text, redaction.fields) ? marker("field") : text;
}

/** What is wrong with a text may show before it shows that it is none of JSON at all, or has more values than are read. */
const mayBeJson = (text: string, fault: JsonFault): boolean =>
  fault === "too_deep" || !hasAtMost(text, MAX_JSON_VALUES) || parsePlainJson(text) !== undefined;

const unlessSame = <T>(before: readonly T[], after: readonly T[]): readonly T[] =>
  after.every((element, i) => element === before[i]) ? before : after;

const isArray = (value: JsonValue): value is readonly JsonValue[] => Array.isArray(value);
