/**
 * The tenant document as operators write it: shape, bounds and defaults. Each section has its schema, what it is translated
 * to and the translation in a file beside this one. What needs more than one field is in `rules.ts`. `schema.json` is
 * generated from here for editors, so every description is written for operators.
 */

import * as v from "valibot";
import { MAX_BODY_BYTES, MAX_TENANT_ENTRIES, MAX_TENANT_LIST } from "../../limits.ts";
import { fields, identifier, integer, list, nonEmptyList, text, url } from "../fields.ts";
import { publicUrlProblem, webOriginProblem } from "../urls.ts";
import { accessTokens } from "./access-tokens.ts";
import { act } from "./act.ts";
import { actions } from "./actions.ts";
import { oauth, sessions, streams, tools } from "./answers.ts";
import { attestation, attestationKey } from "./attestation.ts";
import { audit } from "./audit.ts";
import { ect } from "./ect.ts";
import { evidence } from "./evidence.ts";
import { agent, issuer, status, trustDomain } from "./identities.ts";
import { observe } from "./observe.ts";
import { origin } from "./origin.ts";
import { policy } from "./policy.ts";
import { signature, webBotAuth } from "./signature.ts";

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
    version: v.optional(
      integer(
        0,
        Number.MAX_SAFE_INTEGER,
        "Raise it with a change that no copy of an earlier document may outlive.",
      ),
      0,
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
    evidence: v.optional(evidence, [{ require: ["mandate", "signature", "ect"] }]),
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
    audit: v.optional(audit, {}),
    accessTokens: v.optional(accessTokens),
    policy: v.optional(policy, {}),
    observe: v.optional(observe, []),
  }),
  v.title("Countersign tenant"),
  v.description("One operator's protected MCP endpoint."),
);

/** A document as it is written: fields with a default can be left out. */
export type TenantDocument = v.InferInput<typeof tenantDocument>;

/** A document that has its shape, with all defaults of single fields. */
export type ShapedDocument = v.InferOutput<typeof tenantDocument>;
