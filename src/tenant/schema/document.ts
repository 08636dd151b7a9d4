/**
 * The tenant document as operators write it: shape, bounds and defaults; larger sections have files of their own beside
 * this one. What needs more than one field is in `compile.ts`. `schema.json` is generated from here for editors, so every description is written for operators.
 */

import * as v from "valibot";
import {
  DEFAULT_SESSION_AGE,
  MAX_BODY_BYTES,
  MAX_ORIGIN_DEADLINE_MS,
  MAX_SESSION_AGE,
  MAX_TENANT_ENTRIES,
  MAX_TENANT_LIST,
  ORIGIN_DEADLINE_MS,
  STREAM_GRACE,
  STREAM_RECHECK,
} from "../../limits.ts";
import {
  bindingName,
  fields,
  identifier,
  integer,
  list,
  must,
  nonEmptyList,
  text,
  toolName,
} from "../fields.ts";
import { forwardHeaderProblem } from "../forward-headers.ts";
import type { EvidenceKind } from "../tenant.ts";
import { issuerUrlProblem, originUrlProblem, publicUrlProblem, webOriginProblem } from "../urls.ts";
import { act } from "./act.ts";
import { attestation, attestationKey } from "./attestation.ts";
import { ect } from "./ect.ts";
import { agent, issuer, status, trustDomain } from "./identities.ts";
import { signature, webBotAuth } from "./signature.ts";

const methodName = (description: string) =>
  text(/^[A-Za-z0-9_.$/-]{1,128}$/, "must be a JSON-RPC method name of 1 to 128 characters", description);

const url = (problem: (value: string) => string | null, description: string) =>
  v.pipe(v.string(), must(problem), v.description(description));

const origin = v.pipe(
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

/** Without a mandate nobody is known to have allowed the call, and a mandate is a bearer token. */
function requireProblem(kinds: EvidenceKind[]): string | null {
  if (!kinds.includes("mandate")) {
    return 'must hold "mandate": without one, nothing says who allowed the call and under which run it is kept';
  }
  if (!kinds.includes("signature")) {
    return 'must hold "signature": a mandate is a bearer token, and only a signature shows that its agent sent this very request, once';
  }
  return null;
}

const evidenceRule = fields({
  methods: v.optional(
    nonEmptyList(
      methodName("MCP method."),
      MAX_TENANT_LIST,
      "MCP methods this rule is for; all where absent.",
    ),
  ),
  tools: v.optional(
    nonEmptyList(
      toolName,
      MAX_TENANT_LIST,
      "Tools this rule is for; all where absent. With it, the rule matches tools/call alone.",
    ),
  ),
  require: v.pipe(
    v.array(v.picklist(["mandate", "signature", "ect", "attestation"])),
    v.maxLength(4, "must have at most 4 entries"),
    must(requireProblem),
    v.description('The evidence a call must carry. "mandate" and "signature" are always among it.'),
  ),
});

const actions = v.pipe(
  fields({
    toolCall: v.optional(
      text(
        /^[!-)+-z|~]{1,128}\{tool\}$/,
        "must be a prefix of printable ASCII without *, { and }, then {tool}",
        "Action of a tool call.",
      ),
      "mcp.{tool}",
    ),
    session: v.optional(
      text(
        /^[!-)+-z|~]{1,128}\{method\}$/,
        "must be a prefix of printable ASCII without *, { and }, then {method}",
        "Action of every other method, with / written as a dot. Tools whose action begins like it are refused.",
      ),
      "mcp.session.{method}",
    ),
    extraMethods: v.optional(
      list(
        methodName("JSON-RPC method."),
        MAX_TENANT_LIST,
        "Methods beyond those of MCP, such as an extension's.",
      ),
      [],
    ),
  }),
  v.description("How the action is derived that a mandate must grant and an ECT must name."),
);

const sessions = v.pipe(
  fields({
    maxAgeSeconds: v.optional(
      integer(1, MAX_SESSION_AGE, "Oldest Mcp-Session-Id; a client whose session is older begins a new one."),
      DEFAULT_SESSION_AGE,
    ),
  }),
  v.description("MCP sessions, of revisions up to 2025-11-25."),
);

