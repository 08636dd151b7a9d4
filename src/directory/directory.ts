import { DurableObject } from "cloudflare:workers";
import type { Checkpoint } from "../audit/checkpoint.ts";
import { latestNumber, type Made } from "../audit/stored-checkpoint.ts";
import { seconds } from "../clock.ts";
import { withDeadline } from "../deadline.ts";
import type { Lease, LeaseRequest } from "../ledger/lease.ts";
import type { Bulletin, Enrolled, KnownNotices, Notice } from "../ledger/revoked.ts";
import {
  FIRST_CHECKPOINT_MS,
  LEASE_DEADLINE_MS,
  MAX_CHECKPOINT_RETRY_MS,
  REVOCATIONS_HOLD_MS,
  REVOKE_WAIT_MS,
} from "../limits.ts";
import { askStatus, type ChainStatus, settleAll } from "./ask.ts";
import { Checkpoints } from "./checkpoints.ts";
import { Informer } from "./inform.ts";
import { Leases } from "./leases.ts";
import { Registry } from "./registry.ts";
import { Retention } from "./retention.ts";
import type { Revocation, Revoking } from "./revocation.ts";
import { Revocations } from "./revocations.ts";
import { Schedule } from "./schedule.ts";

/** What an administrator is told. */
export interface DirectoryStatus {
  /** Every chain that there ever was. */
  readonly chains: readonly ChainStatus[];
  /** The last one, with its time in milliseconds. */
  readonly checkpoint: { readonly number: number; readonly time: number } | null;
  /** Checkpoints that D1 does not have. */
  readonly waiting: number;
  /** Why the last try to make or to hand on a checkpoint failed; null where it did not. */
  readonly problem: string | null;
}

/**
 * One object per tenant, off the hot path: it knows which ledgers exist and tells them what was revoked, signs on a schedule where
 * their chains end, and lets old records go.
 */
