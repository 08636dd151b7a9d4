/** What can be signed of a request. */
export interface SignedRequest {
  readonly kind: "request";
  /** As sent, case kept. */
  readonly method: string;
  /**
   * Absolute, without fragment: the configured public origin, then path and query exactly as sent. Nothing here
   * comes from `Host`, which any intermediary may rewrite.
   */
  readonly targetUri: string;
  /** Lower-case names; values as Fetch gives them: lines joined with ", ", outer white space stripped. */
  readonly headers: ReadonlyMap<string, string>;
}

/** What can be signed of a response: also parts of the request that it answers. */
export interface SignedResponse {
  readonly kind: "response";
  readonly status: number;
  /** As in a request. */
  readonly headers: ReadonlyMap<string, string>;
  readonly request: SignedRequest;
}

export type SignedMessage = SignedRequest | SignedResponse;
