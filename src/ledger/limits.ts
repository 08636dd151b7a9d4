import { CLOCK_SKEW, LEASE_SPAN, MAX_LIVE_COUNTS, RETRY_AFTER } from "../limits.ts";
import type { Reason } from "../reasons.ts";
import type { LimitOwner } from "../tenant/schema/limits.ts";
import type { Lease, LeaseRequest, LimitUse, Period } from "./lease.ts";
import { LiveCounts } from "./live-counts.ts";

/** Why a call cannot be counted. */
export interface LimitFault {
  readonly reason: Reason;
  /** Seconds until the limit begins anew; null where it does not. */
  readonly retryAfter: number | null;
  /** Where it is not empty, all there is against the call is that the directory was not asked for these. */
  readonly lacking: readonly LimitUse[];
}

/** What is counted in one period. */
interface Count {
  readonly used: number;
  /** What the directory has handed out to this ledger, the used part included; 0 where the ledger counts alone. */
  readonly held: number;
}

/** What the directory said last. It is asked again where that cannot matter any more. */
interface Told {
  readonly lease: Lease;
  readonly period: Period;
  readonly max: number;
  /** Seconds. */
  readonly at: number;
}

/**
 * How much of the limits a principal has used: one row for each key, of the period that runs. What others count too is taken from leases of
 * the directory, which are kept here before anything of them is used; so a crash loses some at the most, and nothing is used twice.
 */
export class Limits {
  readonly #sql: SqlStorage;
  readonly #live: LiveCounts;
  readonly #knownSince: number;
  readonly #told = new Map<string, Told>();
  #pausedUntil = 0;

  /** @param knownSince seconds: what was counted before was lost; 0 where nothing was */
  constructor(sql: SqlStorage, knownSince: number) {
    this.#sql = sql;
    this.#knownSince = knownSince;
    sql.exec(`CREATE TABLE IF NOT EXISTS limits (key TEXT PRIMARY KEY, issuer TEXT, period INTEGER NOT NULL,
      ends INTEGER NOT NULL, used INTEGER NOT NULL, held INTEGER NOT NULL) STRICT, WITHOUT ROWID`);
    this.#live = new LiveCounts(sql, "limits");
  }

  /**
   * Why a call would use more than there is, or than is held; null where it does not.
   *
   * @param now seconds
   */
  fault(uses: readonly LimitUse[], now: number): LimitFault | null {
    const lacking: LimitUse[] = [];
    for (const use of uses) {
      const period = periodOf(use, now);
      const { used, held } = this.#count(use.key, period) ?? NOTHING;
      if (used + use.amount > use.max) return exhausted(use, period, now);
      if (!use.shared && period.from < this.#knownSince) return UNKNOWN;
      if (this.#isFull(use)) return FULL;
      if (!use.shared || used + use.amount <= held) continue;
      const fault = this.#refused(use, period, used + use.amount - held, now);
      if (fault !== null) return fault;
      lacking.push(use);
    }
    return lacking.length === 0 ? null : { ...UNKNOWN, lacking };
  }

  /** What the directory is to be asked for. */
  requests(lacking: readonly LimitUse[], now: number): LeaseRequest[] {
    return lacking.map((use) => {
      const { key, issuer, max } = use;
      const period = periodOf(use, now);
      const count = this.#count(key, period);
      const { used, held } = count ?? NOTHING;
      const need = used + use.amount - held;
      const told = this.#told.get(key);
      const grows = told?.lease.kind === "granted" && now - told.at < LEASE_SPAN;
      const want = grows ? Math.max(2 * told.lease.units, need) : need;
      return { key, issuer, max, period, need, want: Math.min(want, max), isFirst: count === null };
    });
  }

  /** Keeps what the directory answers, in the order of the requests. */
  take(requests: readonly LeaseRequest[], leases: readonly Lease[], now: number): void {
    for (const [i, { key, issuer, max, period }] of requests.entries()) {
      const lease: Lease = leases[i] ?? { kind: "unknown" };
      this.#told.set(key, { lease, period, max, at: now });
      if (lease.kind !== "granted") continue;
      const { used, held } = this.#count(key, period) ?? NOTHING;
      this.#put(key, issuer, period, { used, held: held + lease.units });
    }
  }

  /** Asks nothing for a while, after the directory has not answered. `now` in seconds. */
  pause(now: number): void {
    this.#pausedUntil = now + RETRY_AFTER;
  }

  /** Counts a call that goes on. Belongs into a transaction. `now` in seconds. */
  write(uses: readonly LimitUse[], now: number): void {
    for (const use of uses) {
      const period = periodOf(use, now);
      const { used, held } = this.#count(use.key, period) ?? NOTHING;
      this.#put(use.key, use.issuer, period, { used: used + use.amount, held });
    }
  }

  /** Whether nothing is left that has to be forgotten. Counts that the tenant document bounds may stay until somebody comes by. */
  get isEmpty(): boolean {
    return this.#live.isEmpty;
  }

  /** Drops the counts of what has ended. The time never falls again below `now` (seconds). */
  purge(now: number): void {
    const ended = this.#sql.exec<{ key: string; issuer: string | null }>(
      "DELETE FROM limits WHERE ends <= ? RETURNING key, issuer",
      now,
    );
    for (const { issuer } of ended.toArray()) if (issuer !== null) this.#live.removed(issuer);
    for (const [key, { period }] of this.#told) if (period.end <= now) this.#told.delete(key);
  }

  /** What the directory has said against it already; null where it is to be asked. */
  #refused(use: LimitUse, period: Period, need: number, now: number): LimitFault | null {
    if (now < this.#pausedUntil) return UNKNOWN;
    const told = this.#told.get(use.key);
    if (told === undefined || told.period.id !== period.id || told.max !== use.max) return null;
    switch (told.lease.kind) {
      case "granted":
        return null;
      case "exhausted":
        return need > told.lease.left ? exhausted(use, period, now) : null;
      case "full":
        return now < told.at + RETRY_AFTER ? FULL : null;
      case "unknown":
        return now < told.at + RETRY_AFTER ? UNKNOWN : null;
    }
  }

  #isFull({ key, issuer }: LimitUse): boolean {
    return issuer !== null && this.#live.of(issuer) >= MAX_LIVE_COUNTS && !this.#has(key);
  }

  /** Null where nothing is counted in the period. */
  #count(key: string, { id }: Period): Count | null {
    const query = "SELECT used, held FROM limits WHERE key = ? AND period = ?";
    return this.#sql.exec<{ used: number; held: number }>(query, key, id).toArray()[0] ?? null;
  }

