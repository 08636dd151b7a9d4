/** What an approver is shown of a call, as it waits in the ledger. */

import { utf8 } from "../encoding.ts";
import { canonical } from "../json/canonical.ts";
import { isObject, type JsonObject } from "../json/strict-json.ts";
import { MAX_APPROVAL_VIEW_BYTES } from "../limits.ts";
import type { SessionKeys } from "../session/keys.ts";
import type { ApprovedCall } from "./digest.ts";
import { type Binding, seal, unseal } from "./seal.ts";

/** What a mandate, and each that it was derived from, says it is for. */
export interface Purposed {
  /** `iss` of the mandate. */
  readonly issuer: string;
  readonly purpose: string;
}

export interface ApprovalView extends ApprovedCall {
  /** The root mandate's first; none where the caller has no mandate. */
  readonly purposes: readonly Purposed[];
}

/** What a view is sealed for: one call that waits in one ledger. */
export interface ViewBinding {
  /** See `ledgerName`. */
  readonly ledger: string;
  readonly id: string;
  readonly digest: string;
  readonly revision: string;
}

/** Null where it is too large for anybody to read. */
export const sealView = async (
  view: ApprovalView,
  binding: ViewBinding,
  keys: SessionKeys,
): Promise<string | null> =>
  utf8(canonical(view as unknown as JsonObject)).length > MAX_APPROVAL_VIEW_BYTES
    ? null
    : seal(view, bound(binding), keys);

export async function openView(
  sealed: string,
  binding: ViewBinding,
  keys: SessionKeys,
): Promise<ApprovalView | null> {
  const view = await unseal(sealed, bound(binding), keys);
  return view !== null && isObject(view.params) ? (view as unknown as ApprovalView) : null;
}

const bound = ({ ledger, id, digest, revision }: ViewBinding): Binding => ({
  purpose: "view",
  names: [ledger, id, digest, revision],
});