export class Directory extends DurableObject<Env> {
  readonly #registry: Registry;
  readonly #revocations: Revocations;
  readonly #informer: Informer;
  readonly #leases: Leases;
  readonly #checkpoints: Checkpoints;
  readonly #schedule: Schedule;
  /** Whether its storage was compared with D1 since the object was loaded. */
  #isCompared = false;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const { storage } = ctx;
    this.#registry = new Registry(storage.sql);
    this.#revocations = new Revocations(storage);
    this.#leases = new Leases(storage);
    const means = { registry: this.#registry, storage, env: () => this.env };
    const knowsAll = () => this.#knowsAll();
    this.#informer = new Informer({ ...means, revocations: this.#revocations, knowsAll });
    const retention = new Retention(storage, this.#registry);
    this.#checkpoints = new Checkpoints({
      ...means,
      tenant: () => this.#tenant,
      retention,
      leases: this.#leases,
      log: (event, details) => this.#log(event, details),
    });
    this.#schedule = new Schedule(this.#checkpoints, retention);
  }

  /**
   * Notes a ledger: before its first record, and again from time to time. A name with two incarnations is a ledger that was lost and
   * made anew; both stay here.
   *
   * @param known what it knows was revoked; null where it begins
   */
  async enrol(name: string, incarnation: string, known: KnownNotices | null = null): Promise<Enrolled> {
    if (!this.#registry.enrol(name, incarnation, Date.now()))
      throw new Error("the tenant has too many chains");
    // In one go with that: see `begin`.
    const enrolled = this.#revocations.enrol(name, known);
    if ((await this.ctx.storage.getAlarm()) === null) await this.#armAlarm(FIRST_CHECKPOINT_MS);
    return { wasLost: this.#registry.hasOther(name, incarnation), ...enrolled };
  }

  /** Learns from a ledger what was revoked, where this directory has lost that; tells it all that is known by then. */
  teach(known: KnownNotices, notices: readonly Notice[]): Bulletin {
    return this.#revocations.teach(known, notices, Date.now());
  }

  /**
   * Revokes something and tells all ledgers: those that do not answer now are told again until they do. What is asked for again is not
   * written again.
   *
   * @param by the principal who asks
   * @returns how it stands; null where there are too many
   */
  async revoke(revocation: Revocation, by: string): Promise<Revoking | null> {
    return this.#informer.revoke(revocation, by);
  }

  /** Takes a revocation back in the same way. @returns null where there is none */
  async lift(number: number, by: string): Promise<Revoking | null> {
    return this.#informer.lift(number, by);
  }

  /** How all revocations stand, the last one first. */
  async revocations(): Promise<Revoking[]> {
    return this.#informer.list();
  }

  /** Every incarnation of a ledger whose name is known, oldest first. */
  ledgers(): { name: string; incarnation: string }[] {
    return this.#registry
      .chains()
      .flatMap(({ name, head }) => (name === null ? [] : [{ name, incarnation: head.chain }]));
  }

  /** Hands out what a ledger may use of limits that others use too. Throws where it cannot be known yet what others have. */
  async lease(requests: readonly LeaseRequest[]): Promise<Lease[]> {
    if (!this.#isCompared) await this.#compare();
    return this.ctx.storage.transactionSync(() => this.#leases.hand(requests, seconds()));
  }

  /** Makes a checkpoint now; the last one again where it would say the same. Throws where it cannot be made. */
  async checkpoint(): Promise<Checkpoint> {
    return published((await this.#schedule.make()).made);
  }

  /**
   * A checkpoint that D1 has, and with it all records that it covers. Throws where there is none now: all can be tried again.
   *
   * A ledger that does not answer is no reason to refuse: the checkpoint names it as unreachable, with the head that it had, and
   * whoever reads the log sees which of its records are not in D1.
   */
  async snapshot(): Promise<Checkpoint> {
    const { made, answers } = await this.#schedule.make();
    await settleAll(answers, this.env);
    await this.#schedule.deliver();
    if (this.#checkpoints.delivered < made.number) throw new Error("checkpoints wait for D1");
    return published(made);
  }

  async status(): Promise<DirectoryStatus> {
    const chains = await askStatus(this.#registry, this.env);
    const claims = this.#checkpoints.last?.claims;
    return {
      chains,
      checkpoint: claims === undefined ? null : { number: claims.number, time: claims.time },
      waiting: this.#checkpoints.waiting,
      problem: this.#schedule.problem,
    };
  }

  /** Never throws, or the platform would give the alarm up in the end; should the object end meanwhile, the next one is set. */
  override async alarm(): Promise<void> {
    await this.#armAlarm(MAX_CHECKPOINT_RETRY_MS);
    const informing = this.#informer
      .inform()
      .catch((error: unknown) => this.#log("directory.inform_failed", { error: String(error) }));
    await this.#armAlarm(await this.#schedule.round());
    const { problem } = this.#schedule;
    if (problem !== null) this.#log("directory.failed", { error: problem });
    await informing;
    await this.#informer.tellAgain();
  }

  /**
   * Whether there is no ledger but those that are known here. A directory in the place of one that was lost cannot tell before each has
   * had to ask; and that there was none says D1, which has the first checkpoint of a tenant seconds after its first ledger.
   */
  async #knowsAll(): Promise<boolean> {
    if (this.#checkpoints.last === null) {
      try {
        await withDeadline(this.#schedule.lastOrResumed(), REVOKE_WAIT_MS);
      } catch (error) {
        this.#log("directory.resume_failed", { error: String(error) });
        return false;
      }
    }
    const resumed = this.ctx.storage.kv.get<number>("resumed");
    return resumed === undefined || Date.now() - resumed > REVOCATIONS_HOLD_MS;
  }

  /** Finds out whether anything that was handed out is forgotten. What was known once will do where D1 does not answer. */
  async #compare(): Promise<void> {
    try {
      const stored = await withDeadline(latestNumber(this.env.AUDIT, this.#tenant), LEASE_DEADLINE_MS / 2);
      this.#leases.compare(stored, this.#checkpoints.last?.number ?? 0, seconds());
    } catch (error) {
      if (!this.#leases.hasBegun) throw error;
      this.#log("directory.not_compared", { error: String(error) });
    }
    this.#isCompared = true;
  }

  get #tenant(): string {
    const { name } = this.ctx.id;
    if (name === undefined) throw new Error("a directory is always addressed by name");
    return name;
  }

  #armAlarm(delayMs: number): Promise<void> {
    return this.ctx.storage.setAlarm(Date.now() + delayMs);
  }

  #log(event: string, details: object): void {
    console.error(JSON.stringify({ event, tenant: this.#tenant, ...details }));
  }
}

const published = ({ number, jws, heads }: Made): Checkpoint => ({ number, jws, heads });
