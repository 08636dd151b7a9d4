/**
 * Quick readers of the two fields in the spelling that nearly all signers use: the general ones take longer than all else that
 * comes on top of the bare verification. `fields.test.ts` holds both to the same readings, over generated fields.
 */

import type { Parameters } from "structured-headers";
import type { Component, SignatureInput } from "./fields.ts";

/** As the text of a String without escapes is, so it is serialised (RFC 9651 section 4.1.6). */
const STRING = /"[ !#-[\]-~]*"/.source;
/** Values of parameters: such a String, without semicolons, and a plain Integer. */
const VALUE = /(?:"[ !#-:<-[\]-~]*"|0|[1-9][0-9]{0,14})/.source;
const KEY = /[a-z*][a-z0-9_.*-]*/.source;

const INPUT = new RegExp(
  `(${KEY})=(\\((${STRING}(?: ${STRING})*)?\\)((?:;${KEY}=${VALUE})*))(?:, (?!$)|$)`,
  "y",
);

/** With all its padding. */
const BASE64 = /(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?/.source;

const BYTES = new RegExp(`(${KEY})=:(${BASE64}):(?:, (?!$)|$)`, "y");

/**
 * Reads a Dictionary in which each member is a Byte Sequence without parameters, as `Signature` and `Content-Digest` are.
 *
 * @returns by label; null where the field has any other form, which says nothing of whether it is well-formed
 */
export function readCanonicalBytes(text: string): ReadonlyMap<string, Uint8Array<ArrayBuffer>> | null {
  const values = new Map<string, Uint8Array<ArrayBuffer>>();
  BYTES.lastIndex = 0;
  for (let position = 0; position < text.length; position = BYTES.lastIndex) {
    const [whole, label = "", base64 = ""] = BYTES.exec(text) ?? [];
    if (whole === undefined || values.has(label)) return null;
    values.set(label, octetsOf(base64));
  }
  return values.size > 0 ? values : null;
}

function octetsOf(base64: string): Uint8Array<ArrayBuffer> {
  const binary = atob(base64);
  const octets = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) octets[i] = binary.charCodeAt(i);
  return octets;
}

/**
 * Reads a `Signature-Input` in which each member is an Inner List of Strings without parameters, with parameters that are Strings
 * or Integers, all of it in the form in which a serialiser writes it. So the text of a member is its own canonical form, and
 * need not be serialised anew.
 *
 * @returns by label; null where the field has any other form, which says nothing of whether it is well-formed
 */
export function readCanonicalInput(text: string): ReadonlyMap<string, SignatureInput> | null {
  const inputs = new Map<string, SignatureInput>();
  INPUT.lastIndex = 0;
  for (let position = 0; position < text.length; position = INPUT.lastIndex) {
    const [whole, label, serialised, list = "", written = ""] = INPUT.exec(text) ?? [];
    if (whole === undefined || label === undefined || serialised === undefined || inputs.has(label))
      return null;
    const parameters = readParameters(written);
    if (parameters === null) return null;
    inputs.set(label, { components: readComponents(list), parameters, serialised });
  }
  return inputs.size > 0 ? inputs : null;
}

const PLAIN: Parameters = new Map();

/** Within these Strings there is no quotation mark, so what lies between two of them occurs nowhere else. */
const readComponents = (list: string): readonly Component[] =>
  list === ""
    ? []
    : list
        .slice(1, -1)
        .split('" "')
        .map((name) => ({ identifier: `"${name}"`, name, parameters: PLAIN }));

/** Null where one occurs twice, or a time is a String. */
function readParameters(written: string): Parameters | null {
  const parameters: Parameters = new Map();
  // The text begins with a semicolon.
  const [, ...parts] = written.split(";");
  for (const part of parts) {
    const end = part.indexOf("=");
    const key = part.slice(0, end);
    const isString = part.endsWith('"');
    if (isString && (key === "created" || key === "expires")) return null;
    parameters.set(key, isString ? part.slice(end + 2, -1) : Number(part.slice(end + 1)));
  }
  return parameters.size === parts.length ? parameters : null;
}
