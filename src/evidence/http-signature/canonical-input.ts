/** A quick reader of `Signature-Input` in the spelling that nearly all signers use. */

import type { Parameters } from "structured-headers";
import type { Component, SignatureInput } from "./fields.ts";

/** A String without escapes, and a plain Integer: as the text of the one is, so it is serialised (RFC 9651 section 4.1). */
const STRING = /"[ !#-[\]-~]*"/.source;
const INTEGER = /(?:0|[1-9][0-9]{0,14})/.source;
const KEY = /[a-z*][a-z0-9_.*-]*/.source;

const MEMBER = new RegExp(
  `(${KEY})=(\\((${STRING}(?: ${STRING})*)?\\)((?:;${KEY}=(?:${STRING}|${INTEGER}))*))(?:, (?!$)|$)`,
  "y",
);
const COMPONENT = new RegExp(STRING, "g");
const PARAMETER = new RegExp(`;(${KEY})=(?:"([^"]*)"|(${INTEGER}))`, "g");

/**
 * Reads a field in which each member is an Inner List of Strings without parameters, with parameters that are Strings
 * or Integers, all of it in the form in which a serialiser writes it. So the text of a member is its own canonical form, and
 * need not be serialised anew.
 *
 * @returns by label; null where the field has any other form, which says nothing of whether it is well-formed
 */
export function readCanonicalInput(text: string): ReadonlyMap<string, SignatureInput> | null {
  const inputs = new Map<string, SignatureInput>();
  MEMBER.lastIndex = 0;
  for (let position = 0; position < text.length; position = MEMBER.lastIndex) {
    const [whole, label, serialised, list = "", written = ""] = MEMBER.exec(text) ?? [];
    if (whole === undefined || label === undefined || serialised === undefined || inputs.has(label))
      return null;
    const parameters = readParameters(written);
    if (parameters === null) return null;
    inputs.set(label, { components: readComponents(list), parameters, serialised });
  }
  return inputs.size > 0 ? inputs : null;
}

const PLAIN: Parameters = new Map();

const readComponents = (list: string): readonly Component[] =>
  (list.match(COMPONENT) ?? []).map((identifier) => ({
    identifier,
    name: identifier.slice(1, -1),
    parameters: PLAIN,
  }));

/** Null where one occurs twice. */
function readParameters(written: string): Parameters | null {
  const parameters: Parameters = new Map();
  let count = 0;
  for (const [, key = "", text, number] of written.matchAll(PARAMETER)) {
    parameters.set(key, text ?? Number(number));
    count += 1;
  }
  return parameters.size === count ? parameters : null;
}
