/** Names of the request headers that prove something, lower case. */

/** Carriers of the mandate: RFC 6750, and the header of ACT's own. */
export const MANDATE_HEADERS = ["authorization", "act-mandate"] as const;

/** Where an execution record is carried with a call of its agent. */
export const RECORD_HEADER = "act-record";

/** Carriers of the ECT: the name in later revisions of the draft first, and that of the first. */
export const ECT_HEADERS = ["wimse-ect", "execution-context"] as const;

/** The carrier of a tool call attestation that SEP-2787 names for HTTP. */
export const ATTESTATION_HEADER = "x-mcp-attestation";

/** The carrier of a workload identity token (draft-ietf-wimse-workload-creds section 5.1). */
export const WIT_HEADER = "workload-identity-token";

/** An HTTP message signature (RFC 9421 section 4). */
export const SIGNATURE_HEADERS = ["signature", "signature-input"] as const;

/** What has to be covered by the signature of every profile but poc wherever it is there. */
export const SIGNED_EVIDENCE_HEADERS = [
  ...MANDATE_HEADERS,
  RECORD_HEADER,
  ...ECT_HEADERS,
  ATTESTATION_HEADER,
  "content-digest",
] as const;

/** All evidence. It is for us, not for the origin. */
export const EVIDENCE_HEADERS = [...SIGNED_EVIDENCE_HEADERS, WIT_HEADER, ...SIGNATURE_HEADERS] as const;
