/** The entries `keySources` of a tenant document: keys that their owners publish, and where. */

import * as v from "valibot";
import { didProblem } from "../../keys/did.ts";
import { MAX_ANCHORS, MAX_CERTIFICATE_BYTES, MAX_IDENTIFIER_LENGTH, MAX_TENANT_KEYS } from "../../limits.ts";
import { remoteHostProblem, remoteUrlProblem } from "../../remote/url.ts";
import { bindingName, fields, integer, list, must, nonEmptyList, text } from "../fields.ts";

const remoteUrl = (description: string) =>
  v.pipe(
    v.string(),
    v.maxLength(MAX_IDENTIFIER_LENGTH, `must have at most ${MAX_IDENTIFIER_LENGTH} characters`),
    must(remoteUrlProblem),
    v.description(description),
  );

/** A key or source of an agent says which signature profile it is for, and which ledger it writes to. */
export const keyRole = {
  profile: v.optional(
    v.pipe(
      v.picklist(["agent", "poc"]),
      v.description("The one HTTP signature profile that this is for. A poc key must be P-256."),
    ),
    "agent",
  ),
  lane: v.optional(
    integer(
      0,
      MAX_TENANT_KEYS - 1,
      "Spreads a busy agent over several ledgers. Never change the lane of a live key: what it spent would be forgotten.",
    ),
    0,
  ),
};

const binding = v.optional(
  bindingName("Binding of the Worker to fetch through; without it, over the internet."),
);

const jwks = {
  type: v.literal("jwks"),
  url: remoteUrl("The JWK set: https, port 443, a host name."),
  binding,
};

const did = {
  type: v.literal("did"),
  did: v.pipe(
    v.string(),
    v.maxLength(MAX_IDENTIFIER_LENGTH, `must have at most ${MAX_IDENTIFIER_LENGTH} characters`),
    must(didProblem),
    v.description(
      "A did:key, or a did:web whose document is fetched. The kid is the whole DID URL of the key.",
    ),
  ),
  binding,
};

const HOST = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$/;

const x509 = {
  type: v.literal("x509"),
  anchors: nonEmptyList(
    v.pipe(
      v.string(),
      v.maxLength(2 * MAX_CERTIFICATE_BYTES, `must have at most ${2 * MAX_CERTIFICATE_BYTES} characters`),
      v.description("A certificate of a certification authority: PEM, or its DER in base64."),
    ),
    MAX_ANCHORS,
    "The authorities that every chain must lead to.",
  ),
  san: v.pipe(
    v.union([
      fields({
        uri: text(/^[!-~]{1,2048}$/, "must be a URI in printable ASCII", "URI, compared byte for byte."),
      }),
      fields({ dns: text(HOST, "must be a host name in lower case", "Host name, in full; no wildcards.") }),
    ]),
    v.description("The subject alternative name that the signer's own certificate must have."),
  ),
};

const clientIdMetadata = {
  type: v.literal("clientIdMetadata"),
  url: remoteUrl("The client's id, which is the URL of its metadata document."),
  jwksHosts: v.optional(
    list(
      v.pipe(v.string(), must(remoteHostProblem), v.description("Host name.")),
      MAX_TENANT_KEYS,
      "Further hosts that its jwks_uri may be on. The document's own host always may.",
    ),
    [],
  ),
  binding,
};

const LISTED = "Where its other keys come from, in the order in which they are asked.";

export const issuerKeySources = v.optional(
  list(v.variant("type", [fields(jwks), fields(did), fields(x509)]), MAX_TENANT_KEYS, LISTED),
  [],
);

export const agentKeySources = v.optional(
  list(
    v.variant("type", [
      fields({ ...jwks, ...keyRole }),
      fields({ ...did, ...keyRole }),
      fields({ ...clientIdMetadata, ...keyRole }),
    ]),
    MAX_TENANT_KEYS,
    LISTED,
  ),
  [],
);

export const domainKeySources = v.optional(
  list(v.variant("type", [fields(jwks), fields(did)]), MAX_TENANT_KEYS, LISTED),
  [],
);
