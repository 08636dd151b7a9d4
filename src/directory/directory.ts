import { DurableObject } from "cloudflare:workers";
import type { Checkpoint } from "../audit/checkpoint.ts";
import type { Made } from "../audit/stored-checkpoint.ts";
import { seconds } from "../clock.ts";
import type { Lease, LeaseRequest } from "../ledger/lease.ts";
import type { Bulletin, Enrolled, KnownNotices, Notice } from "../ledger/revoked.ts";
import { FIRST_CHECKPOINT_MS, MAX_CHECKPOINT_RETRY_MS } from "../limits.ts";
import { askStatus, type ChainStatus, settleAll } from "./ask.ts";
import { Checkpoints } from "./checkpoints.ts";
import { Informer } from "./inform.ts";
import { Informed } from "./informed.ts";
import { Leases } from "./leases.ts";
import { Loss } from "./loss.ts";
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
  readonly #informed: Informed;
  readonly #informer: Informer;
  readonly #leases: Leases;
  readonly #checkpoints: Checkpoints;
  readonly #schedule: Schedule;
  readonly #loss: Loss;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const { storage } = ctx;
    this.#registry = new Registry(storage.sql);
    this.#revocations = new Revocations(storage);
    this.#informed = new Informed(storage.sql, this.#revocations);
    this.#leases = new Leases(storage);
    const retention = new Retention(storage, this.#registry);
    const means = {
      tenant: () => this.#tenant,
      storage,
      env: () => this.env,
      registry: this.#registry,
      revocations: this.#revocations,
      informed: this.#informed,
      leases: this.#leases,
      retention,
      log: (event: string, details: object) => this.#log(event, details),
    };
    this.#checkpoints = new Checkpoints(means);
    this.#schedule = new Schedule(this.#checkpoints, retention);
    this.#loss = new Loss({ ...means, checkpoints: this.#checkpoints, schedule: this.#schedule });
    this.#informer = new Informer({
      ...means,
      knowsAll: () => this.#loss.knowsAll(),
      tellSomeApart: () => this.env.DIRECTORY.getByName(this.#tenant).tellSome(),
    });
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
    const enrolled = this.#informed.enrol(name, known);
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
    await this.#loss.beforeRevoking();
    return this.#informer.revoke(revocation, by);
  }

  /** Takes a revocation back in the same way. @returns null where there is none */
  async lift(number: number, by: string): Promise<Revoking | null> {
    await this.#loss.beforeRevoking();
    return this.#informer.lift(number, by);
  }

  /** See `Informer.tellSome`: the directory asks it of itself. */
  tellSome(): Promise<boolean> {
    return this.#informer.tellSome();
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
    await this.#loss.beforeLease();
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
    await this.#informer.comeBack();
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
