import { DurableObject } from "cloudflare:workers";
import {
  CHECKPOINT_TYPE,
  type ChainFault,
  type Checkpoint,
  type CheckpointClaims,
  linkTo,
  rootOf,
} from "../audit/checkpoint.ts";
import { readSigningKeys, signStatement } from "../audit/signing-keys.ts";
import { headOf, settle, statusOf } from "../ledger/client.ts";
import type { LedgerStatus } from "../ledger/protocol.ts";
import {
  CHECKPOINT_BATCH,
  CHECKPOINT_RETRY_MS,
  FIRST_CHECKPOINT_MS,
  LEDGERS_ASKED_AT_ONCE,
  MAX_CHECKPOINT_AGE_MS,
  MAX_CHECKPOINT_BACKLOG,
  MAX_CHECKPOINT_RETRY_MS,
} from "../limits.ts";
import { mapAtMost } from "../parallel.ts";
import { type Made, Outbox } from "./outbox.ts";
import { type Answer, Registry } from "./registry.ts";
import { Retention } from "./retention.ts";
import { readSettings, type Settings } from "./settings.ts";

/** What an administrator is told. */
export interface DirectoryStatus {
  /** Every chain that there ever was; `status` is null where its ledger does not answer, or has another chain. */
  readonly chains: {
    readonly ledger: string;
    readonly chain: string;
    /** Of the head that is known. */
    readonly seq: number;
    readonly fault: ChainFault | null;
    readonly status: LedgerStatus | null;
  }[];
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
  #turn: Promise<unknown> = Promise.resolve();
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
   * Notes a ledger before its first record. A name with two incarnations is a ledger that was lost and made
   * anew; both stay here. Safe to repeat.
   *
   * @returns whether there was another ledger of this name
   */
  async enrol(name: string, incarnation: string): Promise<boolean> {
    if (!this.#registry.enrol(name, incarnation, Date.now()))
      throw new Error("the tenant has too many chains");
    if ((await this.ctx.storage.getAlarm()) === null) await this.#armAlarm(FIRST_CHECKPOINT_MS);
    return this.#registry.hasOther(name, incarnation);
  }

  /** Every incarnation that was ever enrolled, oldest first. */
  ledgers(): { name: string; incarnation: string }[] {
    return this.#registry.chains().map(({ name, head }) => ({ name, incarnation: head.chain }));
  }

  /** Makes a checkpoint now; the last one again where it would say the same. Throws where it cannot be made. */
  checkpoint(): Promise<Checkpoint> {
    return this.#inTurn(async () => published((await this.#make(await this.#settings())).made));
  }

  /**
   * A checkpoint that D1 has, and with it all records that it covers. Throws where there is none now: all can be tried again.
   *
   * A ledger that does not answer is no reason to refuse: the checkpoint names it as unreachable, with the head that it had, and
   * whoever reads the log sees which of its records are not in D1.
   */
  async snapshot(): Promise<Checkpoint> {
    const settleAll = (names: readonly string[]) =>
      mapAtMost(names, LEDGERS_ASKED_AT_ONCE, (name) => settle(this.env, name));
    // First, so that outcomes which wait are covered; then again, because the ledgers have gone on until they told their heads.
    await settleAll(this.#registry.asked().map(({ name }) => name));
    const { made, reached } = await this.#inTurn(async () => this.#make(await this.#settings()));
    const settled = await settleAll(reached);
    if (!settled.every(({ ok }) => ok))
      throw new Error("a ledger that answers could not hand its records to D1");
    await this.#inTurn(() => this.#deliver());
    if (this.#outbox.delivered < made.number) throw new Error("checkpoints wait for D1");
    return published(made);
  }

  async status(): Promise<DirectoryStatus> {
    const asked = await mapAtMost(this.#registry.asked(), LEDGERS_ASKED_AT_ONCE, async ({ name, chains }) => {
      const status = await statusOf(this.env, name);
      return chains.map(({ head: { chain, seq }, fault }) => ({
        ledger: name,
        chain,
        seq,
        fault: fault ?? (status.ok ? null : ("unreachable" as const)),
        status: status.ok && status.value.chain === chain ? status.value : null,
      }));
    });
    const claims = this.#outbox.last()?.claims;
    return {
      chains: asked.flat(),
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
      console.error(
        JSON.stringify({ event: "directory.failed", tenant: this.#tenant, error: this.#problem }),
      );
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
    const isDone = await this.#retention.step(last, settings.retention, this.#tenant, this.env.AUDIT);
    return isDone ? settings.checkpointInterval : CHECKPOINT_RETRY_MS;
  }

  /** @returns the checkpoint, and the names of the ledgers that told their heads for it */
  async #make({ publicUrl }: Settings): Promise<{ made: Made; reached: string[] }> {
    if (this.#outbox.waiting >= MAX_CHECKPOINT_BACKLOG) throw new Error("too many checkpoints wait for D1");
    const keys = await readSigningKeys(this.env.SIGNING_KEYS);
    if (keys === null) throw new Error("the secret SIGNING_KEYS is missing or malformed");
    const answers = await this.#ask();
    const now = Date.now();
    this.ctx.storage.transactionSync(() => this.#registry.learn(answers, now));
    const namesOf = (wanted: (answer: Answer) => boolean) => answers.filter(wanted).map(({ name }) => name);
    const { heads, faults } = this.#registry.tree(new Set(namesOf(({ head }) => head === null)));
    const reached = namesOf(({ head }) => head !== null);

    const last = this.#outbox.last();
    const said = {
      iss: publicUrl,
      tenant: this.#tenant,
      root: await rootOf(heads),
      size: heads.length,
      faults,
      retained: this.#retention.retained,
    };
    if (last !== null && now < last.claims.time + MAX_CHECKPOINT_AGE_MS && isSaidIn(said, last.claims))
      return { made: last, reached };
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
    return { made, reached };
  }

  #ask(): Promise<Answer[]> {
    return mapAtMost(this.#registry.asked(), LEDGERS_ASKED_AT_ONCE, async (asked) => {
      const { seq, hash } = asked.expected.head;
      const head = await headOf(this.env, asked.name, seq === 0 ? null : { seq, hash });
      return { ...asked, head: head.ok ? head.value : null };
    });
  }

  #deliver(): Promise<void> {
    return this.#outbox.deliver(this.#tenant, this.env.AUDIT, CHECKPOINT_BATCH);
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

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
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
