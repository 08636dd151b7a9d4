/**
 * The text of one member as its sender wrote it. A parsed number no longer tells 300 from 300.0 or 3e2, and an
 * attestation may commit to integers only.
 */

/**
 * @param text a JSON text that has passed the strict parser: nothing here checks its grammar
 * @param path names of nested members, from the outermost
 * @returns the text of the member's value, or null where there is no such member
 */
export function memberText(text: string, path: readonly string[]): string | null {
  let at = skipSpace(text, 0);
  for (const name of path) {
    const value = findMember(text, at, name);
    if (value === null) return null;
    at = value;
  }
  return text.slice(at, endOfValue(text, at));
}

/** Where the value of a member begins, if the value at `at` is an object that has it. */
function findMember(text: string, at: number, name: string): number | null {
  if (text[at] !== "{") return null;
  let next = skipSpace(text, at + 1);
  while (text[next] === '"') {
    const end = endOfString(text, next);
    const colon = skipSpace(text, end);
    const value = skipSpace(text, colon + 1);
    if (JSON.parse(text.slice(next, end)) === name) return value;
    const comma = skipSpace(text, endOfValue(text, value));
    next = skipSpace(text, comma + 1);
  }
  return null;
}

function endOfValue(text: string, at: number): number {
  const first = text.charAt(at);
  if (first === '"') return endOfString(text, at);
  if (first !== "{" && first !== "[") return endOfRun(text, at, (char) => !" \t\r\n,]}".includes(char));
  let depth = 0;
  let next = at;
  do {
    const char = text.charAt(next);
    if (char === "{" || char === "[") depth++;
    if (char === "}" || char === "]") depth--;
    next = char === '"' ? endOfString(text, next) : next + 1;
  } while (depth > 0 && next < text.length);
  return next;
}

function endOfString(text: string, at: number): number {
  let next = at + 1;
  while (next < text.length && text[next] !== '"') next += text[next] === "\\" ? 2 : 1;
  return next + 1;
}

const skipSpace = (text: string, at: number): number =>
  endOfRun(text, at, (char) => " \t\r\n".includes(char));

function endOfRun(text: string, at: number, belongs: (char: string) => boolean): number {
  let next = at;
  while (next < text.length && belongs(text.charAt(next))) next++;
  return next;
}
