/** JSON Pointers (RFC 6901) that name one place each: the empty one, which names the whole value, is none of them. */

import { MAX_JSON_DEPTH } from "../limits.ts";
import { isObject, type JsonValue } from "./strict-json.ts";

/** Each place has one spelling: `~` and `/` in a name are `~0` and `~1`. */
export const POINTER = /^(\/([^~/]|~[01])*)+$/;

/** The steps of a pointer; null where it is none, and for one of more steps than JSON may nest: there is nothing at its end. */
export function readPointer(text: string): readonly string[] | null {
  if (!POINTER.test(text)) return null;
  const steps = text.slice(1).split("/");
  if (steps.length > MAX_JSON_DEPTH) return null;
  return steps.map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** What stands at the end of these steps; undefined where nothing does. */
export function valueAt(root: JsonValue, steps: readonly string[]): JsonValue | undefined {
  let here: JsonValue | undefined = root;
  for (const step of steps) {
    if (Array.isArray(here)) here = INDEX.test(step) ? here[Number(step)] : undefined;
    else here = isObject(here) && Object.hasOwn(here, step) ? here[step] : undefined;
  }
  return here;
}

/** RFC 6901 section 4: no leading zeros, and `-` is the place behind the last element, where nothing is. */
const INDEX = /^(0|[1-9]\d*)$/;
