/** Signs requests (RFC 9421), also in ways that no signer should. Shares nothing with the verifier. */

import { type Bytes, key } from "./keys.ts";
import { utf8 } from "./tokens.ts";

/** A covered component: a name without parameters, or an identifier with its parameters and what stands in its line. */
export type Covered = string | { readonly id: string; readonly value: string };

/** A number is an Integer and a string a String; true is a bare name, and `raw` is written as it stands. */
export type Parameter = number | string | true | { readonly raw: string };

export interface SignatureChanges {
  /** Name of the key. Its kid is the `keyid`. */
  readonly by?: string;
  readonly label?: string;
  /** What is covered, in place of what the profile of the key asks for. */
  readonly components?: (names: readonly string[]) => readonly Covered[];
  /** undefined takes one out. */
  readonly parameters?: Readonly<Record<string, Parameter | undefined>>;
  /** The signature base, in place of what it would be. */
  readonly base?: (base: string) => string;
  /** The signature's octets. */
  readonly bytes?: (bytes: Bytes) => Bytes;
  /** What signs, in place of the key. */
  readonly sign?: (base: Bytes) => Promise<Bytes>;
}

export interface SignedRequest {
  readonly method: string;
  readonly targetUri: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** Member values of `Signature-Input` and `Signature`, with their label. */
export interface Signed {
  readonly label: string;
  readonly input: string;
  readonly signature: string;
}

export async function signRequest(
  request: SignedRequest,
  defaults: {
    readonly by: string;
    readonly components: readonly string[];
    readonly parameters: Readonly<Record<string, Parameter>>;
  },
  changes: SignatureChanges = {},
): Promise<Signed> {
  const signer = key(changes.by ?? defaults.by);
  const { label = "sig", components = (names) => names, base = (text) => text } = changes;
  const { bytes = (octets) => octets, sign = signer.sign } = changes;
  const lines = components(defaults.components).map((covered) =>
    typeof covered === "string" ? { id: `"${covered}"`, value: lineOf(covered, request) } : covered,
  );
  const parameters = { ...defaults.parameters, keyid: signer.kid, ...changes.parameters };
  const input = `(${lines.map(({ id }) => id).join(" ")})${written(parameters)}`;
  const text = [...lines.map(({ id, value }) => `${id}: ${value}`), `"@signature-params": ${input}`].join(
    "\n",
  );
  const octets = bytes(await sign(utf8(base(text))));
  return { label, input, signature: `:${Buffer.from(octets).toString("base64")}:` };
}

const written = (parameters: Readonly<Record<string, Parameter | undefined>>): string =>
  Object.entries(parameters)
    .map(([name, value]) => {
      if (value === undefined) return "";
      if (value === true) return `;${name}`;
      if (typeof value === "object") return `;${name}=${value.raw}`;
      return `;${name}=${typeof value === "number" ? value : `"${value}"`}`;
    })
    .join("");

function lineOf(name: string, { method, targetUri, headers }: SignedRequest): string {
  const url = new URL(targetUri);
  switch (name) {
    case "@method":
      return method;
    case "@target-uri":
      return targetUri;
    case "@authority":
      return url.host;
    case "@scheme":
      return url.protocol.slice(0, -1);
    case "@path":
      return url.pathname;
    case "@request-target":
      return url.pathname + url.search;
    case "@query":
      return url.search || "?";
    default: {
      const lines = headers.filter(([other]) => other.toLowerCase() === name);
      if (lines.length === 0) throw new Error(`there is no ${name} to sign: say what stands in its line`);
      return lines.map(([, value]) => value.trim()).join(", ");
    }
  }
}
