/**
 * The agent kit: what a caller needs to get through Countersign. Runs on Node 20 or later, in browsers and in Workers.
 *
 * 1. An issuer signs a mandate (`mintMandate`); the agent starts a run with it (`startRun`).
 * 2. `createFetch` gives a `fetch` for the MCP TypeScript SDK that adds all evidence to every request.
 * 3. Without the SDK, `addEvidence` makes the headers of one request.
 * 4. `createVisitor` reads receipts and runs, and hands in the record of a mandate.
 *
 * @module
 */

export type {
  AttestationClaim,
  AttestationSigner,
  AttestedCallClaim,
  ProjectionChoice,
  SignedAttestation,
} from "../evidence/attestation/sign.ts";
export { signAttestation } from "../evidence/attestation/sign.ts";
export { type ActionOptions, actionOf, SESSION_ACTIONS, sessionActions } from "./actions.ts";
export { type AttestationOptions, importAttestationSigner } from "./attestation.ts";
export { type DelegationGrant, delegateMandate } from "./delegation.ts";
export { type EctClaims, mintEct } from "./ect.ts";
export { addEvidence, type Evidence, type EvidenceOptions, type OutgoingRequest } from "./evidence.ts";
export { createFetch, type FetchFunction, type FetchOptions } from "./fetch.ts";
export {
  type ArgumentConstraint,
  type CapabilityConstraints,
  type CapabilityEntry,
  type Mandate,
  type MandateGrant,
  mintMandate,
  readMandate,
} from "./mandate.ts";
export { mintRecord, type RecordClaims } from "./record.ts";
export { type ExpectedAnswer, verifyAnswer } from "./response.ts";
export { type Predecessors, type Run, type Step, startRun } from "./run.ts";
export { type SignatureOptions, type SignatureProfile, signMessage } from "./signature.ts";
export {
  generateSigner,
  importSigner,
  type KeyPairAlgorithm,
  type PublicJwk,
  type Signer,
  type SignerAlgorithm,
} from "./signer.ts";
export { createVisitor, runIdOf, type Visitor, type VisitorOptions } from "./visit.ts";
