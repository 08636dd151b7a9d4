import { CHECKPOINT_TYPE, type CheckpointClaims, linkTo, rootOf } from "../audit/checkpoint.ts";
import { readSigningKeys, type SigningKeys, signStatement } from "../audit/signing-keys.ts";
import { latestStored, type Made, type Store } from "../audit/stored-checkpoint.ts";
import { seconds } from "../clock.ts";
import { CHECKPOINT_BATCH, MAX_CHECKPOINT_AGE_MS, MAX_CHECKPOINT_BACKLOG } from "../limits.ts";
import { askHeads } from "./ask.ts";
import type { Leases } from "./leases.ts";
import { Outbox } from "./outbox.ts";
import type { Answer, Registry } from "./registry.ts";
import type { Retention } from "./retention.ts";
import { readSettings, type Settings } from "./settings.ts";

/** What it takes to make checkpoints. */
export interface Means {
  readonly tenant: () => string;
  readonly storage: DurableObjectStorage;
  readonly env: () => Env;
  readonly registry: Registry;
  readonly retention: Retention;
  readonly leases: Leases;
  readonly log: (event: string, details: object) => void;
}

/** Makes checkpoints and hands them to D1. Nothing of it is to be done twice at once: see `Schedule`. */
export class Checkpoints {
  readonly #means: Means;
  readonly #outbox: Outbox;

  constructor(means: Means) {
    this.#means = means;
    this.#outbox = new Outbox(means.storage);
  }

  /** Null where this directory has none. */
  get last(): Made | null {
    return this.#outbox.last();
  }

  /** How many D1 does not have. */
  get waiting(): number {
    return this.#outbox.waiting;
  }

  /** Number of the last one that D1 has. */
  get delivered(): number {
    return this.#outbox.delivered;
  }

  /** @returns the checkpoint, the last one where it would say the same, and what the ledgers said for it */
  async make({ publicUrl }: Settings): Promise<{ made: Made; answers: readonly Answer[] }> {
    const { registry, retention, storage, env } = this.#means;
    if (this.#outbox.waiting >= MAX_CHECKPOINT_BACKLOG) throw new Error("too many checkpoints wait for D1");
    const keys = await this.#keys();
    const last = this.last ?? (await this.#resume(keys));
    const answers = await askHeads(registry, env());
    const now = Date.now();
    storage.transactionSync(() => registry.learn(answers, now));
    const unreachable = answers.flatMap(({ name, head }) => (head === null ? [name] : []));
    const { heads, faults } = registry.tree(new Set(unreachable));
    const said = {
      iss: publicUrl,
      tenant: this.#means.tenant(),
      root: await rootOf(heads),
      size: heads.length,
      faults,
      retained: retention.retained,
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

  /** The last one: that of D1 where this directory has none. Null where there is none at all. */
  async lastOrResumed(): Promise<Made | null> {
    return this.last ?? this.#resume(await this.#keys());
  }

  deliver(): Promise<void> {
    return this.#outbox.deliver(this.#means.tenant(), this.#means.env().AUDIT, CHECKPOINT_BATCH);
  }

  async store(): Promise<Store> {
    return this.#storeOf(await this.#keys());
  }

  async settings(): Promise<Settings> {
    const { tenant, env, storage } = this.#means;
    const settings = await readSettings(tenant(), env(), storage, Date.now());
    if (settings === null) throw new Error("the tenant document was never read");
    return settings;
  }

  /** A directory without a checkpoint is that of a tenant without one, or has lost what it knew: then it goes on from what D1 has. */
  async #resume(keys: SigningKeys): Promise<Made | null> {
    const { storage, leases, registry, retention, log } = this.#means;
    const last = await latestStored(this.#storeOf(keys));
    if (last === null) return null;
    storage.transactionSync(() => {
      leases.compare(last.number, 0, seconds());
      registry.resume(last);
      retention.resume(last);
      this.#outbox.resume(last);
      storage.kv.put("resumed", Date.now());
    });
    log("directory.resumed", { checkpoint: last.number });
    return last;
  }

  #storeOf({ verifying }: SigningKeys): Store {
    return { db: this.#means.env().AUDIT, tenant: this.#means.tenant(), keys: verifying };
  }

  async #keys(): Promise<SigningKeys> {
    const keys = await readSigningKeys(this.#means.env().SIGNING_KEYS);
    if (keys === null) throw new Error("the secret SIGNING_KEYS is missing or malformed");
    return keys;
  }
}

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
