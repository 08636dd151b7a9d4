/** What is cut out of a block of a result: it stays a `ContentBlock` of MCP, which clients check member by member. */

import { isObject, type JsonObject, type JsonValue } from "../json/strict-json.ts";
import type { Redaction } from "../tenant/schema/redaction.ts";
import { marker } from "./texts.ts";
import { redactMembers, redactText, redactValue } from "./values.ts";

/** What the resource has in bytes goes with its block, which would be none without. */
export function redactBlock(block: JsonValue, redaction: Redaction): JsonValue {
  if (!isObject(block) || !isWord(block.type)) return redactValue(block, redaction);
  const { type, resource } = block;
  if (type === "image" || type === "audio") return textBlock(marker(type));
  if (isObject(resource) && resource.blob !== undefined) return textBlock(marker("blob"));
  return redactMembers(block, redaction, (name, value) => ownMember(name, value, redaction));
}

export const textBlock = (text: string): JsonObject => ({ type: "text", text });

/** A word of the protocol's own, too short to hold a secret. */
export const isWord = (value: JsonValue | undefined): value is string =>
  typeof value === "string" && /^[a-z_]{1,32}$/.test(value);

/** A member that MCP itself names, of its type: such a name is no field. Any other is a member like all else. */
function ownMember(name: string, value: JsonValue, redaction: Redaction): JsonValue | undefined {
  switch (name) {
    case "type":
      return isWord(value) ? value : undefined;
    case "uri":
      return typeof value === "string" ? redactUri(value, redaction) : undefined;
    case "text":
    case "name":
    case "title":
    case "description":
    case "mimeType":
    case "lastModified":
      return typeof value === "string" ? redactText(value, redaction, name) : undefined;
    case "size":
    case "priority":
      return typeof value === "number" ? numberOrNone(value, redaction) : undefined;
    case "audience":
      return Array.isArray(value) && value.every(isWord) ? value : undefined;
    case "annotations":
    case "resource":
      return isObject(value)
        ? redactMembers(value, redaction, (part, inner) => ownMember(part, inner, redaction))
        : undefined;
    case "_meta":
      return isObject(value) ? redactMembers(value, redaction) : undefined;
    case "icons":
      return Array.isArray(value) && value.length > 0 ? NO_ICONS : undefined;
    default:
      return undefined;
  }
}

/** Some clients take a result only where each URI in it is one. */
function redactUri(uri: string, redaction: Redaction): string {
  const redacted = redactText(uri, redaction, "uri");
  return redacted === uri || URL.canParse(redacted)
    ? redacted
    : `redacted:${redacted.replace(/^\[redacted: (\w+)]$/, "$1")}`;
}

/** The number of a card may be written as one. */
const numberOrNone = (value: number, redaction: Redaction): number =>
  redactValue(value, redaction) === value ? value : 0;

/** Nobody can search images. */
const NO_ICONS: readonly JsonValue[] = [];
