import { DurableObject } from "cloudflare:workers";
import {
  CHECKPOINT_TYPE,
  type Checkpoint,
  type CheckpointClaims,
  linkTo,
  rootOf,
} from "../audit/checkpoint.ts";
import { readSigningKeys, type SigningKeys, signStatement } from "../audit/signing-keys.ts";
import { latestNumber, latestStored, type Made, type Store } from "../audit/stored-checkpoint.ts";
import { seconds } from "../clock.ts";
import { withDeadline } from "../deadline.ts";
import type { Lease, LeaseRequest } from "../ledger/protocol.ts";
import type { Bulletin, Enrolled, KnownNotices, Notice } from "../ledger/revoked.ts";
import {
  CHECKPOINT_BATCH,
  CHECKPOINT_RETRY_MS,
  FIRST_CHECKPOINT_MS,
  LEASE_DEADLINE_MS,
  MAX_CHECKPOINT_AGE_MS,
  MAX_CHECKPOINT_BACKLOG,
  MAX_CHECKPOINT_RETRY_MS,
  REVOCATIONS_HOLD_MS,
  REVOKE_WAIT_MS,
} from "../limits.ts";
import { shared, turns } from "../turns.ts";
import { askHeads, askStatus, type ChainStatus, settleAll } from "./ask.ts";
import { Informer } from "./inform.ts";
import { Leases } from "./leases.ts";
import { Outbox } from "./outbox.ts";
import { type Answer, Registry } from "./registry.ts";
import { Retention } from "./retention.ts";
import { type Revocation, Revocations, type Revoking } from "./revocations.ts";
import { readSettings, type Settings } from "./settings.ts";

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
  readonly #outbox: Outbox;
  readonly #retention: Retention;
  readonly #revocations: Revocations;
  readonly #informer: Informer;
  readonly #leases: Leases;
  /** Whether its storage was compared with D1 since the object was loaded. */
  #isCompared = false;
  /** What makes, hands on or applies checkpoints; one at a time. */
  readonly #inTurn = turns();
  /** Where many ask at once while ledgers are slow, they are given the same one. */
  readonly #makeOne = shared(() => this.#inTurn(() => this.#make()));
  /** When the schedule had the ledgers asked last, milliseconds. */
  #askedAt = Number.NEGATIVE_INFINITY;
  #retryMs = CHECKPOINT_RETRY_MS;
  #problem: string | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#registry = new Registry(ctx.storage.sql);
    this.#outbox = new Outbox(ctx.storage);
    this.#retention = new Retention(ctx.storage, this.#registry);
    this.#revocations = new Revocations(ctx.storage);
    this.#informer = new Informer({
      revocations: this.#revocations,
      registry: this.#registry,
      storage: ctx.storage,
      env: () => this.env,
      knowsAll: () => this.#knowsAll(),
    });
    this.#leases = new Leases(ctx.storage);
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
    return published((await this.#makeOne()).made);
  }

  /**
   * A checkpoint that D1 has, and with it all records that it covers. Throws where there is none now: all can be tried again.
   *
   * A ledger that does not answer is no reason to refuse: the checkpoint names it as unreachable, with the head that it had, and
   * whoever reads the log sees which of its records are not in D1.
   */
  async snapshot(): Promise<Checkpoint> {
    const { made, answers } = await this.#makeOne();
    await settleAll(answers, this.env);
    await this.#inTurn(() => this.#deliver());
    if (this.#outbox.delivered < made.number) throw new Error("checkpoints wait for D1");
    return published(made);
  }

  async status(): Promise<DirectoryStatus> {
    const chains = await askStatus(this.#registry, this.env);
    const claims = this.#outbox.last()?.claims;
    return {
      chains,
      checkpoint: claims === undefined ? null : { number: claims.number, time: claims.time },
      waiting: this.#outbox.waiting,
      problem: this.#problem,
    };
  }

  /** Never throws, or the platform would give the alarm up in the end; should the object end meanwhile, the next one is set. */
  override async alarm(): Promise<void> {
    await this.#armAlarm(MAX_CHECKPOINT_RETRY_MS);
    const informing = this.#informer
      .inform()
      .catch((error: unknown) => this.#log("directory.inform_failed", { error: String(error) }));
    try {
      await this.#armAlarm(await this.#inTurn(() => this.#round()));
      this.#retryMs = CHECKPOINT_RETRY_MS;
      this.#problem = null;
    } catch (error) {
      this.#problem = String(error);
      this.#log("directory.failed", { error: this.#problem });
      await this.#armAlarm(this.#retryMs);
      this.#retryMs = Math.min(2 * this.#retryMs, MAX_CHECKPOINT_RETRY_MS);
    }
    await informing;
    await this.#informer.tellAgain();
  }

  /**
   * Whether there is no ledger but those that are known here. A directory in the place of one that was lost cannot tell before each has
   * had to ask; and that there was none says D1, which has the first checkpoint of a tenant seconds after its first ledger.
   */
  async #knowsAll(): Promise<boolean> {
    if (this.#outbox.last() === null) {
      const resume = this.#inTurn(async () => this.#outbox.last() ?? this.#resume(await this.#keys()));
      try {
        await withDeadline(resume, REVOKE_WAIT_MS);
      } catch (error) {
        this.#log("directory.resume_failed", { error: String(error) });
        return false;
      }
    }
    const resumed = this.ctx.storage.kv.get<number>("resumed");
    return resumed === undefined || Date.now() - resumed > REVOCATIONS_HOLD_MS;
  }

  /**
   * Makes a checkpoint if it is time, hands on those that wait, and lets go what is too old.
   *
   * @returns the pause after it, milliseconds
   */
  async #round(): Promise<number> {
    const settings = await this.#settings();
    // Also where the clock was set back meanwhile.
    const isDue = Math.abs(Date.now() - this.#askedAt) >= settings.checkpointInterval;
    try {
      if (isDue) {
        await this.#make(settings);
        this.#askedAt = Date.now();
      }
    } finally {
      // Those of before, also where there is no other one.
      await this.#deliver();
    }
    const last = this.#outbox.last();
    if (last === null || this.#outbox.waiting > 0) return CHECKPOINT_RETRY_MS;
    const store = this.#store(await this.#keys());
    const isDone = await this.#retention.step(store, last, settings.retention, Date.now());
    // It may have come early, to tell ledgers what was revoked.
    const left = this.#askedAt + settings.checkpointInterval - Date.now();
    return isDone ? Math.min(Math.max(left, 0), settings.checkpointInterval) : CHECKPOINT_RETRY_MS;
  }

  /** @returns the checkpoint, and what the ledgers said for it */
  async #make(settings?: Settings): Promise<{ made: Made; answers: readonly Answer[] }> {
    const { publicUrl } = settings ?? (await this.#settings());
    if (this.#outbox.waiting >= MAX_CHECKPOINT_BACKLOG) throw new Error("too many checkpoints wait for D1");
    const keys = await this.#keys();
    const last = this.#outbox.last() ?? (await this.#resume(keys));
    const answers = await askHeads(this.#registry, this.env);
    const now = Date.now();
    this.ctx.storage.transactionSync(() => this.#registry.learn(answers, now));
    const unreachable = answers.flatMap(({ name, head }) => (head === null ? [name] : []));
    const { heads, faults } = this.#registry.tree(new Set(unreachable));
    const said = {
      iss: publicUrl,
      tenant: this.#tenant,
      root: await rootOf(heads),
      size: heads.length,
      faults,
      retained: this.#retention.retained,
    };
    if (last !== null && now < last.claims.time + MAX_CHECKPOINT_AGE_MS && isSaidIn(said, last.claims))
      return { made: last, answers };
    const claims: CheckpointClaims = {
      ...said,
      number: (last?.number ?? 0) + 1,
      // As in a chain, times never fall.
      time: Math.max(now, last?.claims.time ?? 0),
      prev: last && (await linkTo(last.jws)),
    };
    const jws = await signStatement(keys.signing, CHECKPOINT_TYPE, claims);
    const made = { number: claims.number, jws, heads, claims };
    this.#outbox.add(made);
    return { made, answers };
  }

  /** A directory without a checkpoint is that of a tenant without one, or has lost what it knew: then it goes on from what D1 has. */
  async #resume(keys: SigningKeys): Promise<Made | null> {
    const last = await latestStored(this.#store(keys));
    if (last === null) return null;
    this.ctx.storage.transactionSync(() => {
      this.#leases.compare(last.number, 0, seconds());
      this.#registry.resume(last);
      this.#retention.resume(last);
      this.#outbox.resume(last);
      this.ctx.storage.kv.put("resumed", Date.now());
    });
    this.#log("directory.resumed", { checkpoint: last.number });
    return last;
  }

  /** Finds out whether anything that was handed out is forgotten. What was known once will do where D1 does not answer. */
  async #compare(): Promise<void> {
    try {
      const stored = await withDeadline(latestNumber(this.env.AUDIT, this.#tenant), LEASE_DEADLINE_MS / 2);
      this.#leases.compare(stored, this.#outbox.last()?.number ?? 0, seconds());
    } catch (error) {
      if (!this.#leases.hasBegun) throw error;
      this.#log("directory.not_compared", { error: String(error) });
    }
    this.#isCompared = true;
  }

  #deliver(): Promise<void> {
    return this.#outbox.deliver(this.#tenant, this.env.AUDIT, CHECKPOINT_BATCH);
  }

  #store({ verifying }: SigningKeys): Store {
    return { db: this.env.AUDIT, tenant: this.#tenant, keys: verifying };
  }

  async #keys(): Promise<SigningKeys> {
    const keys = await readSigningKeys(this.env.SIGNING_KEYS);
    if (keys === null) throw new Error("the secret SIGNING_KEYS is missing or malformed");
    return keys;
  }

  async #settings(): Promise<Settings> {
    const settings = await readSettings(this.#tenant, this.env, this.ctx.storage, Date.now());
    if (settings === null) throw new Error("the tenant document was never read");
    return settings;
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

/** Whether a checkpoint says all of this already. */
const isSaidIn = (
  said: Omit<CheckpointClaims, "number" | "time" | "prev">,
  claims: CheckpointClaims,
): boolean =>
  said.iss === claims.iss &&
  said.root === claims.root &&
  said.size === claims.size &&
  said.retained === claims.retained &&
  JSON.stringify(said.faults) === JSON.stringify(claims.faults);
