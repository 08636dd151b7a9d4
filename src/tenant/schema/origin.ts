/** The section `origin` of a tenant document: the MCP server behind the tenant. */

import * as v from "valibot";
import {
  MAX_ORIGIN_CREDENTIALS,
  MAX_ORIGIN_DEADLINE_MS,
  MAX_TENANT_LIST,
  ORIGIN_DEADLINE_MS,
} from "../../limits.ts";
import { bindingName, fields, flag, integer, list, must, text, url } from "../fields.ts";
import { credentialHeaderProblem, forwardHeaderProblem } from "../forward-headers.ts";
import { originUrlProblem } from "../urls.ts";

const credential = v.pipe(
  fields({
    header: v.pipe(
      v.string(),
      must(credentialHeaderProblem),
      v.description("Name of the request header that carries it, in lower case."),
    ),
    secret: text(
      /^ORIGIN_[A-Z0-9_]{1,64}$/,
      "must be the name of a secret that begins with ORIGIN_, in capitals, such as ORIGIN_ACME_TOKEN",
      "Name of the secret of the deployment that holds it. No other tenant can name the same one.",
    ),
    prefix: v.optional(
      text(
        /^([!-~][ -~]{0,31})?$/,
        "must have at most 32 printable ASCII characters, and no space at its beginning",
        'What stands before it in the header, such as "Bearer ".',
      ),
      "",
    ),
  }),
  v.description("A credential of the tenant's own for its origin."),
);

export const origin = v.pipe(
  fields({
    url: url(
      originUrlProblem,
      "The MCP server behind this tenant: https, or http for localhost and loopback addresses.",
    ),
    binding: v.optional(
      bindingName(
        "Binding of the Worker to reach the origin through; without it the URL is fetched over the internet.",
      ),
    ),
    timeoutSeconds: v.optional(
      integer(
        1,
        MAX_ORIGIN_DEADLINE_MS / 1000,
        "How long to wait for the origin's response headers, and for the whole of a list of tools that is filtered.",
      ),
      ORIGIN_DEADLINE_MS / 1000,
    ),
    forwardHeaders: v.optional(
      list(
        v.pipe(
          v.string(),
          must(forwardHeaderProblem),
          v.description("Name of a request header, in lower case."),
        ),
        MAX_TENANT_LIST,
        "Further request headers the origin receives. A caller's signature must cover those it sends.",
      ),
      [],
    ),
    assertion: v.optional(
      v.pipe(
        v.boolean(),
        v.description(
          "Whether the origin is told, signed and with each call, who calls and what was decided.",
        ),
      ),
      true,
    ),
    credentials: v.optional(
      list(
        credential,
        MAX_ORIGIN_CREDENTIALS,
        "What the origin is shown in place of the caller's credentials, where the caller is known.",
      ),
      [],
    ),
    unsafeForwardAuthorization: flag(
      "Passes the caller's Authorization header on to the origin, which can then use the token as its own.",
    ),
  }),
  v.description("The MCP server that receives what was admitted."),
);

export interface Origin {
  readonly url: string;
  /** The same as assertions name it: normalised, and its origin (RFC 6454). */
  readonly target: { readonly href: string; readonly origin: string };
  /** Name of a Fetcher binding to reach it through; null for public https. */
  readonly binding: string | null;
  readonly timeoutMs: number;
  /** Lower-case names of further request headers the origin receives. */
  readonly forwardHeaders: ReadonlySet<string>;
  /** Whether it is sent a signed assertion with each call of a known caller. */
  readonly assertion: boolean;
  /** What it is sent with each call of a known caller. */
  readonly credentials: readonly OriginCredential[];
  readonly unsafeForwardAuthorization: boolean;
}

export interface OriginCredential {
  /** Lower case. */
  readonly header: string;
  /** Name of the deployment's secret. */
  readonly secret: string;
  /** What stands before its value. */
  readonly prefix: string;
}

export const originPolicy = ({
  url,
  binding,
  timeoutSeconds,
  forwardHeaders,
  ...rest
}: v.InferOutput<typeof origin>): Origin => {
  const { href, origin } = new URL(url);
  return {
    ...rest,
    url,
    target: { href, origin },
    binding: binding ?? null,
    timeoutMs: timeoutSeconds * 1000,
    forwardHeaders: new Set(forwardHeaders),
  };
};
