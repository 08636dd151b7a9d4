/** How it stands with a tenant's audit log: what D1 does not have yet, and what is wrong. For whoever watches over it. */

import type { ChainFault } from "../audit/checkpoint.ts";
import { withDeadline } from "../deadline.ts";
import type { DirectoryStatus } from "../directory/directory.ts";
import { readLedgerName } from "../ledger/names.ts";
import { STATUS_DEADLINE_MS } from "../limits.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Visit } from "./visit.ts";

/** Times are milliseconds. */
export interface AuditStatus {
  readonly tenant: string;
  /** When this was said, since 1970. */
  readonly time: number;
  readonly totals: Counts & { readonly chains: number; readonly faults: number; readonly unknown: number };
  /** The last one; null where there is none yet. */
  readonly checkpoint: { readonly number: number; readonly time: number; readonly age_ms: number } | null;
  /** Checkpoints that D1 does not have. */
  readonly checkpoints_waiting: number;
  /** Why the last try to make a checkpoint or to hand it on failed; null where it did not. */
  readonly problem: string | null;
  readonly ledgers: readonly LedgerEntry[];
}

interface Counts {
  readonly records: number;
  /** Records that D1 does not have, and how old the oldest of them is; null where there is none. */
  readonly backlog: number;
  readonly backlog_age_ms: number | null;
  /** Records that the table of D1 did not take. */
  readonly set_aside: number;
  /** Admitted calls whose outcome is not written. */
  readonly open: number;
}

/**
 * A chain. Where its ledger cannot tell, `records` is what is known of it, and the rest is null. Principal and lane are null where the
 * directory has lost which ledger it is of.
 */
type LedgerEntry = {
  readonly principal: string | null;
  readonly lane: number | null;
  readonly chain: string;
  readonly fault: ChainFault | null;
} & (Counts | Unknown);

type Unknown = { readonly [K in Exclude<keyof Counts, "records">]: null } & Pick<Counts, "records">;

/** Asks every ledger of the tenant. */
export async function showStatus({ tenant }: Visit, env: Env): Promise<Result<Response, Reason>> {
  try {
    const asked: Promise<DirectoryStatus> = env.DIRECTORY.getByName(tenant.id).status();
    const status = await withDeadline(asked, STATUS_DEADLINE_MS);
    const headers = { "Cache-Control": "no-store" };
    return ok(Response.json(auditStatus(tenant.id, status, Date.now()), { headers }));
  } catch (error) {
    console.error(JSON.stringify({ event: "status.failed", tenant: tenant.id, error: String(error) }));
    return fail("endpoint.log_unavailable");
  }
}

/** @param now milliseconds */
export function auditStatus(tenant: string, status: DirectoryStatus, now: number): AuditStatus {
  const { chains, checkpoint, waiting, problem } = status;
  const ages = chains.map(({ status }) => ageOf(status?.oldest ?? null, now));
  const sum = (count: (chain: Chain) => number) => chains.reduce((total, chain) => total + count(chain), 0);
  return {
    tenant,
    time: now,
    totals: {
      chains: chains.length,
      faults: sum(({ fault }) => (fault === null ? 0 : 1)),
      unknown: sum(({ status }) => (status === null ? 1 : 0)),
      records: sum(({ seq, status }) => status?.seq ?? seq),
      backlog: sum(({ status }) => status?.backlog ?? 0),
      backlog_age_ms: ages.reduce(
        (oldest, age) => (age === null ? oldest : Math.max(oldest ?? 0, age)),
        null,
      ),
      set_aside: sum(({ status }) => status?.setAside ?? 0),
      open: sum(({ status }) => status?.open ?? 0),
    },
    checkpoint: checkpoint && { ...checkpoint, age_ms: Math.max(now - checkpoint.time, 0) },
    checkpoints_waiting: waiting,
    problem,
    ledgers: chains.map((chain) => entryOf(chain, now)),
  };
}

type Chain = DirectoryStatus["chains"][number];

function entryOf({ ledger, chain, seq, fault, status }: Chain, now: number): LedgerEntry {
  const { principal, lane } = ledger === null ? { principal: null, lane: null } : readLedgerName(ledger);
  const named = { principal, lane, chain, fault };
  if (status === null)
    return { ...named, records: seq, backlog: null, backlog_age_ms: null, set_aside: null, open: null };
  const { backlog, oldest, setAside, open } = status;
  return {
    ...named,
    records: status.seq,
    backlog,
    backlog_age_ms: ageOf(oldest, now),
    set_aside: setAside,
    open,
  };
}

/** The clock of another object may be ahead. */
const ageOf = (time: number | null, now: number): number | null => time && Math.max(now - time, 0);
