import { type Parameters, serializeByteSequence, serializeKey } from "structured-headers";
import { signatureBase } from "./base.ts";
import { type Component, signatureInput } from "./fields.ts";
import type { SignedMessage } from "./message.ts";

/** What a signature covers and says, and who makes it. */
export interface SigningOptions {
  /** In the order in which they are signed. */
  readonly components: readonly Component[];
  /** `created`, `keyid` and so on, in the order in which they are signed. */
  readonly parameters: Parameters;
  /** Names the signature within the two fields; carries no meaning. */
  readonly label: string;
  readonly sign: (base: Uint8Array<ArrayBuffer>) => Promise<Uint8Array>;
}

/**
 * Signs a message (RFC 9421 section 3.1).
 *
 * @returns the values of `Signature-Input` and `Signature`
 * @throws TypeError where a component cannot be had from the message, so that nothing weaker is sent
 */
export async function makeSignature(
  message: SignedMessage,
  { components, parameters, label, sign }: SigningOptions,
): Promise<{ signatureInput: string; signature: string }> {
  const input = signatureInput(components, parameters);
  const base = signatureBase(message, input);
  if (!base.ok) throw new TypeError(`a component cannot be signed: ${input.serialised}`);
  const bytes = await sign(base.value);
  return {
    signatureInput: `${serializeKey(label)}=${input.serialised}`,
    signature: `${serializeKey(label)}=${serializeByteSequence(new Uint8Array(bytes))}`,
  };
}
