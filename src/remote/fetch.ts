import { fetcherNamed } from "../bindings.ts";
import { discard } from "../bytes/discard.ts";
import { readWhole } from "../bytes/read-whole.ts";
import { fail, ok, type Result } from "../result.ts";
import { remoteUrlProblem } from "./url.ts";

/**
 * Name of a Fetcher that reaches public addresses alone. On Cloudflare no fetch reaches another, and there is none; workerd
 * elsewhere is given one, because a public name can have a private address.
 */
export const PUBLIC_INTERNET = "PUBLIC_INTERNET";

/** One document to fetch. */
export interface RemoteRequest {
  readonly url: string;
  /** Name of a Fetcher binding to reach it through; null for public https. */
  readonly binding: string | null;
  /** Media types that are taken, in lower case and without parameters. */
  readonly accept: readonly string[];
  /** Of the decoded body. */
  readonly maxBytes: number;
  /** For all of it, from the first packet to the last byte. */
  readonly deadlineMs: number;
  /** What is sent with a POST; a GET where it is absent. */
  readonly post?: { readonly headers: Readonly<Record<string, string>>; readonly body: string };
}

/** Why there is no document: the request may not be made, or nothing that may be taken came back. */
export type RemoteFault =
  | "url"
  | "binding"
  | "unreachable"
  | "timeout"
  | "status"
  | "content_type"
  | "too_large";

/**
 * Fetches a document of somebody else's: by https from a public host, once, without redirects, cookies or caches, and no
 * more of it than may be held. The body of anything but a 200 is not read.
 */
export async function fetchRemote(
  { url, binding, accept, maxBytes, deadlineMs, post }: RemoteRequest,
  env: Env,
): Promise<Result<Uint8Array<ArrayBuffer>, RemoteFault>> {
  if (remoteUrlProblem(url) !== null) return fail("url");
  const fetcher =
    binding === null ? (fetcherNamed(env, PUBLIC_INTERNET) ?? globalThis) : fetcherNamed(env, binding);
  if (fetcher === null) return fail("binding");
  const deadline = AbortSignal.timeout(deadlineMs);
  try {
    const response: Response = await fetcher.fetch(url, {
      ...(post && { method: "POST", body: post.body }),
      headers: { ...post?.headers, accept: accept.join(", ") },
      // Where a redirect leads is nobody's word but the server's: it was never allowed.
      redirect: "manual",
      cache: "no-store",
      signal: deadline,
    });
    const fault = headFault(response, accept);
    if (fault !== null) {
      await discard(response.body);
      return fail(fault);
    }
    if (response.body === null) return ok(new Uint8Array());
    // It counts from here on, so that the deadline, which counts from the first packet, is always the earlier one.
    const read = await readWhole(response.body, maxBytes, deadlineMs, deadline);
    if (read.ok) return read;
    return fail(read.error === "too_large" ? "too_large" : faultBy(deadline));
  } catch {
    return fail(faultBy(deadline));
  }
}

const faultBy = ({ aborted }: AbortSignal): RemoteFault => (aborted ? "timeout" : "unreachable");

function headFault({ status, headers }: Response, accept: readonly string[]): RemoteFault | null {
  if (status !== 200) return "status";
  const type = headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  return type !== undefined && accept.includes(type) ? null : "content_type";
}
