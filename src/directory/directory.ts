import { DurableObject } from "cloudflare:workers";
import {
  CHECKPOINT_TYPE,
  type Checkpoint,
  type CheckpointClaims,
  linkTo,
  rootOf,
} from "../audit/checkpoint.ts";
import { readSigningKeys, type SigningKeys, signStatement } from "../audit/signing-keys.ts";
import { latestStored, type Made, type Store } from "../audit/stored-checkpoint.ts";
import {
  CHECKPOINT_BATCH,
  CHECKPOINT_RETRY_MS,
  FIRST_CHECKPOINT_MS,
  MAX_CHECKPOINT_AGE_MS,
  MAX_CHECKPOINT_BACKLOG,
  MAX_CHECKPOINT_RETRY_MS,
} from "../limits.ts";
import { shared, turns } from "../turns.ts";
import { askHeads, askStatus, type ChainStatus, settleAll } from "./ask.ts";
import { Outbox } from "./outbox.ts";
import { type Answer, Registry } from "./registry.ts";
import { Retention } from "./retention.ts";
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
 * One object per tenant, off the hot path: it knows which ledgers exist, signs on a schedule where their chains end, and lets old
 * records go.
 */
export class Directory extends DurableObject<Env> {
  readonly #registry: Registry;
  readonly #outbox: Outbox;
  readonly #retention: Retention;
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
  }

  /**
   * Notes a ledger: before its first record, and again from time to time. A name with two incarnations is a ledger that was lost and
   * made anew; both stay here.
   *
   * @returns whether there was another ledger of this name
   */
  async enrol(name: string, incarnation: string): Promise<boolean> {
    if (!this.#registry.enrol(name, incarnation, Date.now()))
      throw new Error("the tenant has too many chains");
    if ((await this.ctx.storage.getAlarm()) === null) await this.#armAlarm(FIRST_CHECKPOINT_MS);
    return this.#registry.hasOther(name, incarnation);
  }

  /** Every incarnation of a ledger whose name is known, oldest first. */
  ledgers(): { name: string; incarnation: string }[] {
    return this.#registry
      .chains()
      .flatMap(({ name, head }) => (name === null ? [] : [{ name, incarnation: head.chain }]));
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
    return isDone ? settings.checkpointInterval : CHECKPOINT_RETRY_MS;
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
      this.#registry.resume(last);
      this.#retention.resume(last);
      this.#outbox.resume(last);
    });
    this.#log("directory.resumed", { checkpoint: last.number });
    return last;
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
