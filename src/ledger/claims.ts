import { CLAIM_HORIZON, CLAIM_WINDOW, CLOCK_SKEW, DPOP_WINDOW } from "../limits.ts";
import type { Reason } from "../reasons.ts";
import type { Claim } from "./protocol.ts";
import { WindowedTable } from "./windows.ts";

/** The nonces a principal has used: of signatures that cover no ECT, and of tool call attestations. */
export class Claims {
  readonly #sql: SqlStorage;
  readonly #table: WindowedTable<{ attempt: string }>;
  readonly #wereLost: boolean;

  /** @param wereLost whether there was a ledger before, and nobody knows what was used there */
  constructor(sql: SqlStorage, wereLost = false) {
    this.#sql = sql;
    this.#wereLost = wereLost;
    this.#table = new WindowedTable(sql, {
      prefix: "claims",
      key: "key",
      columns: "key TEXT PRIMARY KEY, attempt TEXT NOT NULL",
      span: CLAIM_WINDOW,
      horizon: CLAIM_HORIZON,
    });
  }

  /** The attempt that used the value; null while it is free. */
  holder(claim: Claim): string | null {
    return this.#table.find(storageKey(claim))?.attempt ?? null;
  }

  /**
   * Whether a value may have been used where this ledger cannot know. A request that was captured under an agent's or tenant's earlier name
   * comes to a new ledger, which knows nothing of it. Attestations are not made for one request, so they may be older.
   *
   * @param since see `Held`: in the place of a ledger that was lost it has room for a clock that was `CLOCK_SKEW` ahead, but that of a DPoP
   *   proof may be further ahead than that
   */
  isTooOld({ kind, issuedAt }: Claim, since: number): boolean {
    if (kind === "attestation") return false;
    const furtherAhead = this.#wereLost && kind === "dpop" ? DPOP_WINDOW - CLOCK_SKEW : 0;
    return issuedAt + CLOCK_SKEW < since + furtherAhead;
  }

  /** Marks the value as used. Belongs into a transaction, after `holder` said null. */
  write(claim: Claim, attempt: string): void {
    const table = this.#table.tableFor(claim.issuedAt);
    this.#sql.exec(`INSERT INTO ${table} VALUES (?, ?)`, storageKey(claim), attempt);
  }

  /** Whether nothing is left that could expire. */
  get isEmpty(): boolean {
    return this.#table.isEmpty;
  }

  /** `now` in seconds. */
  purge(now: number): void {
    this.#table.dropExpired(now);
  }
}

/** Whether a value may be forgotten at `now` (seconds), and so may not be admitted any more. */
export const isLate = ({ issuedAt, lastAcceptable }: Claim, now: number): boolean =>
  now > Math.min(lastAcceptable, issuedAt + CLAIM_HORIZON);

/** What a second use is refused with. */
export const replayReason = (claim: Claim): Reason => REPLAYED[claim.kind];

/** What a use after its last acceptable second is refused with. */
export const lateReason = (claim: Claim): Reason => TOO_LATE[claim.kind];

const REPLAYED = {
  nonce: "replay.nonce",
  attestation: "attestation.nonce_seen",
  dpop: "dpop.replay",
  request: "redaction.id_reused",
} as const satisfies Record<Claim["kind"], Reason>;

const TOO_LATE = {
  nonce: "replay.too_late",
  attestation: "attestation.claim_too_late",
  dpop: "replay.too_late",
  request: "replay.too_late",
} as const satisfies Record<Claim["kind"], Reason>;

const storageKey = (claim: Claim): string => `${claim.kind} ${claim.key}`;
