/** The execution records (SEP-2828) of a call whose attestation was verified: what was decided, and what became of it. */

import { shownIn } from "./attempt.ts";
import { type Emission, type EmittedRecord, emitDecision, emitReceipt } from "./audit/receipts/emit.ts";
import type { SigningKeys } from "./audit/signing-keys.ts";
import { seconds } from "./clock.ts";
import type { ShownAttestation } from "./evidence/attested.ts";
import { principalOf } from "./evidence/caller.ts";
import type { SigningKey } from "./keys/signing.ts";
import type { CallResult } from "./origin/result.ts";
import type { Reason } from "./reasons.ts";
import type { Trail } from "./trail.ts";

/** Signed before the ledger is asked, which keeps it only where it rules so. */
export async function allowed(trail: Trail, keys: SigningKeys | null): Promise<EmittedRecord | null> {
  const means = meansFor(trail, trail.attested, keys);
  return means && emitDecision(emission(means, trail.decision), { decision: "allow" }, means.key);
}

/** That a call was blocked, and that it was therefore refused. The ledger keeps neither where the attestation was used before. */
export async function blocked(
  trail: Trail,
  reason: Reason,
  keys: SigningKeys | null,
): Promise<readonly string[] | null> {
  const means = meansFor(trail, shownIn(trail), keys);
  if (means === null) return null;
  const decided = { decision: "block", reason } as const;
  const decision = await emitDecision(emission(means, trail.decision), decided, means.key);
  const receipt = await emitReceipt(
    emission(means, outcomeNonce(trail)),
    decision,
    { status: "refused", result: null },
    means.key,
  );
  return [decision.text, receipt.text];
}

/** What the origin answered, under the decision that the trail holds. */
export async function executed(
  trail: Trail,
  result: CallResult,
  keys: SigningKeys | null,
): Promise<readonly string[] | null> {
  const means = meansFor(trail, trail.attested, keys);
  const decision = trail.decisionRecord;
  if (means === null || decision === null) return null;
  const receipt = await emitReceipt(emission(means, outcomeNonce(trail)), decision, result, means.key);
  return [receipt.text];
}

/** What a record cannot be made without. */
interface Means extends Pick<Emission, "iss" | "sub" | "attestation"> {
  readonly key: SigningKey;
}

function meansFor(
  { tenant, caller }: Trail,
  shown: ShownAttestation | null,
  keys: SigningKeys | null,
): Means | null {
  const key = keys?.es256 ?? null;
  if (key === null || tenant === null || caller === null || shown === null) return null;
  const { digest, nonce } = shown;
  return { iss: tenant.publicUrl, sub: principalOf(caller), attestation: { digest, nonce }, key };
}

const emission = ({ iss, sub, attestation }: Means, nonce: string): Emission => ({
  iss,
  sub,
  attestation,
  nonce,
  at: seconds(),
});

/** As the audit record of the outcome is named. */
const outcomeNonce = ({ decision }: Trail): string => `${decision}.outcome`;
