import { fromUtf8, utf8 } from "../../encoding.ts";
import { foldCase } from "../../json/fold-case.ts";
import { parsePlainJson } from "../../json/plain-json.ts";
import { elementsOf, membersOf, type Span, skipSpace } from "../../json/spans.ts";

/** Whether the caller may call the tool of this name. */
export type IsAllowed = (tool: string) => boolean;

/** A span of a text, and what is to stand there instead. */
interface Edit extends Span {
  readonly text: string;
}

/**
 * Takes out of the answer to a `tools/list` the tools that the caller may not call. Every other byte stays as the
 * origin wrote it: parts are cut out of the text, nothing is written anew. Whichever of several equal names a client's
 * parser takes, and whether it ignores their case, it finds no other tools.
 *
 * A list that was filtered is this caller's alone, so its `cacheScope` becomes "private" (MCP 2026-07-28,
 * server/utilities/caching), and is added beside a `ttlMs` that stands alone, which some clients take for public.
 *
 * @param text a JSON-RPC message, or an array of them, which MCP 2025-03-26 has
 * @returns the same text where it is something else than such an answer; null where it is not JSON
 */
export function filterList(text: string, isAllowed: IsAllowed): string | null {
  if (parsePlainJson(text) === undefined) return null;
  return applied(editsOf(text, isAllowed), text);
}

/** The same for a message in UTF-8; the very same bytes where nothing changes, null for garbage. */
export function filterListBytes(
  bytes: Uint8Array<ArrayBuffer>,
  isAllowed: IsAllowed,
): Uint8Array<ArrayBuffer> | null {
  const text = fromUtf8(bytes);
  // Readers of a body drop a byte order mark (WHATWG Encoding, "UTF-8 decode").
  const mark = text?.startsWith("\uFEFF") ? "\uFEFF" : "";
  const message = text?.slice(mark.length);
  const filtered = message === undefined ? null : filterList(message, isAllowed);
  if (filtered === null) return null;
  return filtered === message ? bytes : utf8(mark + filtered);
}

function* editsOf(text: string, isAllowed: IsAllowed): Generator<Edit> {
  const start = skipSpace(text, 0);
  yield* editsOfMessage(text, start, isAllowed);
  for (const message of elementsOf(text, start)) yield* editsOfMessage(text, message.start, isAllowed);
}

function* editsOfMessage(text: string, at: number, isAllowed: IsAllowed): Generator<Edit> {
  for (const { name, start } of membersOf(text, at)) {
    if (isNamed(name, "result")) yield* editsOfResult(text, start, isAllowed);
  }
}

function* editsOfResult(text: string, at: number, isAllowed: IsAllowed): Generator<Edit> {
  let isList = false;
  let isScoped = false;
  for (const { name, start } of membersOf(text, at)) {
    if (isNamed(name, "tools") && text[start] === "[") isList = true;
    if (isNamed(name, "cacheScope")) isScoped = true;
  }
  if (!isList) return;
  for (const { name, start, end } of membersOf(text, at)) {
    if (isNamed(name, "tools")) yield* cutsOfList(text, start, isAllowed);
    if (isNamed(name, "cacheScope") && stringAt(text, { start, end }) !== "private")
      yield { start, end, text: '"private"' };
    if (isNamed(name, "ttlMs") && !isScoped) yield { start: end, end, text: ',"cacheScope":"private"' };
  }
}

/** A comma goes with each element: those before the first that stays with the comma behind, all others with the one before. */
function* cutsOfList(text: string, at: number, isAllowed: IsAllowed): Generator<Edit> {
  let anyStays = false;
  /** Behind the last element that stays; as long as there is none, the beginning of the first element. */
  let from: number | null = null;
  let before = at;
  for (const { start, end } of elementsOf(text, at)) {
    from ??= start;
    if (mayBeSeen(text, start, isAllowed)) {
      const to = anyStays ? before : start;
      if (from < to) yield { start: from, end: to, text: "" };
      from = end;
      anyStays = true;
    }
    before = end;
  }
  if (from !== null && from < before) yield { start: from, end: before, text: "" };
}

/** What is no object with a name nobody could call. Of several names any could be the one that a client reads. */
function mayBeSeen(text: string, at: number, isAllowed: IsAllowed): boolean {
  let isTool = false;
  for (const member of membersOf(text, at)) {
    if (!isNamed(member.name, "name")) continue;
    const tool = stringAt(text, member);
    if (tool === null || !isAllowed(tool)) return false;
    if (member.name === "name") isTool = true;
  }
  return isTool;
}

const isNamed = (name: string, wanted: string): boolean =>
  name === wanted || foldCase(name) === foldCase(wanted);

/** The string that stands there, escapes decoded; null where something else does. */
const stringAt = (text: string, { start, end }: Span): string | null =>
  text[start] === '"' ? JSON.parse(text.slice(start, end)) : null;

/** The text after the edits, which come in its order. */
function applied(edits: Iterable<Edit>, text: string): string {
  const parts: string[] = [];
  let at = 0;
  for (const edit of edits) {
    parts.push(text.slice(at, edit.start), edit.text);
    at = edit.end;
  }
  return parts.length === 0 ? text : parts.join("") + text.slice(at);
}
