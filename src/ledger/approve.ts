import { type ApprovalStatement, readApproval, statementDigest } from "../approval/statement.ts";
import { isHolder } from "../approval/whose.ts";
import { readSigningKeys } from "../audit/signing-keys.ts";
import { MAX_JOURNAL_BACKLOG } from "../limits.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Weighed } from "./approvals.ts";
import { outcomeDraft, UNANSWERED } from "./drafts.ts";
import { ALONE, type Item } from "./journal.ts";
import { readLedgerName } from "./names.ts";
import type { ApprovalFault } from "./protocol.ts";
import type { State } from "./state.ts";

/** A statement that counts, and what is to be written of it. */
export interface Heard extends Weighed {
  readonly items: readonly Item[];
}

/**
 * Judges what a person says to a call of this ledger's principal.
 *
 * @param name of the ledger; see `ledgerName`
 * @param now milliseconds, of the journal's own clock
 */
export async function hear(
  text: string,
  { holdings, journal }: State,
  name: string,
  env: Env,
  now: number,
): Promise<Result<Heard, ApprovalFault>> {
  const keys = await readSigningKeys(env.SIGNING_KEYS);
  const said = keys && (await readApproval(text, keys.verifying));
  if (said === null) return fail("invalid");
  const { tenant, principal } = readLedgerName(name);
  if (said.principal !== principal) return fail("mismatch");
  if (isHolder(principal, said.sub)) return fail("own");
  const statement = await statementDigest(text);
  const weighed = holdings.approvals.weigh({ ...said, statement }, Math.floor(now / 1000));
  if (!weighed.ok) return weighed;
  if (said.exp !== weighed.value.entry.expires) return fail("mismatch");
  if (journal.backlog >= MAX_JOURNAL_BACKLOG) return fail("unavailable");
  return ok({ ...weighed.value, items: itemsOf(said, statement, tenant) });
}

/** Who said what, in the chain of the principal that it is about. */
function itemsOf(said: ApprovalStatement, statement: string, tenant: string): readonly Item[] {
  const facts = {
    tenant,
    revision: said.revision,
    principal: said.sub,
    mandate: null,
    method: "POST",
    tool: said.tool,
    action: "countersign.approvals.decide",
    input_hash: null,
    checks: ["approver", `approval.${said.decision}`],
    count: null,
    kept: null,
  };
  const decision: Item = {
    ...ALONE,
    draft: {
      ...facts,
      id: said.jti,
      kind: "decision",
      decision: said.jti,
      verdict: "admitted",
      reason: null,
      status: null,
      run: null,
      evidence: {
        mandate: null,
        token: null,
        approval: { id: said.id, approvals: [statement] },
        ect: null,
        attestation: null,
        record: null,
      },
      ...UNANSWERED,
    },
  };
  const outcome = outcomeDraft({
    decision: said.jti,
    facts,
    run: null,
    status: 200,
    reason: null,
    ...UNANSWERED,
    latency_ms: 0,
  });
  return [decision, { ...ALONE, draft: outcome }];
}
