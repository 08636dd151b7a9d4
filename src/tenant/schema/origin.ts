/** The section `origin` of a tenant document: the MCP server behind the tenant. */

import * as v from "valibot";
import { MAX_ORIGIN_DEADLINE_MS, MAX_TENANT_LIST, ORIGIN_DEADLINE_MS } from "../../limits.ts";
import { bindingName, fields, integer, list, must, url } from "../fields.ts";
import { forwardHeaderProblem } from "../forward-headers.ts";
import { originUrlProblem } from "../urls.ts";

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
  }),
  v.description("The MCP server that receives what was admitted."),
);

export interface Origin {
  readonly url: string;
  /** Name of a Fetcher binding to reach it through; null for public https. */
  readonly binding: string | null;
  readonly timeoutMs: number;
  /** Lower-case names of further request headers the origin receives. */
  readonly forwardHeaders: ReadonlySet<string>;
}

export const originPolicy = ({
  url,
  binding,
  timeoutSeconds,
  forwardHeaders,
}: v.InferOutput<typeof origin>): Origin => ({
  url,
  binding: binding ?? null,
  timeoutMs: timeoutSeconds * 1000,
  forwardHeaders: new Set(forwardHeaders),
});
