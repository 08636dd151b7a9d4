import { approvalDigest, withoutMeta } from "../approval/digest.ts";
import { type Purposed, sealView } from "../approval/view.ts";
import { homeOf } from "../attempt.ts";
import { linksOf } from "../evidence/act/chain.ts";
import type { PresentedBearer } from "../evidence/bearer.ts";
import { principalOf } from "../evidence/caller.ts";
import { isObject } from "../json/strict-json.ts";
import { APPROVED, type ApprovalAsk } from "../ledger/protocol.ts";
import { runKey } from "../ledger/run-key.ts";
import type { Message } from "../mcp/message.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import { readSessionKeys } from "../session/keys.ts";
import type { ToolApproval } from "../tenant/schema/approval.ts";
import type { Tenant } from "../tenant/tenant.ts";
import type { Trail } from "../trail.ts";

/**
 * What a person is to be asked about a call, where the policy wants that. Whether one has said yes is for the ledger to know. Last part of
 * stage 8.
 *
 * @param needed null where nobody is asked
 * @param presented the bearer, which was verified
 */
export async function askApproval(
  needed: ToolApproval | null,
  trail: Trail,
  presented: PresentedBearer | null,
  message: Message,
  tenant: Tenant,
  env: Env,
): Promise<Result<ApprovalAsk | null, Reason>> {
  if (needed === null || message.kind !== "request" || message.tool === null) {
    trail.checks.push(APPROVED);
    return ok(null);
  }
  const { caller, decision } = trail;
  const { approval } = tenant.policy;
  if (caller === null || approval === null || needed.roles.size === 0) return fail("approval.unavailable");
  const keys = await readSessionKeys(env.SESSION_KEYS);
  if (keys === null) return fail("session.unconfigured");
  const call = {
    run: caller.mandate && runKey(caller.mandate),
    principal: principalOf(caller),
    tool: message.tool.name,
    params: withoutMeta(message.params),
  };
  const digest = await approvalDigest(call);
  const { revision } = tenant;
  const binding = { ledger: homeOf(trail, tenant), id: decision, digest, revision };
  const sealed = await sealView({ ...call, purposes: purposesOf(presented) }, binding, keys);
  if (sealed === null) return fail("approval.too_large");
  return ok({
    digest,
    tool: call.tool,
    revision,
    roles: [...needed.roles],
    people: needed.people,
    lifetime: approval.lifetime,
    sealed,
  });
}

/** A mandate has a purpose, or it would not have been read. */
const purposesOf = (presented: PresentedBearer | null): readonly Purposed[] =>
  presented?.kind !== "mandate"
    ? []
    : linksOf(presented.mandate).map(({ iss, jws }) => {
        const { task } = jws.payload;
        return { issuer: iss, purpose: isObject(task) ? String(task.purpose) : "" };
      });
