import { MAX_JSON_DEPTH } from "../../../limits.ts";

/**
 * The steps of a JSON Pointer (RFC 6901) to an argument; null where it is none, and for the empty one, which names all
 * arguments together. Each place has one spelling: `~` and `/` in a name are `~0` and `~1`.
 * Nor is it one of more steps than JSON may nest: there is nothing at its end.
 */
export function readPointer(text: string): readonly string[] | null {
  if (!/^(\/([^~/]|~[01])*)+$/u.test(text)) return null;
  const steps = text.slice(1).split("/");
  if (steps.length > MAX_JSON_DEPTH) return null;
  return steps.map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}
