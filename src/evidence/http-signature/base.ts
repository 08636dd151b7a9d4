/** The signature base (RFC 9421 section 2.5), the same for signer and verifier. */

import type { Parameters } from "structured-headers";
import { utf8 } from "../../encoding.ts";
import { fail, ok, type Result } from "../../result.ts";
import { derivedValue } from "./derived.ts";
import { type FieldReader, fieldReader } from "./field-value.ts";
import type { Component, SignatureInput } from "./fields.ts";
import type { SignedMessage } from "./message.ts";

/**
 * The octets that are signed. A component that cannot be had exactly as RFC 9421 section 2 wants it fails the whole
 * signature and is never skipped: absent or repeated, unknown name, parameters that are unknown or exclude each other,
 * `req` outside responses, `bs` of a field that may have had several lines, `tr` (Fetch shows no trailers), or too much
 * to read anew.
 */
export function signatureBase(
  message: SignedMessage,
  input: SignatureInput,
): Result<Uint8Array<ArrayBuffer>, "signature.component"> {
  const here = source(message);
  const asked = message.kind === "response" ? source(message.request) : null;
  const lines: string[] = [];
  const seen = new Set<string>();
  for (const covered of input.components) {
    const wanted = covered.parameters.size === 0 ? PLAIN : readWanted(covered.parameters);
    const from = wanted?.req ? asked : here;
    if (wanted === null || from === null) return fail("signature.component");
    // Before its value is made: whoever repeats one component has not been proven, and must cost nothing.
    const identity = identityOf(covered, wanted);
    if (seen.has(identity)) return fail("signature.component");
    seen.add(identity);
    const value = resolve(from, covered.name, wanted);
    // A line end would let a value forge the next line.
    if (value === null || value.includes("\n") || value.includes("\r")) return fail("signature.component");
    lines.push(`${covered.identifier}: ${value}`);
  }
  lines.push(`"@signature-params": ${input.serialised}`);
  const text = lines.join("\n");
  const octets = utf8(text);
  // The base is ASCII: of other characters Fetch has lost the octets that were signed.
  return octets.length === text.length ? ok(octets) : fail("signature.component");
}

/** A message to take values from. */
interface Source {
  readonly message: SignedMessage;
  readonly field: FieldReader;
}

const source = (message: SignedMessage): Source => ({ message, field: fieldReader(message.headers) });

/** The parameters of a component (RFC 9421 section 2.1). */
interface Wanted {
  readonly sf: boolean;
  readonly bs: boolean;
  readonly req: boolean;
  readonly key: string | null;
  /** Of `@query-param`. */
  readonly name: string | null;
}

const PLAIN: Wanted = { sf: false, bs: false, req: false, key: null, name: null };

/** Null where one is unknown or has another value than it can have: a flag is there or it is not, and is never `?0`. */
function readWanted(parameters: Parameters): Wanted | null {
  let wanted = PLAIN;
  for (const [parameter, value] of parameters) {
    const isFlag = parameter === "sf" || parameter === "bs" || parameter === "req";
    const isText = parameter === "key" || parameter === "name";
    if (!(isFlag && value === true) && !(isText && typeof value === "string")) return null;
    wanted = { ...wanted, [parameter]: value };
  }
  return wanted;
}

/** Equal for one component with its parameters in another order. */
const identityOf = ({ name, identifier, parameters }: Component, wanted: Wanted): string =>
  parameters.size < 2 ? identifier : JSON.stringify([name, wanted]);

function resolve(
  { message, field }: Source,
  name: string,
  { sf, bs, key, name: query }: Wanted,
): string | null {
  // A name with @ is always derived, never a header field of that name (RFC 9421 section 7.5.1).
  if (name.startsWith("@")) return sf || bs || key !== null ? null : derivedValue(message, name, query);
  if (query !== null) return null;
  if (bs) return sf || key !== null ? null : field.bytes(name);
  // `key` serialises anew what it finds, so `sf` beside it changes nothing (section 2.1).
  if (key !== null) return field.member(name, key);
  return sf ? field.serialised(name) : (message.headers.get(name) ?? null);
}
