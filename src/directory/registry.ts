import { byChain, type ChainFault, type Faulty, type Head } from "../audit/checkpoint.ts";
import { GENESIS } from "../audit/record.ts";
import type { Made } from "../audit/stored-checkpoint.ts";
import type { LedgerHead } from "../ledger/head.ts";
import { isHolders } from "../ledger/names.ts";
import { MAX_CHAINS, MAX_CHAINS_FOR_HOLDERS } from "../limits.ts";

/** A ledger's chain, and what is known of it. */
export interface Chain {
  /** Of the ledger; null for one that has not been heard of since the directory lost what it knew. */
  readonly name: string | null;
  readonly head: Head;
  /** What nothing can mend: its head stays for ever what it is. */
  readonly fault: Exclude<ChainFault, "unreachable"> | null;
}

/** A name that may have more than one chain: a ledger that was lost and made anew. */
export interface Asked {
  readonly name: string;
  readonly chains: readonly Chain[];
  /** The chain whose head the ledger is told as the one that is known. */
  readonly expected: Chain;
}

/** What a ledger said; null where it did not answer. */
export interface Answer extends Asked {
  readonly head: LedgerHead | null;
}

/** Every chain of the tenant that there ever was, with the head that was last told. */
export class Registry {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(
      `CREATE TABLE IF NOT EXISTS ledgers (incarnation TEXT PRIMARY KEY, name TEXT, since INTEGER NOT NULL)
        STRICT, WITHOUT ROWID`,
    );
    // Every ledger enrols again once a minute.
    sql.exec("CREATE INDEX IF NOT EXISTS ledgers_by_name ON ledgers (name)");
    // A chain without a row here has told no record yet.
    sql.exec(
      `CREATE TABLE IF NOT EXISTS heads (chain TEXT PRIMARY KEY, seq INTEGER NOT NULL, hash TEXT NOT NULL,
        start INTEGER NOT NULL, start_prev TEXT NOT NULL, fault TEXT) STRICT, WITHOUT ROWID`,
    );
  }

  /**
   * Notes a ledger. Safe to repeat.
   *
   * @param now milliseconds
   * @returns false where there are too many
   */
  enrol(name: string, chain: string, now: number): boolean {
    const max = isHolders(name) ? MAX_CHAINS_FOR_HOLDERS : MAX_CHAINS;
    if (!this.#has(chain) && this.#count() >= max) return false;
    this.#note(name, chain, now);
    return true;
  }

  /** Whether the ledger of this name had another chain. */
  hasOther(name: string, chain: string): boolean {
    const found = this.#sql.exec("SELECT 1 FROM ledgers WHERE name = ? AND incarnation <> ?", name, chain);
    return found.toArray().length > 0;
  }

  /** Oldest first. */
  chains(): Chain[] {
    return this.#sql
      .exec<Columns>(
        `SELECT incarnation AS chain, name, seq, hash, start, start_prev, fault
          FROM ledgers LEFT JOIN heads ON chain = incarnation ORDER BY since, incarnation`,
      )
      .toArray()
      .map(({ chain, name, seq, hash, start, start_prev, fault }) => ({
        name,
        head: {
          chain,
          seq: seq ?? 0,
          hash: hash ?? GENESIS,
          start: start ?? 1,
          start_prev: start_prev ?? GENESIS,
        },
        fault: fault as Chain["fault"],
      }));
  }

  /** The chains by the name of their ledger, as far as that is known. */
  asked(): Asked[] {
    const byName = Map.groupBy(this.chains(), ({ name }) => name);
    return [...byName].flatMap(([name, chains]) => {
      const expected = chains.findLast(({ fault }) => fault === null) ?? chains.at(-1);
      return name === null || expected === undefined ? [] : [{ name, chains, expected }];
    });
  }

  /** Takes over what a checkpoint of ours says, where nothing is known. Belongs into a transaction. */
  resume({ heads, claims: { faults } }: Made): void {
    const faultOf = new Map(faults.map(({ chain, fault }) => [chain, fault]));
    for (const head of heads) {
      this.#note(null, head.chain, 0);
      const fault = faultOf.get(head.chain) ?? "unreachable";
      this.#write({ ...head, fault: fault === "unreachable" ? null : fault });
    }
  }

  /**
   * Takes in what the ledgers said. A head only ever moves forward: a checkpoint takes nothing back that one before it said.
   * Belongs into a transaction.
   *
   * @param now milliseconds
   */
  learn(answers: readonly Answer[], now: number): void {
    const all = new Map(this.chains().map((chain) => [chain.head.chain, chain]));
    for (const { name, chains, expected, head } of answers) {
      if (head === null) continue;
      for (const { head: known, fault } of chains)
        if (known.chain !== head.chain && fault === null) this.#write({ ...known, fault: "lost" });
      if (head.chain === "") continue;
      // It may have begun while it was asked, or the directory was restored from a copy that is older than the ledger.
      this.#note(name, head.chain, now);
      const chain = all.get(head.chain);
      if (chain?.fault) continue;
      const known = chain?.head ?? { seq: 0, hash: GENESIS, start: 1, start_prev: GENESIS };
      const isTold = head.chain !== expected.head.chain || head.agrees;
      if (!isTold || head.seq < known.seq || (head.seq === known.seq && head.hash !== known.hash))
        this.#write({ ...known, chain: head.chain, fault: "forked" });
      else if (head.seq > known.seq)
        this.#write({ ...known, chain: head.chain, seq: head.seq, hash: head.hash, fault: null });
    }
  }

  /** Notes from which record on a chain is kept. */
  begin({ chain, start, start_prev }: Pick<Head, "chain" | "start" | "start_prev">): void {
    this.#sql.exec("UPDATE heads SET start = ?, start_prev = ? WHERE chain = ?", start, start_prev, chain);
  }

  /**
   * What a checkpoint says: every chain, and what is wrong with it.
   *
   * @param unreachable names of ledgers
   */
  tree(unreachable: ReadonlySet<string>): { heads: Head[]; faults: Faulty[] } {
    const chains = this.chains();
    const faults = chains.flatMap(({ name, head: { chain }, fault }): Faulty[] => {
      const found = fault ?? (name === null || unreachable.has(name) ? "unreachable" : null);
      return found === null ? [] : [{ chain, fault: found }];
    });
    return { heads: chains.map(({ head }) => head).sort(byChain), faults: faults.sort(byChain) };
  }

  /** @param name null where it is not known */
  #note(name: string | null, chain: string, now: number): void {
    this.#sql.exec(
      `INSERT INTO ledgers VALUES (?, ?, ?) ON CONFLICT (incarnation)
        DO UPDATE SET name = excluded.name WHERE name IS NULL AND excluded.name IS NOT NULL`,
      chain,
      name,
      now,
    );
  }

  #write({ chain, seq, hash, start, start_prev, fault }: Head & { fault: Chain["fault"] }): void {
    this.#sql.exec(
      `INSERT INTO heads VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (chain)
        DO UPDATE SET seq = excluded.seq, hash = excluded.hash, fault = excluded.fault`,
      chain,
      seq,
      hash,
      start,
      start_prev,
      fault,
    );
  }

  #count(): number {
    return this.#sql.exec<{ n: number }>("SELECT COUNT(*) AS n FROM ledgers").one().n;
  }

  #has(chain: string): boolean {
    return this.#sql.exec("SELECT 1 FROM ledgers WHERE incarnation = ?", chain).toArray().length > 0;
  }
}

type Columns = {
  chain: string;
  name: string | null;
  seq: number | null;
  hash: string | null;
  start: number | null;
  start_prev: string | null;
  fault: string | null;
};
