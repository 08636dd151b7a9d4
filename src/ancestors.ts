import type { VerifiedMandate } from "./evidence/act/verify.ts";
import { agentPrincipal } from "./evidence/caller.ts";
import { type AskOthers, findSteps } from "./ledger/client.ts";
import { ledgerName } from "./ledger/names.ts";
import { runKey } from "./ledger/run-key.ts";
import { rootParent } from "./ledger/runs.ts";
import type { ForeignParent, FoundStep } from "./ledger/step.ts";
import { CLOCK_SKEW, MAX_LEDGERS_ASKED } from "./limits.ts";
import { ok } from "./result.ts";
import type { Tenant } from "./tenant/tenant.ts";

/** The mandates of the chain, as parents that everybody under it may name. */
export const chainParents = ({ chain }: VerifiedMandate): readonly ForeignParent[] =>
  chain.map((link) => ({ jti: link.jti, ...rootParent(link) }));

/**
 * Looks for steps in the ledgers of the agents that handed the mandate on. Only those of the same workflow count, or, where
 * the chain has no `wid`, those of the run of the delegator's own mandate. So a caller learns nothing about other runs, or
 * about other agents than those its mandate comes from.
 */
export const askAncestors =
  ({ chain }: VerifiedMandate, tenant: Tenant, env: Env): AskOthers =>
  async (unknown) => {
    const asked = chain
      .flatMap((link) => [...link.agent.lanes].map((lane) => ({ link, lane })))
      // Nearest first: should there be more ledgers than are asked, those of the root agent are left out.
      .reverse()
      .slice(0, MAX_LEDGERS_ASKED);
    const answers = await Promise.all(
      asked.map(({ link, lane }) =>
        findSteps(env, ledgerName(tenant.id, agentPrincipal(link.agent), lane), runKey(link), unknown),
      ),
    );
    const found: FoundStep[] = [];
    for (const answer of answers) {
      if (!answer.ok) return answer;
      found.push(...answer.value);
    }
    return ok(found.map(asParent));
  };

const asParent = ({ iat, ...step }: FoundStep): ForeignParent => ({
  ...step,
  earliestChild: iat - CLOCK_SKEW,
});
