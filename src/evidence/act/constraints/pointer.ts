/**
 * The steps of a JSON Pointer (RFC 6901) to an argument; null where it is none, and for the empty one, which names all
 * arguments together. Each place has one spelling: `~` and `/` in a name are `~0` and `~1`.
 */
export function readPointer(text: string): readonly string[] | null {
  if (!/^(\/([^~/]|~[01])*)+$/u.test(text)) return null;
  return text
    .slice(1)
    .split("/")
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}