const streams = v.pipe(
  fields({
    recheckSeconds: v.optional(
      integer(
        1,
        STREAM_RECHECK,
        "Time between two checks of the caller of an open response. Below 45 little is gained: tenant documents are cached for that long.",
      ),
      STREAM_RECHECK,
    ),
    graceSeconds: v.optional(
      integer(
        0,
        STREAM_GRACE,
        "How long a response may go on when a new request would find its mandate expired.",
      ),
      STREAM_GRACE,
    ),
  }),
  v.description("Responses that stay open."),
);

const oauth = v.pipe(
  fields({
    authorizationServers: v.optional(
      list(
        url(issuerUrlProblem, "Issuer identifier of an OAuth authorization server."),
        MAX_TENANT_LIST,
        "Where MCP clients are sent for a token.",
      ),
      [],
    ),
    scopes: v.optional(
      list(
        text(/^[!#-[\]-~]{1,256}$/, "must be an OAuth scope token (RFC 6749 section 3.3)", "A scope."),
        MAX_TENANT_LIST,
        "The scopes a client should ask for: the least that is of use.",
      ),
      [],
    ),
  }),
  v.description("What the protected resource metadata (RFC 9728) and the challenges of this tenant say."),
);

const tools = v.pipe(
  fields({
    filterList: v.optional(
      v.pipe(v.boolean(), v.description("Shows a caller in tools/list only the tools it may call.")),
      false,
    ),
  }),
  v.description("The tools of the origin."),
);

const value = (description: string) =>
  v.optional(nonEmptyList(identifier(description), MAX_TENANT_LIST, description));

export const tenantDocument = v.pipe(
  fields({
    $schema: v.optional(v.pipe(v.string(), v.description("For editors; ignored."))),
    id: text(
      /^[a-z0-9-]{1,63}$/,
      "must have 1 to 63 characters of a-z, 0-9 and '-'",
      "The tenant's id: it names the document, the path of a path tenant and the ledgers. Never reuse one.",
    ),
    status: status("tenant"),
    publicUrl: v.optional(
      url(
        publicUrlProblem,
        "The URL callers use and sign, on a host of its own. Absent: <GATEWAY_URL>/<id>/mcp.",
      ),
    ),
    origin,
    audiences: value(
      "The aud of mandates and ECTs, and the wimse-aud of signatures, that mean this tenant. Default: its public URL.",
    ),
    serverFingerprints: value(
      "The serverFingerprint of attestations that means this tenant. Default: its public URL.",
    ),
    allowedOrigins: v.optional(
      list(
        url(webOriginProblem, "As browsers send it: https://host, with a port where it is not the default."),
        MAX_TENANT_LIST,
        "Web sites whose pages may call this tenant. A request with another Origin header is refused.",
      ),
      [],
    ),
    maxBodyBytes: v.optional(integer(1, MAX_BODY_BYTES, "Largest request body."), MAX_BODY_BYTES),
    issuers: list(issuer, MAX_TENANT_ENTRIES, "Who may grant mandates, to whom and for what."),
    agents: list(
      agent,
      MAX_TENANT_ENTRIES,
      "Who may call: the only place where an identity becomes an agent.",
    ),
    trustDomains: v.optional(
      list(trustDomain, MAX_TENANT_ENTRIES, "Who may say which workload a key belongs to (WIMSE)."),
      [],
    ),
    attestationKeys: v.optional(
      list(attestationKey, MAX_TENANT_ENTRIES, "Keys of tool call attestations."),
      [],
    ),
    evidence: v.optional(
      nonEmptyList(
        evidenceRule,
        MAX_TENANT_LIST,
        "What a call must carry. The first rule that matches decides; no match means refusal.",
      ),
      [{ require: ["mandate", "signature", "ect"] }],
    ),
    actions: v.optional(actions, {}),
    signature: v.optional(signature, {}),
    webBotAuth: v.optional(webBotAuth),
    act: v.optional(act, {}),
    ect: v.optional(ect, {}),
    attestation: v.optional(attestation, {}),
    sessions: v.optional(sessions, {}),
    streams: v.optional(streams, {}),
    oauth: v.optional(oauth, {}),
    tools: v.optional(tools, {}),
  }),
  v.title("Countersign tenant"),
  v.description("One operator's protected MCP endpoint."),
);

/** A document as it is written: fields with a default can be left out. */
export type TenantDocument = v.InferInput<typeof tenantDocument>;

/** A document that has its shape, with all defaults of single fields. */
export type ShapedDocument = v.InferOutput<typeof tenantDocument>;
