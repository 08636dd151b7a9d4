/** The fields `Signature-Input` and `Signature` (RFC 9421 section 4), read and written. */

import { isInnerList, type Parameters, serializeInnerList, serializeItem } from "structured-headers";
import {
  MAX_SIGNATURE_COMPONENTS,
  MAX_SIGNATURE_FIELD_BYTES,
  MAX_SIGNATURE_LABELS,
  MAX_SIGNATURE_PARAMETERS,
} from "../../limits.ts";
import type { Reason } from "../../reasons.ts";
import { fail, ok, type Result } from "../../result.ts";
import { readCanonicalBytes, readCanonicalInput } from "./canonical-fields.ts";
import { strictDictionary, structureOf } from "./dictionary.ts";

/** One covered component, as listed. Whether it exists in a message is the business of `base.ts`. */
export interface Component {
  /** Serialised with all its parameters: `"@method"` and `"@method";req` are different components. */
  readonly identifier: string;
  readonly name: string;
  readonly parameters: Parameters;
}

/** What a signature says about itself; all of it is signed. */
export interface SignatureInput {
  readonly components: readonly Component[];
  readonly parameters: Parameters;
  /** The Inner List, serialised anew: the value of the `@signature-params` line. */
  readonly serialised: string;
}

export interface LabelledSignature extends SignatureInput {
  /** Not signed: an intermediary may rename it, so it means nothing. */
  readonly label: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export type FieldReason = Extract<Reason, "signature.malformed" | "signature.too_large" | "signature.labels">;

/** The identifier of a component without parameters, for names that need no escapes: header names, and those with @. */
export const plainIdentifier = (name: string): string => `"${name}"`;

export const component = (name: string, parameters: Parameters = new Map()): Component => ({
  identifier: serializeItem(name, parameters),
  name,
  parameters,
});

export const signatureInput = (components: readonly Component[], parameters: Parameters): SignatureInput => ({
  components,
  parameters,
  serialised: serializeInnerList([components.map((c) => [c.name, c.parameters]), parameters]),
});

/**
 * Reads the two fields. Every signature must be well-formed, also those of others, because a field that two
 * parsers read differently is no evidence; but components are not resolved here, so that another's signature
 * may cover what we do not know.
 */
export function parseSignatures(
  input: string,
  signature: string,
): Result<readonly LabelledSignature[], FieldReason> {
  if (input.length > MAX_SIGNATURE_FIELD_BYTES || signature.length > MAX_SIGNATURE_FIELD_BYTES) {
    return fail("signature.too_large");
  }
  const inputs = readCanonicalInput(input) ?? readInput(input);
  const values = readCanonicalBytes(signature) ?? readSignature(signature);
  if (inputs === null || values === null) return fail("signature.malformed");
  if (inputs.size > MAX_SIGNATURE_LABELS || values.size > MAX_SIGNATURE_LABELS)
    return fail("signature.too_large");
  // RFC 9421 section 4: each label is in both fields.
  if (inputs.size !== values.size) return fail("signature.labels");

  const signatures: LabelledSignature[] = [];
  for (const [label, one] of inputs) {
    const bytes = values.get(label);
    if (bytes === undefined) return fail("signature.labels");
    if (isTooLarge(one)) return fail("signature.too_large");
    signatures.push({ label, ...one, bytes });
  }
  return ok(signatures);
}

/** `created` or `expires` written as anything but a plain Integer: 1.0, -0, 007, "1", @1 are other spellings. */
const ODD_TIME = /; *(?:created|expires)=(?!(?:0|[1-9][0-9]{0,14})(?:[;,) \t]|$))/;

/** `Signature-Input` in any spelling; null where it is malformed. */
function readInput(text: string): ReadonlyMap<string, SignatureInput> | null {
  const dictionary = strictDictionary(text);
  if (dictionary === null || ODD_TIME.test(structureOf(text))) return null;
  const inputs = new Map<string, SignatureInput>();
  for (const [label, member] of dictionary) {
    if (!isInnerList(member)) return null;
    const components: Component[] = [];
    for (const [name, parameters] of member[0]) {
      if (typeof name !== "string") return null;
      components.push(component(name, parameters));
    }
    inputs.set(label, signatureInput(components, member[1]));
  }
  return inputs;
}

/** `Signature` in any spelling; null where it is malformed. */
function readSignature(text: string): ReadonlyMap<string, Uint8Array<ArrayBuffer>> | null {
  const dictionary = strictDictionary(text);
  if (dictionary === null) return null;
  const values = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const [label, [value]] of dictionary) {
    if (!(value instanceof ArrayBuffer)) return null;
    values.set(label, new Uint8Array(value));
  }
  return values;
}

const isTooLarge = ({ components, parameters }: SignatureInput): boolean =>
  components.length > MAX_SIGNATURE_COMPONENTS || parameters.size > MAX_SIGNATURE_PARAMETERS;
