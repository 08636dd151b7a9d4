/** What can be wrong with a receipt, and what that means to whoever holds it. */

import type { ProofFault } from "../proof.ts";
import type { ReceiptFault } from "./decision-receipt.ts";

type Part = "decision" | "outcome";

/** The receipt that is checked, or that of the same decision which somebody holds. */
export type Whose = "receipt" | "held";

export type Fault =
  | "keys.malformed"
  | "document.malformed"
  | "document.needed"
  | `${Whose}.${ReceiptFault | "issuer" | "differs"}`
  | `decision.${"altered" | "kind" | "unsigned"}`
  | `outcome.${"altered" | "other" | "differs" | "unsigned" | "withheld"}`
  | `${Part}.proof.${ProofFault | "issuer"}`
  | `checkpoint.${"unsigned" | "issuer" | "differs" | "not_comparable"}`
  | `execution.${"records" | "malformed" | "signature" | "subject" | "verdict" | "link" | "pairing"}`
  | `attestation.${"none" | "differs"}`;

const ofProof = <const P extends Part>(part: P) =>
  ({
    [`${part}.proof.record`]: `The record of the ${part} is not what its hashes are of.`,
    [`${part}.proof.chain`]: `The proof of the ${part} is of another chain.`,
    [`${part}.proof.length`]: `The proof of the ${part} has too few digests or too many.`,
    [`${part}.proof.head`]: `The digests do not lead from the ${part} to the head of its chain.`,
    [`${part}.proof.checkpoint`]: `The checkpoint of the ${part} is not signed with a published key.`,
    [`${part}.proof.tenant`]: `The checkpoint of the ${part} is another tenant's.`,
    [`${part}.proof.issuer`]: `The checkpoint of the ${part} is of another endpoint than the receipt.`,
    [`${part}.proof.path`]: `The head is not under the checkpoint of the ${part}.`,
  }) as Record<`${P}.proof.${ProofFault | "issuer"}`, string>;

const ofReceipt = <const W extends Whose>(whose: W, name: string) =>
  ({
    [`${whose}.malformed`]: `${name} is no compact JWS.`,
    [`${whose}.type`]: `What should be ${lower(name)} is another kind of token.`,
    [`${whose}.key_unknown`]: `${name} names a key that is not among the published ones.`,
    [`${whose}.alg`]: `${name} names another algorithm than that of its key.`,
    [`${whose}.signature`]: `The signature of ${lower(name)} is wrong.`,
    [`${whose}.claims`]: `${name} is signed, but does not say what receipts say.`,
    [`${whose}.issuer`]: `${name} is of another endpoint than the keys.`,
    [`${whose}.differs`]: `${name} is of another decision, or says something else than the record.`,
  }) as Record<`${W}.${ReceiptFault | "issuer" | "differs"}`, string>;

const lower = (name: string): string => name.replace("The", "the");

export const FAULTS: Readonly<Record<Fault, string>> = {
  "keys.malformed": "The keys are no JWK Set, or one of them is not fit to verify with.",
  "document.malformed": "This is neither the JSON of the endpoint nor a receipt.",
  "document.needed": "Nothing can be compared with a receipt alone: give the JSON of the endpoint.",
  ...ofReceipt("receipt", "The receipt"),
  ...ofReceipt("held", "The receipt that you hold"),
  "decision.altered": "The record of the decision is not what its hashes are of.",
  "decision.kind": "What should be the decision is another kind of record.",
  "decision.unsigned":
    "Neither a receipt nor a checkpoint vouches for the decision: give the receipt of the answer, or ask again later.",
  "outcome.altered": "The record of the outcome is not what its hashes are of.",
  "outcome.other": "The outcome is of another decision.",
  "outcome.differs": "The receipt names another outcome.",
  "outcome.unsigned": "Neither a receipt nor a checkpoint vouches for the outcome: ask again later.",
  "outcome.withheld": "The receipt names an outcome that is not shown.",
  ...ofProof("decision"),
  ...ofProof("outcome"),
  "checkpoint.unsigned": "A checkpoint that you hold is not signed with a published key.",
  "checkpoint.issuer": "A checkpoint that you hold is of another endpoint.",
  "checkpoint.differs": "The checkpoint of the proof is not the one that you hold: there are two histories.",
  "checkpoint.not_comparable":
    "You hold neither the checkpoint of the proof nor the one after it, so they cannot be compared.",
  "execution.records": "The execution records are not those that the audit records hold.",
  "execution.malformed": "The execution records are no decision record with its execution receipt.",
  "execution.signature": "An execution record is not signed with a published ES256 key.",
  "execution.subject": "An execution record is about another principal.",
  "execution.verdict": "The execution records say another verdict than the decision.",
  "execution.link": "The execution records are about another attestation than the decision.",
  "execution.pairing": "The execution receipt does not belong to the decision record.",
  "attestation.none": "The decision rests on no attestation.",
  "attestation.differs": "The decision rests on another attestation than the one that you hold.",
};