  #has(key: string): boolean {
    return this.#sql.exec("SELECT 1 FROM limits WHERE key = ?", key).toArray().length > 0;
  }

  /** In the place of what was counted in another period. */
  #put(key: string, issuer: string | null, { id, end }: Period, { used, held }: Count): void {
    if (issuer !== null && !this.#has(key)) this.#live.added(issuer);
    this.#sql.exec(
      `INSERT INTO limits VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET period = excluded.period,
        ends = CASE period WHEN excluded.period THEN MAX(ends, excluded.ends) ELSE excluded.ends END,
        used = excluded.used, held = excluded.held`,
      key,
      issuer,
      id,
      end,
      used,
      held,
    );
  }
}

const NOTHING: Count = { used: 0, held: 0 };

const UNKNOWN: LimitFault = { reason: "limit.unavailable", retryAfter: null, lacking: [] };

const FULL: LimitFault = { reason: "limit.too_many_counted", retryAfter: null, lacking: [] };

/** Windows are aligned to 1970-01-01T00:00:00Z. What is counted for a bearer is kept as long as that can be used, by whichever clock. */
function periodOf({ issuer, window, from, until }: LimitUse, now: number): Period {
  const last = until + 2 * CLOCK_SKEW + 1;
  if (window === null) return { id: 0, from, end: last };
  const begin = now - (now % window);
  const end = begin + window;
  return { id: begin, from: begin, end: issuer === null ? end : Math.min(end, last) };
}

const EXHAUSTED = {
  mandate: "limit.mandate_exhausted",
  principal: "limit.principal_exhausted",
  tool: "limit.tool_exhausted",
  tenant: "limit.tenant_exhausted",
} as const satisfies Record<LimitOwner, Reason>;

const exhausted = (use: LimitUse, { from }: Period, now: number): LimitFault => ({
  reason: EXHAUSTED[use.per],
  retryAfter: hasNext(use, from) ? from + use.window - now : null,
  lacking: [],
});

/** Whether the limit begins anew while its bearer, where it has one, can still be used. `from` in seconds, of the window. */
const hasNext = (use: LimitUse, from: number): use is LimitUse & { readonly window: number } =>
  use.window !== null && (use.issuer === null || from + use.window <= use.until);
