import { sha256Hex, utf8 } from "../encoding.ts";
import { canonical } from "./canonical.ts";
import type { JsonValue } from "./strict-json.ts";

/** `sha256:<hex>` of the canonical form of a value (RFC 8785). */
export const digestOf = async (value: JsonValue): Promise<string> =>
  `sha256:${await sha256Hex(utf8(canonical(value)))}`;
