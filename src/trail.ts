import type { EmittedRecord } from "./audit/receipts/emit.ts";
import type { DecisionFacts } from "./audit/record.ts";
import { randomId } from "./encoding.ts";
import type { Endpoint } from "./endpoints/endpoint.ts";
import type { VerifiedAccessToken } from "./evidence/access-token/verify.ts";
import type { Counted } from "./evidence/act/bind.ts";
import type { VerifiedRecord } from "./evidence/act/record.ts";
import type { VerifiedMandate } from "./evidence/act/verify.ts";
import type { Attested, ShownAttestation } from "./evidence/attested.ts";
import type { Caller } from "./evidence/caller.ts";
import type { VerifiedEct } from "./evidence/ect/verify.ts";
import type { KeptStub } from "./ledger/client.ts";
import type { ApprovalAsk, Ruling } from "./ledger/protocol.ts";
import type { RequestId } from "./mcp/message.ts";
import type { Reason } from "./reasons.ts";
import type { Session } from "./session/seal.ts";
import type { Tenant } from "./tenant/tenant.ts";

/**
 * What is known about one request so far. The gate fills it on the way; the answer and the audit record are made
 * from it, however far the request came.
 */
export interface Trail {
  /** The decision id, which is also the attempt id. */
  readonly decision: string;
  /** Milliseconds. */
  readonly startedAt: number;
  tenant: Tenant | null;
  endpoint: Endpoint | null;
  /** The absolute URL that the caller means and signs; null until the tenant is known. */
  target: string | null;
  /** The `Origin` of a browser client, once it is allowed. */
  corsOrigin: string | null;
  id: RequestId | null;
  /** The MCP method, for what has none the HTTP method; null until the body is read. */
  method: string | null;
  /** What the Mcp-Method header says: anybody's word, good for the form of an answer at most. */
  claimedMethod: string | null;
  tool: string | null;
  action: string | null;
  /** What the tenant keeps of the arguments. Of a stranger's it is not written: see `factsOf`. */
  kept: DecisionFacts["kept"];
  /** Whether the request follows revision 2026-07-28 or later. */
  modern: boolean;
  bodySha256: Uint8Array | null;
  /** The mandate, once it is verified: whose it is says not yet who sends it. */
  mandate: VerifiedMandate | null;
  /** The access token in its place; likewise. */
  token: VerifiedAccessToken | null;
  /** What the caller is to put into its next DPoP proof; null where it has that already, or needs none. */
  dpopNonce: string | null;
  /** The scopes that the call needs, where its access token does not have them all. */
  neededScopes: readonly string[] | null;
  caller: Caller | null;
  /** The ECT, once it is bound to body and mandate: from then on it is a step of the run, admitted or not. */
  step: VerifiedEct | null;
  /** Whether a refusal leaves the step unspent: see `sparing` in `stages/beside.ts`. */
  sparesStep: boolean;
  attested: Attested | null;
  /** An attestation of the caller's for this server that is of another call: it is known only to be refused. */
  unbound: ShownAttestation | null;
  /** An execution record of the caller's that came with the request. */
  record: VerifiedRecord | null;
  /** The entry of `cap` that the call uses up; null where its calls are not counted. */
  counted: Counted | null;
  /** What a person is to be asked, where the policy wants that; see `stages/ask-approval.ts`. */
  approval: ApprovalAsk | null;
  /** The caller's own session, or what a stranger whose call is only observed calls one; null for a message that belongs to none. */
  session: Session | null;
  /** What was signed to say that the attested call is allowed; null where nothing was. */
  decisionRecord: EmittedRecord | null;
  /** Why the call would be refused first, were it not only observed; null where nothing was. */
  observed: Reason | null;
  /** What the ledger said; null until it was asked. */
  ruling: Ruling | null;
  /** What the ledger was asked through to admit the call; null before that. */
  ledgerStub: KeptStub | null;
  /** The checks passed, in order; see `DecisionFacts`. */
  readonly checks: string[];
}

/** Whether the agent that the mandate names signs in the profile wimse. */
export const isWimse = ({ mandate }: Pick<Trail, "mandate">): boolean =>
  (mandate?.agent.workload ?? null) !== null;

export const newTrail = (now: number): Trail => ({
  decision: randomId(),
  startedAt: now,
  tenant: null,
  endpoint: null,
  target: null,
  corsOrigin: null,
  id: null,
  method: null,
  claimedMethod: null,
  tool: null,
  action: null,
  kept: null,
  modern: false,
  bodySha256: null,
  mandate: null,
  token: null,
  dpopNonce: null,
  neededScopes: null,
  caller: null,
  step: null,
  sparesStep: false,
  attested: null,
  unbound: null,
  record: null,
  counted: null,
  approval: null,
  session: null,
  decisionRecord: null,
  observed: null,
  ruling: null,
  ledgerStub: null,
  checks: [],
});
