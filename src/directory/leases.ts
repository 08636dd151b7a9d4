import type { Lease, LeaseRequest } from "../ledger/lease.ts";
import { LiveCounts } from "../ledger/live-counts.ts";
import { CLOCK_SKEW, LEASE_SHARE, MAX_LIVE_COUNTS, PURGE_INTERVAL_MS } from "../limits.ts";

/** What is known of what was handed out. */
interface Known {
  /** Seconds: of periods that began before, something was lost. */
  readonly since: number;
  /** The last checkpoint in D1 that told of a loss. */
  readonly seen: number;
}

/**
 * Hands out what ledgers may use of limits that they share: never more in one period than there is. Nothing comes back; what a ledger has
 * been given is used by it alone, if at all.
 */
export class Leases {
  readonly #storage: DurableObjectStorage;
  readonly #live: LiveCounts;
  #purgedAt = Number.NEGATIVE_INFINITY;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    storage.sql.exec(`CREATE TABLE IF NOT EXISTS leases (key TEXT NOT NULL, period INTEGER NOT NULL, issuer TEXT,
      ends INTEGER NOT NULL, units INTEGER NOT NULL, ledgers INTEGER NOT NULL, PRIMARY KEY (key, period)) STRICT, WITHOUT ROWID`);
    this.#live = new LiveCounts(storage.sql, "leases");
  }

  /** Whether it was ever found out what is known. */
  get hasBegun(): boolean {
    return this.#known !== null;
  }

  /**
   * Compares the last checkpoint that D1 has with the last one of the directory's own: with D1 ahead, the directory has lost what it had
   * handed out, or was put back as it was before.
   *
   * @param stored number of the one; 0 where there is none
   * @param own number of the other
   * @param now seconds
   * @returns whether that is so, and was not known
   */
  compare(stored: number, own: number, now: number): boolean {
    const known = this.#known ?? { since: 0, seen: 0 };
    const isLost = stored > Math.max(own, known.seen);
    // By a clock that is behind, to ledgers whose clocks are ahead.
    const found: Known = isLost ? { since: now + 2 * CLOCK_SKEW, seen: stored } : known;
    this.#storage.kv.put("leases", found);
    return isLost;
  }

  /**
   * Answers requests, in their order. Belongs into a transaction.
   *
   * @param clock seconds
   */
  hand(requests: readonly LeaseRequest[], clock: number): Lease[] {
    const now = Math.max(clock, this.#storage.kv.get<number>("leasesPurged") ?? 0);
    if (Math.abs(now - this.#purgedAt) * 1000 >= PURGE_INTERVAL_MS) this.#purge(now);
    const since = this.#known?.since ?? Number.POSITIVE_INFINITY;
    return requests.map((request) => this.#answer(request, since, now));
  }

  #answer(request: LeaseRequest, since: number, now: number): Lease {
    const { key, issuer, period, max, need, want, isFirst } = request;
    const isNear = period.from <= now + CLOCK_SKEW && now < period.end + CLOCK_SKEW;
    if (!isNear || period.from < since) return { kind: "unknown" };
    const row = this.#row(key, period.id);
    if (row === undefined && issuer !== null && this.#live.of(issuer) >= MAX_LIVE_COUNTS)
      return { kind: "full" };
    const left = max - (row?.units ?? 0);
    if (need > left) return { kind: "exhausted", left };
    const ledgers = (row?.ledgers ?? 0) + (isFirst || row === undefined ? 1 : 0);
    const units = Math.max(need, Math.min(want, Math.floor((left * LEASE_SHARE) / ledgers)));
    if (row === undefined && issuer !== null) this.#live.added(issuer);
    this.#storage.sql.exec(
      `INSERT INTO leases VALUES (?, ?, ?, ?, ?, 1) ON CONFLICT (key, period)
        DO UPDATE SET units = units + excluded.units, ledgers = ?, ends = MAX(ends, excluded.ends)`,
      key,
      period.id,
      issuer,
      period.end,
      units,
      ledgers,
    );
    return { kind: "granted", units };
  }

  /** Drops periods that are over by every clock. The time is kept: by a clock that is set back they would be handed out once more. */
  #purge(now: number): void {
    this.#storage.kv.put("leasesPurged", now);
    const ended = this.#storage.sql.exec<{ issuer: string | null }>(
      "DELETE FROM leases WHERE ends + ? <= ? RETURNING issuer",
      CLOCK_SKEW,
      now,
    );
    for (const { issuer } of ended.toArray()) if (issuer !== null) this.#live.removed(issuer);
    this.#purgedAt = now;
  }

  #row(key: string, period: number): { units: number; ledgers: number } | undefined {
    const query = "SELECT units, ledgers FROM leases WHERE key = ? AND period = ?";
    return this.#storage.sql.exec<{ units: number; ledgers: number }>(query, key, period).toArray()[0];
  }

  get #known(): Known | null {
    return this.#storage.kv.get<Known>("leases") ?? null;
  }
}
