/** The files of `vectors/`, as `vectors/README.md` describes them. Shared by the generator and the runner. */

import type { TenantDocument } from "../../src/tenant/schema/document.ts";

/** `vectors/index.json` */
export interface Index {
  readonly format: number;
  readonly cases: number;
  readonly files: readonly IndexEntry[];
  /** Reason codes that no request alone can show, each with why. */
  readonly notShown: Readonly<Record<string, string>>;
}

export interface IndexEntry {
  readonly file: string;
  readonly title: string;
  readonly cases: number;
}

/** One file per topic. */
export interface TopicFile {
  readonly title: string;
  readonly cases: readonly Case[];
}

/** `vectors/tenants.json`: base documents by name. */
export type Tenants = Readonly<Record<string, TenantDocument>>;

export interface Case extends Step {
  readonly id: string;
  readonly title: string;
  /** Document and section. */
  readonly rule: string;
  /** Name of the base document. */
  readonly tenant: string;
  /** JSON Merge Patch (RFC 7396) to the base document. */
  readonly change?: Readonly<Record<string, unknown>>;
  /** What does not work while the case runs. */
  readonly environment?: readonly Fault[];
  /** Requests that come first, in this order. */
  readonly before?: readonly Step[];
}

export interface Step {
  /** NumericDate (RFC 7519 section 2). */
  readonly clock: number;
  readonly request: RawRequest;
  /** What the origin does; absent: it answers `DEFAULT_ANSWER`. */
  readonly origin?: OriginAnswer;
  /** What others publish, by URL: the answers to GET. Nothing else can be reached. */
  readonly remote?: Readonly<Record<string, Answer>>;
  readonly expect: Expectation;
}

/** On the wire: the lines of the head with CRLF after each, CRLF, the body. */
export interface RawRequest {
  /** Request line and header lines. Each character is one octet (ISO 8859-1). */
  readonly head: readonly Text[];
  /** As UTF-8; or base64 where the octets are no plain text. */
  readonly body: Text | { readonly base64: string };
}

/** A string, or pieces of one: long repetitions are not written out. */
export type Text = string | readonly (string | { readonly repeat: string; readonly times: number })[];

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type OriginAnswer = "unreachable" | "silent" | Answer;

export type Fault =
  | "tenants-unavailable"
  | "ledger-unavailable"
  | "log-unavailable"
  | "session-keys-missing"
  | "signing-keys-missing"
  | "gateway-url-invalid"
  | "flood";

export type Expectation = Common &
  (
    | { readonly verdict: "admitted" }
    /** Answered without evidence and without the origin. */
    | { readonly verdict: "answered" }
    | { readonly verdict: "denied"; readonly reason: string }
    /** Passed on all the same, since the tenant only observes what would refuse it. */
    | { readonly verdict: "observed"; readonly reason: string }
  );

interface Common {
  readonly status: number;
  /** The JSON-RPC error in the body: `error.code`, and what the caller is shown in `error.data.reason`. */
  readonly error?: { readonly code: number; readonly reason: string };
  /** The whole body, as JSON. */
  readonly body?: unknown;
  /** Header fields of the answer; null for one that must not be there. */
  readonly headers?: Readonly<Record<string, string | null>>;
  /** Header fields that the origin receives, null for one that it must not; null where nothing arrives there. */
  readonly forwarded?: Readonly<Record<string, string | null>> | null;
}

/** What an origin answers that is told nothing else. */
export const DEFAULT_ANSWER = {
  status: 200,
  headers: { "content-type": "application/json" },
  body: '{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"done"}]}}',
} as const;

/** The text with its repetitions written out. */
export const written = (text: Text): string =>
  typeof text === "string"
    ? text
    : text.map((piece) => (typeof piece === "string" ? piece : piece.repeat.repeat(piece.times))).join("");

/** The octets of a request, as they go over the wire. */
export function wireBytes({ head, body }: RawRequest): Buffer {
  const lines = [...head.map(written), "\r\n"].join("\r\n");
  return Buffer.concat([Buffer.from(lines, "latin1"), bodyBytes(body)]);
}

export const bodyBytes = (body: RawRequest["body"]): Buffer =>
  typeof body === "object" && "base64" in body
    ? Buffer.from(body.base64, "base64")
    : Buffer.from(written(body));
