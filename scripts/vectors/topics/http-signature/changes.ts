import { alsoCovering, type Call } from "../../make/call.ts";
import type { Covered, Parameter, SignatureChanges } from "../../make/http-signature.ts";
import { changeHeader } from "../../make/message.ts";

export const FIELDS = "RFC 9421 section 4";

export const BASE = "RFC 9421 section 2.5";

export const VERIFY = "RFC 9421 section 3.2";

export const PARAMETERS = "RFC 9421 section 2.3";

export const PROFILE = "Countersign profile, Signature profiles";

export const signature = (changes: SignatureChanges): Call => ({ signature: changes });

export const parameters = (changes: Readonly<Record<string, Parameter | undefined>>): Call =>
  signature({ parameters: changes });

export const covering = (...more: readonly Covered[]): Call =>
  signature({ components: alsoCovering(...more) });

/** Changes one of the two fields after signing. */
export const field = (name: "Signature-Input" | "Signature", change: (value: string) => string): Call => ({
  after: (message) => changeHeader(message, name, change),
});

/** An extra signature in both fields, before or behind the caller's own. */
export const beside = (input: string, bytes: string, where: "before" | "behind" = "behind"): Call => ({
  after: (message) => {
    const join = (own: string, other: string) =>
      where === "before" ? `${other}, ${own}` : `${own}, ${other}`;
    const withInput = changeHeader(message, "Signature-Input", (own) => join(own, input));
    return changeHeader(withInput, "Signature", (own) => join(own, bytes));
  },
});

export const FOREIGN =
  ":AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==:";
