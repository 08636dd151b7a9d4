import { endOfValue, membersOf, skipSpace } from "./spans.ts";

/**
 * The text of one member as its sender wrote it. A parsed number no longer tells 300 from 300.0 or 3e2, and an
 * attestation may commit to integers only.
 *
 * @param text a JSON text that has passed the strict parser, so no name is there twice
 * @param path names of nested members, from the outermost
 * @returns the text of the member's value, or null where there is no such member
 */
export function memberText(text: string, path: readonly string[]): string | null {
  let at = skipSpace(text, 0);
  for (const name of path) {
    const start = startOfMember(text, at, name);
    if (start === null) return null;
    at = start;
  }
  return text.slice(at, endOfValue(text, at));
}

/** Where the value of a member begins, if the value at `at` is an object that has it. */
function startOfMember(text: string, at: number, name: string): number | null {
  for (const member of membersOf(text, at)) if (member.name === name) return member.start;
  return null;
}
