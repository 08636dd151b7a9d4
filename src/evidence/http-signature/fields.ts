/** The fields `Signature-Input` and `Signature` (RFC 9421 section 4), read and written. */

import {
  type InnerList,
  isInnerList,
  type Parameters,
  serializeInnerList,
  serializeItem,
} from "structured-headers";
import {
  MAX_SIGNATURE_COMPONENTS,
  MAX_SIGNATURE_FIELD_BYTES,
  MAX_SIGNATURE_LABELS,
  MAX_SIGNATURE_PARAMETERS,
} from "../../limits.ts";
import type { Reason } from "../../reasons.ts";
import { fail, ok, type Result } from "../../result.ts";
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

/** `created` or `expires` written as anything but a plain Integer: 1.0, -0, 007, "1", @1 are other spellings. */
const ODD_TIME = /; *(?:created|expires)=(?!(?:0|[1-9][0-9]{0,14})(?:[;,) \t]|$))/;

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
  const inputs = strictDictionary(input);
  const values = strictDictionary(signature);
  if (inputs === null || values === null || ODD_TIME.test(structureOf(input)))
    return fail("signature.malformed");
  if (inputs.size > MAX_SIGNATURE_LABELS || values.size > MAX_SIGNATURE_LABELS)
    return fail("signature.too_large");
  // RFC 9421 section 4: each label is in both fields.
  if (inputs.size !== values.size) return fail("signature.labels");

  const signatures: LabelledSignature[] = [];
  for (const [label, member] of inputs) {
    const value = values.get(label);
    if (value === undefined) return fail("signature.labels");
    if (!isInnerList(member) || !(value[0] instanceof ArrayBuffer)) return fail("signature.malformed");
    if (isTooLarge(member)) return fail("signature.too_large");
    const components: Component[] = [];
    for (const [name, parameters] of member[0]) {
      if (typeof name !== "string") return fail("signature.malformed");
      components.push(component(name, parameters));
    }
    signatures.push({ label, ...signatureInput(components, member[1]), bytes: new Uint8Array(value[0]) });
  }
  return ok(signatures);
}

const isTooLarge = ([items, parameters]: InnerList): boolean =>
  items.length > MAX_SIGNATURE_COMPONENTS || parameters.size > MAX_SIGNATURE_PARAMETERS;
