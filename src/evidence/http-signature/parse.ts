import { absent, malformed, type Presented, present } from "../presented.ts";
import { type LabelledSignature, parseSignatures } from "./fields.ts";

/** The HTTP message signatures of a request. One field without the other is malformed, not absent. */
export function parseHttpSignature(
  headers: ReadonlyMap<string, string>,
): Presented<readonly LabelledSignature[]> {
  const input = headers.get("signature-input");
  const signature = headers.get("signature");
  if (input === undefined && signature === undefined) return absent;
  if (input === undefined || signature === undefined) return malformed("signature.malformed");
  const parsed = parseSignatures(input, signature);
  return parsed.ok ? present(parsed.value) : malformed(parsed.error);
}
