import { MAX_PENDING_APPROVALS } from "../limits.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { ApprovalAsk, ApprovalEntry, ApprovalFault, Approved, PendingApproval } from "./protocol.ts";

/** What people have said to a call so far. */
export type ApprovalVerdict =
  /** They have approved it, and it may be made once. */
  | { readonly kind: "approved"; readonly id: string; readonly approvals: readonly string[] }
  /** They are being asked; `isNew` where they are from now on. */
  | ({ readonly kind: "pending"; readonly isNew: boolean } & PendingApproval)
  /** Nobody can be asked, or somebody has refused. */
  | { readonly kind: "refused"; readonly reason: Reason };

/** What one person says, as it is signed. */
export interface Said {
  readonly id: string;
  readonly decision: "approve" | "refuse";
  readonly digest: string;
  readonly tool: string;
  readonly revision: string;
  /** Of the approver. */
  readonly roles: readonly string[];
  /** The approver. */
  readonly sub: string;
  /** base64url SHA-256 of the statement. */
  readonly statement: string;
}

/** What it makes of a call that waits. */
export interface Weighed {
  readonly entry: ApprovalEntry;
  /** Whether it was said before, in the very same statement: then nothing is to be written. */
  readonly repeated: boolean;
}

/** What people were asked about calls of this principal, and what they said: a row for each call, until it is made or they have no more time. */
export class Approvals {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    // What is asked for under other conditions is another question.
    sql.exec(`CREATE TABLE IF NOT EXISTS approvals (id TEXT PRIMARY KEY, digest TEXT NOT NULL, revision TEXT NOT NULL,
      tool TEXT NOT NULL, roles TEXT NOT NULL, people INTEGER NOT NULL, expires INTEGER NOT NULL, state TEXT NOT NULL,
      sealed TEXT, approvals TEXT NOT NULL, UNIQUE (digest, revision, roles, people)) STRICT, WITHOUT ROWID`);
  }

  /** @param now seconds */
  judge(ask: ApprovalAsk, decision: string, now: number): ApprovalVerdict {
    const entry = this.#asked(ask, now);
    switch (entry?.state) {
      case undefined: {
        if (this.#pending(ask.revision, now) >= MAX_PENDING_APPROVALS)
          return { kind: "refused", reason: "approval.too_many" };
        return { kind: "pending", id: decision, expires: now + ask.lifetime, isNew: true };
      }
      case "pending":
        return { kind: "pending", id: entry.id, expires: entry.expires, isNew: false };
      case "refused":
        return { kind: "refused", reason: "approval.refused" };
      case "approved": {
        const approvals = entry.approvals.map(({ statement }) => statement);
        return { kind: "approved", id: entry.id, approvals };
      }
    }
  }

  /** Writes who is asked from now on, or that an approval is used up. Belongs into a transaction. `now` in seconds. */
  write(ask: ApprovalAsk, verdict: ApprovalVerdict, now: number): void {
    if (verdict.kind === "approved") this.#sql.exec("DELETE FROM approvals WHERE id = ?", verdict.id);
    if (verdict.kind !== "pending" || !verdict.isNew) return;
    // One that has expired would keep its place.
    this.purge(now);
    this.#sql.exec(
      "INSERT INTO approvals VALUES (?, ?, ?, ?, ?, ?, ?, 'pending', ?, '[]')",
      verdict.id,
      ask.digest,
      ask.revision,
      ask.tool,
      rolesText(ask),
      ask.people,
      verdict.expires,
      ask.sealed,
    );
  }

  /**
   * What is asked under an id; null where nothing is (any more).
   *
   * @param now seconds
   */
  find(id: string, now: number): ApprovalEntry | null {
    const [row] = this.#sql.exec<Row>("SELECT * FROM approvals WHERE id = ? AND expires > ?", id, now);
    return row === undefined ? null : entryOf(row);
  }

  /**
   * What a statement makes of the call that it is about. Whether it is signed, and whether the person is the call's principal, was seen to
   * before.
   *
   * @param now seconds
   */
  weigh(said: Said, now: number): Result<Weighed, ApprovalFault> {
    const entry = this.find(said.id, now);
    if (entry === null) return fail("unknown");
    if (entry.approvals.some(({ statement }) => statement === said.statement))
      return ok({ entry, repeated: true });
    if (entry.state !== "pending") return fail("decided");
    const { digest, tool, revision, roles, people, approvals } = entry;
    if (said.digest !== digest || said.tool !== tool || said.revision !== revision) return fail("mismatch");
    if (!said.roles.some((role) => roles.includes(role))) return fail("role");
    if (approvals.some(({ sub }) => sub === said.sub)) return fail("again");
    const heard = [...approvals, { sub: said.sub, statement: said.statement }];
    const isApproved = heard.length >= people;
    const state = said.decision === "refuse" ? "refused" : isApproved ? "approved" : "pending";
    const sealed = state === "pending" ? entry.sealed : null;
    return ok({ entry: { ...entry, state, sealed, approvals: heard }, repeated: false });
  }

  /** Belongs into a transaction. */
  keep({ id, state, sealed, approvals }: ApprovalEntry): void {
    this.#sql.exec(
      "UPDATE approvals SET state = ?, sealed = ?, approvals = ? WHERE id = ?",
      state,
      sealed,
      JSON.stringify(approvals),
      id,
    );
  }

  /** Whether nothing is left that could expire. */
  get isEmpty(): boolean {
    return this.nextExpiry === null;
  }

  /** When the next of them expires, seconds; null where there is none. */
  get nextExpiry(): number | null {
    return this.#sql.exec<{ next: number | null }>("SELECT MIN(expires) AS next FROM approvals").one().next;
  }

  /** `now` in seconds. */
  purge(now: number): void {
    this.#sql.exec("DELETE FROM approvals WHERE expires <= ?", now);
  }

  #asked(ask: ApprovalAsk, now: number): ApprovalEntry | null {
    const [row] = this.#sql.exec<Row>(
      "SELECT * FROM approvals WHERE digest = ? AND revision = ? AND roles = ? AND people = ? AND expires > ?",
      ask.digest,
      ask.revision,
      rolesText(ask),
      ask.people,
      now,
    );
    return row === undefined ? null : entryOf(row);
  }

  /** Under another document nobody decides any more. */
  #pending(revision: string, now: number): number {
    const query =
      "SELECT COUNT(*) AS n FROM approvals WHERE state = 'pending' AND revision = ? AND expires > ?";
    return this.#sql.exec<{ n: number }>(query, revision, now).one().n;
  }
}

const rolesText = ({ roles }: ApprovalAsk): string => JSON.stringify([...roles].sort());

type Row = {
  id: string;
  digest: string;
  revision: string;
  tool: string;
  roles: string;
  people: number;
  expires: number;
  state: string;
  sealed: string | null;
  approvals: string;
};

const entryOf = ({ roles, state, approvals, ...row }: Row): ApprovalEntry => ({
  ...row,
  roles: JSON.parse(roles) as string[],
  state: state as ApprovalEntry["state"],
  approvals: JSON.parse(approvals) as Approved[],
});
