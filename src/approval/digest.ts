import { sha256, toBase64url, utf8 } from "../encoding.ts";
import { canonical } from "../json/canonical.ts";
import type { JsonObject } from "../json/strict-json.ts";

/** What makes two calls the same for a person who approves one of them. */
export interface ApprovedCall {
  /** `runKey` of the mandate; null where the caller has none. */
  readonly run: string | null;
  readonly principal: string;
  readonly tool: string;
  /** Of the request, without `_meta`: see `withoutMeta`. */
  readonly params: JsonObject;
}

/** Separates these hashes from every other use of SHA-256. */
const DOMAIN = "countersign-approval-v1\n";

/** base64url SHA-256 over the domain and the canonical form (RFC 8785) of the call. */
export const approvalDigest = async ({ run, principal, tool, params }: ApprovedCall): Promise<string> =>
  toBase64url(await sha256(utf8(DOMAIN + canonical({ run, principal, tool, params }))));

/** The params without what is about the request alone, and differs with every try. */
export function withoutMeta(params: JsonObject): JsonObject {
  const { _meta, ...rest } = params;
  return rest;
}
