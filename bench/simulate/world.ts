import { CHECKPOINT_INTERVAL, REVOCATIONS_FRESH_MS, TENANT_FRESH_MS } from "../../src/limits.ts";
import { Agenda } from "./agenda.ts";
import { Database } from "./database.ts";
import { Ledger, type Ruling } from "./ledger.ts";
import { ISOLATES } from "./parameters.ts";
import { Queue } from "./queue.ts";
import { exponential, type Random, randomFor } from "./random.ts";
import type { Stream } from "./workload.ts";

/** A deployment: ledgers of their own for every principal, a directory for every tenant, one KV namespace and one database for all. */
export class World {
  readonly agenda = new Agenda();
  readonly database = new Database(this.agenda);
  readonly ledgers = new Map<string, Ledger>();
  readonly directories = new Map<string, Queue>();
  readonly #admissionMs: number;
  readonly #seed: number;
  /** Until when an isolate has the document of a tenant, ms. */
  readonly #fresh = new Map<string, number>();
  kvReads = 0;

  constructor(admissionMs: number, seed: number) {
    this.#admissionMs = admissionMs;
    this.#seed = seed;
  }

  /** The ledger of this name. From its first use on it tells the directory of itself, which asks it for checkpoints. */
  ledger(name: string, tenant: string): Ledger {
    const known = this.ledgers.get(name);
    if (known !== undefined) return known;
    const ledger = new Ledger(
      this.agenda,
      this.database,
      this.#admissionMs,
      randomFor(`${name} origin`, this.#seed),
    );
    this.ledgers.set(name, ledger);
    const directory = this.directories.get(tenant) ?? new Queue();
    this.directories.set(tenant, directory);
    const phase = randomFor(`${name} upkeep`, this.#seed);
    const work = () => directory.visit(this.agenda.now, () => this.#admissionMs);
    this.#repeat(phase, REVOCATIONS_FRESH_MS, work);
    this.#repeat(phase, CHECKPOINT_INTERVAL * 1000, () => {
      work();
      ledger.tellHead();
    });
    return ledger;
  }

  /** Calls come as they do from many callers who know nothing of each other, from now on. */
  stream({ tenant, ledger: name, rate }: Stream, onEnd: (ruling: Ruling) => void): void {
    const ledger = this.ledger(name, tenant);
    const random = randomFor(name, this.#seed);
    const next = () =>
      this.agenda.at(this.agenda.now + exponential(random, 1000 / rate), () => {
        this.#readTenant(tenant, Math.floor(random() * ISOLATES));
        ledger.call(onEnd);
        next();
      });
    next();
  }

  #readTenant(tenant: string, isolate: number): void {
    const key = `${isolate} ${tenant}`;
    if ((this.#fresh.get(key) ?? 0) > this.agenda.now) return;
    this.kvReads += 1;
    this.#fresh.set(key, this.agenda.now + TENANT_FRESH_MS);
  }

  #repeat(random: Random, interval: number, work: () => void): void {
    const again = () => {
      work();
      this.agenda.at(this.agenda.now + interval, again);
    };
    this.agenda.at(this.agenda.now + random() * interval, again);
  }
}
