/**
 * The reason codes: one for each thing that can be wrong, with what the caller can do about it.
 * Codes are stable: operators alert on them and clients switch on them. `docs/reasons.md` is generated from here.
 *
 * A group has a public form, which is all an unverified caller is shown; the code itself is in the audit log.
 * A group without one is harmless to show to anybody.
 */

/** The reason codes that SEP-2787 puts into the tool result of a failed attestation. */
export type AttestationReason =
  | "attestation_required"
  | "signature_invalid"
  | "key_unavailable"
  | "expired"
  | "nonce_replay"
  | "server_mismatch"
  | "tool_mismatch"
  | "args_commitment_mismatch";

/** What kind of answer a reason gets. `denial.ts` turns each into its wire form. */
export type Answer =
  | { kind: "challenge" }
  | { kind: "protocol"; status: 400 | 405 | 408 | 413 | 415 | 431 | 501; code: number }
  | { kind: "unknown-method" }
  | { kind: "forbidden" }
  /** 403, with a challenge that names all scopes that the call needs (RFC 6750 section 3.1). */
  | { kind: "insufficient-scope" }
  /** HTTP signature and Content-Digest: the status is that of the caller's signature profile. */
  | { kind: "signature" }
  | { kind: "attestation"; wire: AttestationReason }
  | { kind: "grant" }
  /** The budget of a tenant. */
  | { kind: "limit" }
  | { kind: "rate" }
  | { kind: "not-found" }
  | { kind: "unavailable" }
  | { kind: "origin"; status: 502 | 504 }
  /** The call was executed: the caller must not think that it never arrived, and repeat it. */
  | { kind: "withheld" }
  | { kind: "bug" };

export interface Entry {
  answer: Answer;
  /** What an unverified caller is shown; null where the code itself may be shown. */
  publicForm: PublicForm | null;
  /** What is wrong and what to do about it. */
  help: string;
}

/** The public forms of the groups, with what they say to a caller we do not know yet. */
export const PUBLIC_FORMS = {
  "bearer.invalid":
    "The ACT mandate was not accepted. Mint a fresh one for this audience from a trusted issuer.",
  "token.invalid":
    "The access token was not accepted. Ask an authorization server of this tenant for one for this resource.",
  "dpop.invalid": "The DPoP proof was not accepted. Make one for each request, with the key of the token.",
  "wit.invalid": "The workload identity token was not accepted.",
  "signature.invalid": "The HTTP message signature or the Content-Digest was not accepted.",
  "ect.invalid": "The execution context token was not accepted.",
  "attestation.invalid": "The tool call attestation was not accepted.",
  "principal.invalid": "The evidence does not name one and the same agent.",
} as const;

export type PublicForm = keyof typeof PUBLIC_FORMS;

const group = <K extends string>(
  answer: Answer,
  publicForm: PublicForm | null,
  codes: Record<K, string>,
): Record<K, Entry> =>
  Object.fromEntries(
    Object.entries<string>(codes).map(([code, help]) => [code, { answer, publicForm, help }]),
  ) as Record<K, Entry>;

const protocol = (status: 400 | 405 | 408 | 413 | 415 | 431 | 501, code: number): Answer => ({
  kind: "protocol",
  status,
  code,
});
const attestation = (wire: AttestationReason): Answer => ({ kind: "attestation", wire });

const INVALID_REQUEST = -32600;
const PARSE_ERROR = -32700;
const INVALID_PARAMS = -32602;
const HEADER_MISMATCH = -32020;

export const REASONS = {
  // -- stages 0 and 1: facts and tenant ---------------------------------------------------------------
  ...group(protocol(431, 431), null, {
    "request.too_many_headers": "The request has more headers than are read. Send fewer.",
    "request.headers_too_large": "The request headers are larger than are read. Send shorter ones.",
  }),
  ...group(protocol(400, INVALID_REQUEST), null, {
    "request.header_value": "A header has a control character in its value. Send it without.",
  }),
  ...group({ kind: "rate" }, null, {
    "rate.brake": "Too many requests from this address. Wait as Retry-After says.",
  }),
  ...group({ kind: "not-found" }, null, {
    "target.unknown": "Nothing is served at this host and path. Check the URL.",
    "target.no_authorization_server":
      "There is no OAuth authorization server here. Agents present an ACT mandate of an issuer that the tenant trusts.",
    "target.not_canonical":
      "The request target has dot segments, doubled slashes, backslashes or needless percent-encoding. Send the plain URL.",
    "target.query_not_allowed": "This endpoint takes no such query. Send the URL without one.",
  }),
  ...group({ kind: "forbidden" }, null, {
    "origin_header.not_allowed": "The Origin header names a site that this tenant does not allow.",
  }),
  ...group({ kind: "unavailable" }, null, {
    "keys.unavailable": "The keys that this needs could not be fetched. Try again.",
    "tenant.unavailable": "The tenant document could not be read. Try again.",
    "tenant.invalid": "The tenant document has faults. The operator must mend it.",
    "tenant.stale":
      "A newer tenant document is in force than the one that was read here. Nothing was forwarded; try again.",
    "gateway.misconfigured": "GATEWAY_URL is not an absolute URL. The operator must mend it.",
  }),

  // -- stage 2: bearer --------------------------------------------------------------------------
  ...group({ kind: "challenge" }, null, {
    "bearer.missing":
      "Send an ACT mandate in Authorization: Bearer or in ACT-Mandate, or an access token where the tenant takes those.",
  }),
  ...group({ kind: "challenge" }, "bearer.invalid", {
    "bearer.scheme":
      "Authorization does not have the scheme Bearer, or for an access token Bearer or DPoP, with one token.",
    "bearer.conflict": "Authorization and ACT-Mandate carry different mandates. Send one, or both equal.",
    "bearer.access_token": "Send an ACT mandate; this tenant takes no OAuth access tokens.",
    "act.malformed": "The mandate is not a compact JWS of strict JSON in canonical base64url.",
    "act.too_large": "The mandate is larger than is read. Grant fewer capabilities.",
    "bearer.two_kinds": "An access token and an ACT mandate came together. Send one of them.",
    "act.typ": "The mandate's typ is not act+jwt, nor at+jwt, which would make it an access token.",
    "act.alg": "The mandate's alg is not EdDSA or ES256, or not the one registered for its key.",
    "act.crit": "The mandate's header has a crit extension that is not understood.",
    "act.kid": "The mandate's header has no usable kid.",
    "act.claims": "A required claim of the mandate is missing or has the wrong type.",
    "act.constraint_malformed":
      "A constraint in the mandate's cap is malformed: a path that is no JSON Pointer or too deep, a limit of the wrong type, or too many patterns.",
    "act.phase": "This is an execution record (phase 2), not a mandate.",
    "act.issuer_unknown": "The mandate's issuer is not trusted by this tenant.",
    "act.key_unknown": "The issuer has no key with the mandate's kid.",
    "act.key_untrusted": "The mandate's x5c is no valid chain from an anchor of its issuer.",
    "act.signature": "The mandate's signature does not verify.",
    "act.expired": "The mandate has expired. Mint a fresh one.",
    "act.in_future": "The mandate's iat or nbf is in the future. Check the issuer's clock.",
    "act.lifetime": "The mandate lives longer than its issuer may grant.",
    "act.audience": "The mandate is for another audience.",
    "act.subject_unknown": "The mandate's sub is not an agent of this tenant.",
    "act.agent_not_granted": "The issuer may not authorise this agent.",
    "act.action_not_granted": "The mandate's cap has an action that its issuer may not grant.",
    "act.delegation_off":
      "This tenant takes no mandate with del: neither delegated ones nor those that may be.",
    "act.delegation_malformed":
      "del is not {depth, max_depth} with, from depth 1 on, a parent that is a well-formed mandate.",
    "act.delegation_depth":
      "The chain is deeper than its max_depth or the tenant allows, skips a depth, raises max_depth, or has a parent without del.",
    "act.delegation_chain":
      "A delegated mandate does not continue its parent: its iss is not the parent's sub, its wid differs, or a jti comes twice.",
    "act.delegation_signature":
      "A delegated mandate is not signed with a key that its delegator has registered for the profile agent.",
    "act.privilege_escalation":
      "A delegated mandate reaches beyond its parent in cap, constraints, aud, iat, nbf or exp.",
  }),

  ...group({ kind: "challenge" }, "token.invalid", {
    "token.malformed":
      "The access token is not a compact JWS of strict JSON in canonical base64url, or larger than is read.",
    "token.typ": "The access token's typ is not at+jwt (RFC 9068).",
    "token.alg":
      "The access token's alg is not ES256, ES384, EdDSA or RS256, or not the one registered for its key.",
    "token.crit": "The access token's header has a crit extension that is not understood.",
    "token.kid": "The access token's header has no usable kid.",
    "token.claims":
      "A claim of the access token is missing or has the wrong type: RFC 9068 requires iss, sub, aud, exp, iat, jti and client_id.",
    "token.confirmation":
      "cnf of the access token is not an object with jkt, a SHA-256 thumbprint in base64url, alone.",
    "token.issuer_unknown": "The access token's issuer is not trusted by this tenant.",
    "token.key_unknown": "The issuer has no key with the access token's kid.",
    "token.key_untrusted": "The access token's x5c is no valid chain from an anchor of its issuer.",
    "token.signature": "The access token's signature does not verify.",
    "token.expired": "The access token has expired. Ask for another.",
    "token.in_future": "The access token's iat or nbf is in the future. Check the issuer's clock.",
    "token.lifetime": "The access token lives longer than this tenant takes from its issuer.",
    "token.audience": "The access token is for another audience. Ask for one for this resource (RFC 8707).",
    "token.tenant": "The access token has no claim that says that it is for this tenant.",
    "token.tenant_header": "The header that names the tenant does not agree with the access token.",
    "token.subject":
      "No grant of this tenant's policy is for the access token's subject or for all of its issuer.",
    "token.client": "The access token was issued to a client that this tenant does not let in.",
    "token.client_key":
      "The access token is not bound to a key that its client's metadata document publishes.",
    "token.unbound":
      "The access token is not bound to a key, and this tenant takes no others. Ask for one with a DPoP proof.",
    "token.bound": "The access token is bound to a key. Send it with Authorization: DPoP and a proof.",
  }),
  ...group({ kind: "challenge" }, "dpop.invalid", {
    "dpop.unbound":
      "The access token is not bound to a key. Send it with Authorization: Bearer, without DPoP.",
    "dpop.missing": "The access token is bound to a key. Send a proof in the header DPoP.",
    "dpop.malformed":
      "DPoP is not one compact JWS of strict JSON in canonical base64url, or larger than is read.",
    "dpop.typ": "The proof's typ is not dpop+jwt.",
    "dpop.alg": "The proof's alg is not ES256, ES384, EdDSA or RS256.",
    "dpop.crit": "The proof's header has a crit extension that is not understood.",
    "dpop.key":
      "jwk of the proof is missing, private, weak, not for its alg, or a key that the tenant document has for something else.",
    "dpop.claims":
      "A claim of the proof is missing or has the wrong type: jti, htm, htu, iat or ath, or exp or nonce.",
    "dpop.signature": "The proof's signature does not verify.",
    "dpop.confirmation": "The proof is not made with the key that the access token is bound to.",
    "dpop.token": "The proof's ath is not the hash of this access token.",
    "dpop.method": "The proof's htm is not the method of this request.",
    "dpop.target": "The proof's htu is not the URL of this endpoint, without query and fragment.",
    "dpop.too_old": "The proof is more than five minutes old, or its exp is over. Make one for each request.",
    "dpop.in_future": "The proof's iat is more than five minutes in the future. Check the clock.",
  }),
  ...group({ kind: "challenge" }, null, {
    "dpop.nonce":
      "The proof has no nonce, or one that is not good any more. Make another with that of the answer's DPoP-Nonce.",
  }),

  // -- stage 3: message -------------------------------------------------------------------------------
  ...group(protocol(405, INVALID_REQUEST), null, {
    "message.http_method": "Use POST, GET, DELETE or OPTIONS.",
  }),
  ...group(protocol(415, INVALID_REQUEST), null, {
    "message.content_type": "Send Content-Type: application/json.",
    "message.content_encoding": "Send the body without a content coding.",
  }),
  ...group(protocol(413, INVALID_REQUEST), null, {
    "message.too_large": "The body is larger than this tenant takes.",
  }),
  ...group(protocol(408, INVALID_REQUEST), null, {
    "message.body_timeout": "The body did not arrive in time.",
    "message.body_broken": "The body broke off before its end.",
  }),
  ...group(protocol(400, PARSE_ERROR), null, {
    "message.empty": "The body is empty. Send one JSON-RPC message.",
    "message.not_utf8": "The body is not UTF-8, or begins with a byte order mark.",
    "message.not_json": "The body is not JSON (RFC 8259).",
  }),
  ...group(protocol(400, INVALID_REQUEST), null, {
    "message.unexpected_body": "This HTTP method takes no body.",
    "message.duplicate_key":
      "An object in the body has the same member twice. Parsers differ on which one counts.",
    "message.number":
      "A number in the body is not one that every parser reads alike (unsafe integer, -0, overflow, underflow, lost digits).",
    "message.lone_surrogate": "A string in the body has a lone surrogate.",
    "message.too_deep": "The body is nested deeper than is read.",
    "message.too_many_values": "The body has more members and elements than are read.",
    "message.batch": "Send one JSON-RPC message per request; arrays are not taken.",
    "message.not_jsonrpc": "The body is not one JSON-RPC 2.0 request, notification or response.",
    "message.case_variant":
      "A member differs from a JSON-RPC or MCP name in case alone, or by a NUL. Some parsers would take it.",
    "message.request_without_id":
      "Only notifications come without an id, and their methods begin with notifications/.",
  }),
  ...group({ kind: "unknown-method" }, null, {
    "message.method_unknown": "This MCP method is not in the tenant's table of methods.",
  }),
  ...group(protocol(400, INVALID_PARAMS), null, {
    "message.tool_name": "tools/call needs params.name, a string of 1 to 128 printable ASCII characters.",
    "message.tool_name_reserved": "The tool's action would fall under the session prefix of this tenant.",
    "message.params": "params, params._meta and params.arguments must be objects where present.",
  }),
  ...group(protocol(400, HEADER_MISMATCH), null, {
    "message.header_missing":
      "A header that mirrors the body (Mcp-Method, Mcp-Name, MCP-Protocol-Version) is missing.",
    "message.header_mismatch":
      "A header that mirrors the body does not agree with it, or mirrors what it does not have.",
  }),

  // -- stages 4 to 7: evidence ------------------------------------------------------------------------
  ...group({ kind: "forbidden" }, null, {
    "required.no_rule": "No evidence rule of this tenant matches this method and tool.",
    "ect.missing": "Send an execution context token in Wimse-ECT or Execution-Context.",
  }),
  ...group({ kind: "signature" }, null, {
    "signature.missing": "Sign the request: Signature-Input and Signature (RFC 9421).",
  }),
  ...group(protocol(400, 400), null, {
    "wit.missing": "This agent proves itself with a WIT: send it in Workload-Identity-Token.",
  }),
  ...group(protocol(400, 400), "wit.invalid", {
    "wit.malformed": "Workload-Identity-Token is not one compact JWS of strict JSON in canonical base64url.",
    "wit.too_large": "The WIT is larger than is read.",
    "wit.typ": "The WIT's typ is not wit+jwt.",
    "wit.alg": "The WIT's alg is not ES256, ES384, EdDSA or PS512, or not that of the key it names.",
    "wit.crit": "The WIT's header has a crit extension that is not understood.",
    "wit.kid": "The WIT's header has no usable kid.",
    "wit.claims":
      "exp of the WIT is missing or before its iat or nbf, or a claim that is there has the wrong type.",
    "wit.subject": "The WIT's sub is not a workload identifier in canonical form.",
    "wit.confirmation":
      "cnf.jwk of the WIT is missing, is not the only key in cnf, has no alg, is weak, is for an algorithm that is not taken, or is a key that the tenant document registers itself.",
    "wit.trust_domain_unknown": "The trust domain of the WIT's sub is not one of this tenant.",
    "wit.key_unknown": "The trust domain has no key with the WIT's kid.",
    "wit.signature": "The WIT's signature does not verify.",
    "wit.expired": "The WIT has expired. Ask for a fresh one.",
    "wit.in_future": "The WIT's iat or nbf is in the future. Check the clock of its issuer.",
  }),
  ...group(protocol(501, 501), "signature.invalid", {
    "signature.response_demanded":
      "wimse-sign-response asks for a signed answer. Answers are streamed as they come and cannot be signed: leave it out.",
  }),
  ...group({ kind: "signature" }, "signature.invalid", {
    "signature.malformed": "Signature-Input or Signature is not what RFC 9421 section 4 allows.",
    "signature.too_large":
      "The signature fields are larger than are read, or have too many labels or components.",
    "signature.labels": "Signature-Input and Signature do not have the same labels.",
    "signature.not_one":
      "There must be exactly one signature of the caller: with a keyid registered here, or in the profile wimse with its tag.",
    "signature.key_unknown": "The keyid is not a registered key of an agent.",
    "signature.alg":
      "The alg parameter is not the algorithm registered for the key, or the tenant does not take that algorithm.",
    "signature.parameters":
      "A parameter that the key's profile requires is missing or has the wrong type, or one that it forbids is there.",
    "signature.coverage": "The signature does not cover everything that the key's profile requires.",
    "signature.mandate_uncovered":
      "A delegated mandate must be covered by the signature, whatever the key's profile. Cover authorization or act-mandate.",
    "signature.component": "A covered component cannot be resolved for this message.",
    "signature.mismatch": "The signature does not verify over this request.",
    "signature.expired": "The signature has expired or is too old. Sign the request again.",
    "signature.in_future": "The signature's created is in the future. Check the clock.",
    "signature.window": "The time from created to expires is longer than is accepted.",
    "signature.web_bot_auth":
      "A signature of Web Bot Auth (tag web-bot-auth) is not that of the agent it names, or not in time.",
    "signature.audience": "wimse-aud does not name this endpoint.",
    "digest.missing": "A request with a body needs Content-Digest.",
    "digest.malformed": "Content-Digest is malformed or has no sha-256 or sha-512 value.",
    "digest.mismatch": "Content-Digest is not the digest of the body that arrived.",
  }),
  ...group({ kind: "forbidden" }, "ect.invalid", {
    "ect.malformed": "The ECT is not a compact JWS of strict JSON in canonical base64url.",
    "ect.conflict": "Wimse-ECT and Execution-Context carry different tokens. Send one, or both equal.",
    "ect.too_large": "The ECT is larger than is read.",
    "ect.typ": "The ECT's typ is not exec+jwt or wimse-exec+jwt.",
    "ect.alg": "The ECT's alg is not one this tenant accepts, or not the one registered for its key.",
    "ect.crit": "The ECT's header has a crit extension that is not understood.",
    "ect.kid": "The ECT's header has no usable kid.",
    "ect.unsigned":
      "The ECT is unsigned (level 1). This tenant takes none, or the HTTP signature does not cover it. Sign it.",
    "ect.claims": "A required claim of the ECT is missing or has the wrong type.",
    "ect.extension": "ect_ext (or ext, not both) is no object, or larger or deeper than the profile allows.",
    "ect.pred_too_long": "pred names more parents than are read. Name only those not named by a later step.",
    "ect.key_unknown": "The ECT's kid is not a registered key of an agent.",
    "ect.issuer": "The ECT's iss is not an identity of the agent whose key signed it.",
    "ect.signature": "The ECT's signature does not verify.",
    "ect.expired": "The ECT has expired.",
    "ect.too_old": "The ECT's iat is too old. Mint one for each request.",
    "ect.in_future": "The ECT's iat or nbf is in the future. Check the clock.",
    "ect.audience": "The ECT is for another audience.",
    "ect.inp_hash_missing": "An ECT for a request with a body needs inp_hash.",
    "ect.inp_hash_mismatch": "inp_hash is not the SHA-256 of the body that arrived.",
    "ect.exec_act_mismatch": "exec_act is not the action of this method and tool.",
    "ect.mandate_not_named": "pred does not name the mandate that came with the request.",
    "ect.wid_mismatch": "The ECT's wid is not the mandate's.",
    "ect.misplaced":
      "GET, DELETE, responses and Countersign's own endpoints take no ECT: they do nothing that one could name.",
  }),
  ...group({ kind: "forbidden" }, null, {
    "token.evidence_beside":
      "Evidence of agents came beside an access token: a signature, ECT, WIT, attestation or ACT-Record. None is read there; leave it out.",
    "token.no_rule": "No rule of this tenant says which scopes this method and tool need, so none is enough.",
  }),
  ...group({ kind: "insufficient-scope" }, null, {
    "token.scope":
      "The access token lacks a scope that this call needs. Ask for one with all that the challenge names.",
  }),
  ...group({ kind: "forbidden" }, "principal.invalid", {
    "principal.mismatch": "Mandate, signature, ECT and attestation must all be of the same agent.",
    "principal.key_mismatch": "The ECT and the HTTP signature must be made with the same key.",
  }),

  ...group({ kind: "forbidden" }, null, {
    "record.malformed":
      "The record is not a compact JWS with typ act+jwt, alg EdDSA or ES256, kid and no crit, or is larger than is read.",
    "record.claims":
      "A claim of the record is missing or has the wrong type: it has those of its mandate, exec_act, exec_ts, status and pred.",
    "record.several_lanes":
      "This agent has keys in several lanes, so that its record would be taken in each. The operator must give them one.",
    "record.subject": "The record's sub is not the calling agent.",
    "record.key_unknown": "The record is not signed with a registered key of its agent.",
    "record.signature": "The record's signature does not verify.",
    "record.status": "The record's status is not one this tenant takes.",
    "record.action": "The record's exec_act is not in its cap.",
    "record.time": "The record's exec_ts is in the future, or not within the life of its mandate.",
  }),

  // -- attestation: SEP-2787's own reason codes go on the wire, these into the audit log ---------------
  ...group(attestation("attestation_required"), "attestation.invalid", {
    "attestation.missing": "This tool needs a tool call attestation (SEP-2787).",
  }),
  ...group(attestation("signature_invalid"), "attestation.invalid", {
    "attestation.carrier_undecodable": "X-MCP-Attestation is not base64url of UTF-8.",
    "attestation.carrier_not_canonical": "The envelope in the header is not in canonical form (RFC 8785).",
    "attestation.carrier_conflict":
      "The attestations in the header and in _meta differ, or _meta has a second spelling of a member for them.",
    "attestation.too_large": "The envelope is larger than is read, or plans too many calls.",
    "attestation.not_strict_json": "The envelope is not strict JSON.",
    "attestation.schema": "The envelope does not have the shape of its dialect.",
    "attestation.envelope_number": "A number in the envelope is not one that its dialect can have here.",
    "attestation.dialect_unknown": "The envelope mixes dialects or has none of them.",
    "attestation.dialect_not_allowed": "This tenant does not take this dialect.",
    "attestation.alg_fields_differ": "alg and issuerAsserted.alg differ.",
    "attestation.signature_encoding": "The signature is not lower-case hex of the right length.",
    "attestation.signature_mismatch": "The signature does not verify over the envelope.",
    "attestation.identity_unknown": "iss and sub are not an identity of an agent of this tenant.",
    "attestation.principal_mismatch": "The attestation is another agent's.",
    "attestation.misplaced": "An attestation belongs to tools/call alone.",
  }),
  ...group(attestation("key_unavailable"), "attestation.invalid", {
    "attestation.alg_unsupported": "alg is not HS256, ES256 or RS256.",
    "attestation.issuer_unknown": "No key is registered for this iss.",
    "attestation.secret_version_unknown": "No key is registered for this secretVersion.",
    "attestation.alg_not_pinned": "alg is not the algorithm registered for this key.",
  }),
  ...group(attestation("expired"), "attestation.invalid", {
    "attestation.iat_in_future": "iat is in the future. Check the clock.",
    "attestation.ttl_passed": "The attestation has expired. Make one for each call.",
    "attestation.ttl_over_cap": "expSeconds is longer than this tenant accepts.",
    "attestation.claim_too_late": "The attestation expired before the call could be admitted.",
  }),
  ...group(attestation("nonce_replay"), "attestation.invalid", {
    "attestation.nonce_seen": "This attestation was used before. Make one for each call.",
  }),
  ...group(attestation("server_mismatch"), "attestation.invalid", {
    "attestation.fingerprint_not_found": "No planned call names this server's fingerprint.",
    "attestation.fingerprint_twice": "More than one planned call names this server's fingerprint.",
    "attestation.several_calls": "Attest one call at a time; this tenant takes no plans of several.",
  }),
  ...group(attestation("tool_mismatch"), "attestation.invalid", {
    "attestation.tool_differs": "The attestation is for another tool.",
  }),
  ...group(attestation("args_commitment_mismatch"), "attestation.invalid", {
    "attestation.args_missing": "The planned call has no commitment to its arguments.",
    "attestation.projection_not_json": "argsProjection is not strict JSON.",
    "attestation.projection_not_canonical": "The projection is not in canonical form (RFC 8785).",
    "attestation.projection_digest_mismatch": "projectionDigest is not the digest of the projection.",
    "attestation.hash_only_mismatch": "The committed digest is not that of the arguments.",
    "attestation.redacted_not_allowed": "The projection is neither the arguments nor their digest.",
    "attestation.redacted_not_subset":
      "The projection shows something that is not in the arguments, or that is there in a second spelling as well.",
    "attestation.args_number": "A number in the arguments is not one this dialect can commit to.",
    "attestation.ref_resolver_off":
      "References to arguments are not resolved here. Commit to the arguments by a projection alone.",
    "attestation.ref_host_not_allowed":
      "The reference is not an https URL whose host this tenant fetches arguments from.",
    "attestation.ref_unreachable":
      "What the reference names could not be fetched: it must be answered in time with 200 and JSON of at most 1 MiB, without a redirect.",
    "attestation.ref_digest_mismatch": "What the reference names does not have the digest that is signed.",
    "attestation.ref_content_mismatch": "What the reference names is not the arguments of the call.",
    "attestation.unbound_input":
      "This tool takes no attested call with inputResponses or requestState, which an attestation does not bind.",
  }),
  ...group({ kind: "unavailable" }, null, {
    "reference.misconfigured":
      "The tenant's binding for arguments by reference does not exist in this deployment. Nothing was forwarded.",
  }),

  // -- stage 7: session -------------------------------------------------------------------------------
  ...group(protocol(400, INVALID_REQUEST), null, {
    "session.missing":
      "This message belongs to a session (a response always does). Send the Mcp-Session-Id that initialize gave.",
  }),
  ...group({ kind: "not-found" }, null, {
    "session.malformed": "Mcp-Session-Id is not one that was given out here. Begin anew with initialize.",
    "session.unknown":
      "This is no session of this agent under this mandate's issuer, or its key was retired. Begin anew with initialize.",
    "session.expired": "The session is older than this tenant takes. Begin anew with initialize.",
  }),
  ...group({ kind: "unavailable" }, null, {
    "session.unconfigured":
      "The secret SESSION_KEYS is missing or malformed, so sessions cannot be sealed. The operator must set it.",
  }),

  // -- stages 7 and 8: capability and policy ----------------------------------------------------------
  ...group({ kind: "grant" }, null, {
    "capability.missing": "The mandate's cap does not have the action of this method and tool.",
    "capability.constraint_unknown": "The capability has a constraint that cannot be evaluated here.",
    "capability.argument_not_allowed":
      "The constraints in the mandate's cap do not allow these arguments, or this method has none to allow.",
    "capability.not_countable":
      "This agent has keys in several lanes, so max_calls cannot be counted. The operator must give them one lane.",
    "capability.calls_exhausted":
      "The capability was used as often as the mandate allows. Ask for another mandate.",
    "capability.too_many_counted":
      "The agent has as many live counts of calls under this issuer as it may have.",
    "policy.tenant_suspended": "The operator has suspended this tenant.",
    "policy.caller_unknown": "Nobody has proven to send this call.",
    "policy.agent_suspended": "The operator has suspended this agent.",
    "policy.tool_unlisted": "The tenant's policy does not list this tool.",
    "policy.tool_not_granted": "No grant of the tenant's policy gives this tool to this caller.",
    "policy.scope_too_narrow":
      "The grants of this caller are for tools that do not reach as far as this one.",
    "policy.grant_revoked": "The operator has revoked the grant of this tool to this caller.",
    "policy.grant_expired": "The grant of this tool to this caller has ended.",
    "policy.environment": "The tool may not be called where this tenant is: their tags do not match.",
    "policy.argument_not_allowed": "No grant of this tool to this caller allows these arguments.",
    "policy.arguments_invalid": "The arguments do not match the schema that the tenant gives for this tool.",
    "policy.arguments_too_costly":
      "The arguments are too large to be held against the tenant's schema for this tool. Send fewer.",
    "policy.rule_denied": "A rule of the tenant's policy refuses this call.",
    "policy.rule_failed":
      "A rule of the tenant's policy could not be evaluated for these arguments: one is missing, or of another type than the rule is for.",
    "policy.rule_too_costly": "The arguments are too large for the rules of the tenant's policy. Send fewer.",
  }),

  ...group({ kind: "grant" }, null, {
    "approval.required":
      "A person has to approve this call. Have it approved, then make the very same call again.",
    "approval.unavailable": "A person has to approve this call, and nobody can be asked.",
    "approval.refused": "A person has refused this call. Until their answer expires nobody is asked again.",
    "approval.too_many": "Too many calls of yours wait for a person. Have some of them decided first.",
    "approval.too_large":
      "A person has to approve this call, and its params are too long to be read. Send less at once.",
  }),

  ...group({ kind: "limit" }, null, {
    "limit.mandate_exhausted":
      "The tenant's limit for calls under one mandate or access token is used up. Wait as Retry-After says; where there is none, ask for another one.",
    "limit.principal_exhausted":
      "The tenant's limit for calls of one agent is used up. Wait as Retry-After says.",
    "limit.tool_exhausted": "The tenant's limit for calls of this tool is used up. Wait as Retry-After says.",
    "limit.tenant_exhausted":
      "The tenant's limit for calls of all agents together is used up. Wait as Retry-After says.",
    "limit.too_many_counted":
      "As many mandates of this issuer are counted as there may be. Use one for several calls.",
  }),
  ...group({ kind: "unavailable" }, null, {
    "limit.unavailable":
      "How much of the tenant's limits is left cannot be found out. Nothing was forwarded; try again.",
  }),

  // -- stage 9: admission -----------------------------------------------------------------------------
  ...group({ kind: "forbidden" }, null, {
    "replay.ect": "This ECT was used before. Mint one for each request.",
    "dpop.replay": "This DPoP proof was used before. Make one for each request.",
    "replay.nonce": "This signature nonce was used before. Sign each request afresh.",
    "replay.too_late":
      "A one-time value expired, or is older than the ledger of its agent (or the clock is behind). Send a fresh request.",
    "run.pred_unknown":
      "pred names a step that is not in this run. Name only steps whose answer said recorded.",
    "run.parent_after_child": "A parent in pred was issued after this ECT.",
    "run.parent_level": "A parent in pred has a lower level than this tenant asks for. Start a new run.",
    "run.parent_denied": "A parent in pred was denied, and this tenant takes no such parents. Leave it out.",
    "run.mandate_changed": "A mandate with this jti but other claims was used before.",
    "run.full": "The run has as many steps as one run may have. Start a new one.",
    "run.too_many": "The agent has as many live runs under this issuer as it may have.",
    "record.mandate_unknown":
      "The record's mandate has made no step here, or has ended. Send the record in time.",
    "record.mandate_differs": "The record's mandate claims are not those of the mandate that was used.",
    "record.repeated": "A record of this mandate was taken before.",
    "record.pred_unknown": "The record's pred names a step that is not in the run of its mandate.",
    "record.too_early": "The record's exec_ts is before a step in its pred. Check the clock.",
  }),
  ...group({ kind: "challenge" }, "bearer.invalid", {
    "revoked.mandate": "The mandate, or one that it was derived from, was revoked. Ask for another one.",
    "revoked.issuer":
      "The issuer of the mandate, of one that it was derived from, or of the access token was revoked. Come with one of another issuer.",
  }),
  ...group({ kind: "challenge" }, "token.invalid", {
    "revoked.token": "The access token was revoked. Ask for another one.",
  }),
  ...group({ kind: "forbidden" }, "token.invalid", {
    "revoked.subject": "The subject of the access token was revoked.",
  }),
  ...group({ kind: "forbidden" }, "bearer.invalid", {
    "revoked.agent": "The agent, or one that handed the mandate on to it, was revoked.",
    "revoked.run": "The run was revoked. Start a new one.",
    "revoked.key":
      "A key that signed the request, its mandate or its token was revoked. Sign with another one, or come with what another one has signed.",
  }),
  ...group({ kind: "forbidden" }, null, {
    "revoked.tenant": "The operator has stopped all calls of this tenant.",
  }),
  ...group({ kind: "unavailable" }, null, {
    "ledger.revocations_unknown":
      "The ledger has not heard for too long what was revoked. Nothing was forwarded; try again.",
    "ledger.unavailable": "The ledger did not answer. Nothing was forwarded; try again.",
    "ledger.overloaded": "The ledger has too much to do. Nothing was forwarded; try again.",
    "ledger.backlog_full": "Too many decisions wait for the audit log. Nothing was forwarded; try again.",
  }),

  // -- endpoints of our own ----------------------------------------------------------------------------
  ...group(protocol(405, 405), null, {
    "endpoint.method":
      "Receipts, runs and the audit log are read with GET, records sent with POST, revocations asked for with POST and lifted with DELETE.",
  }),
  ...group(protocol(400, 400), null, {
    "endpoint.query":
      "An export and the report of what was observed take from and to, in milliseconds; to go on with an export that broke off, its after and checkpoint. One that is too old is to be begun anew.",
  }),
  ...group(protocol(415, 415), null, {
    "record.content_type": "Send the record as the body, with Content-Type: application/jwt.",
  }),
  ...group({ kind: "forbidden" }, null, {
    "endpoint.evidence_misplaced":
      "No attestation and no ACT-Record is read here. A record is the body of a POST to the endpoint for records.",
    "endpoint.mandate": "Countersign's own endpoints take an ACT mandate, no access token.",
    "endpoint.profile":
      "This endpoint needs a signature of the profile agent or wimse. The operator must register such a key.",
    "endpoint.run_too_large":
      "The run has more decisions, or they name more parents, than are judged at once. An auditor can export them.",
  }),
  ...group(protocol(415, 415), null, {
    "revocation.content_type": "Send the revocation as the body, with Content-Type: application/json.",
  }),
  ...group(protocol(400, 400), null, {
    "revocation.malformed":
      "The body is not strict JSON of one revocation: kind, the members of that kind, and perhaps reason and until.",
  }),
  ...group({ kind: "forbidden" }, null, {
    "revocation.too_many":
      "The tenant has as many revocations as it may have. Lift some, or give them an end.",
  }),
  ...group({ kind: "unavailable" }, null, {
    "revocation.unavailable":
      "The directory did not answer, so it is not known whether this is written. Do the very same again.",
  }),
  ...group({ kind: "not-found" }, null, {
    "endpoint.not_found": "There is no such decision, run or revocation, or it is not yours to see.",
  }),
  ...group({ kind: "unavailable" }, null, {
    "endpoint.log_unavailable": "The audit log did not answer. Try again.",
    "signing.unconfigured":
      "The secret SIGNING_KEYS is missing or malformed, so no receipt can be given. The operator must set it.",
  }),

  // -- stage 10: forwarding ---------------------------------------------------------------------------
  ...group({ kind: "origin", status: 502 }, null, {
    "origin.unreachable": "The origin could not be reached, or what it answered is not HTTP.",
    "origin.client_gone": "The client went away before the origin's answer was whole.",
    "origin.broken": "The origin broke off in the middle of its answer.",
    "origin.redirect": "The origin answered with a redirect, which is not followed.",
    "origin.session_id": "The origin's Mcp-Session-Id is longer than is read, or not printable ASCII.",
    "origin.list_unreadable":
      "An answer of the origin's that may hold a list of tools cannot be filtered: it is too long, encoded, or not JSON.",
    "origin.misconfigured": "The tenant's origin binding does not exist in this deployment.",
  }),
  ...group({ kind: "unavailable" }, null, {
    "origin.credential_missing":
      "A secret that the origin is to be shown is missing in this deployment, or has characters that no header can have. The operator must set it.",
  }),
  ...group({ kind: "origin", status: 504 }, null, {
    "origin.timeout": "The origin did not answer in time.",
  }),
  ...group({ kind: "withheld" }, null, {
    "redaction.stream":
      "The call was executed and its result is withheld: it came as a stream of events, which cannot be redacted. The operator must have the server answer in JSON.",
    "redaction.not_json":
      "The call was executed and its result is withheld: it is not JSON that every parser reads alike, or has a content coding.",
    "redaction.too_large":
      "The call was executed and its result is withheld: it is larger than this tenant passes on of the tool. Ask for less.",
    "redaction.not_response":
      "The call was passed on and what was answered is withheld: it is no JSON-RPC response to the call with status 200.",
  }),
  ...group({ kind: "origin", status: 502 }, null, {
    "redaction.foreign_response":
      "What may be the result of another call came with this stream, which ends here: results of this tenant's tools are redacted.",
  }),
  ...group(protocol(400, INVALID_REQUEST), null, {
    "redaction.resumption":
      "Streams of this tenant cannot be taken up again, because results of its tools are redacted. Send the request without Last-Event-ID.",
    "redaction.id_reused":
      "The id of this request was used before in its session. MCP wants another one for each request.",
  }),
  ...group({ kind: "origin", status: 502 }, null, {
    "outcome.unknown":
      "The call was admitted, and nothing was heard of it again: it may have been forwarded and answered, or not.",
  }),
  ...group({ kind: "bug" }, null, {
    "internal.error": "Countersign has a bug and stopped here. Please report the decision id.",
  }),
} as const satisfies Record<string, Entry>;

export type Reason = keyof typeof REASONS;
