import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import {
  type CheckpointClaims,
  type Head,
  leafOf,
  linkTo,
  rootOf,
  verifyCheckpoint,
} from "../../src/audit/checkpoint.ts";
import { merklePath, rootFromPath } from "../../src/audit/merkle.ts";
import { readSigningKeys } from "../../src/audit/signing-keys.ts";
import { statementKeys } from "../../src/audit/statement.ts";
import type { Directory } from "../../src/directory/directory.ts";
import { fromBase64url, toBase64url } from "../../src/encoding.ts";
import type { JsonValue } from "../../src/json/strict-json.ts";
import { attempt, claim, facts, type Home, newLedger, unique } from "../ledger/helpers.ts";

/** Seconds between two checkpoints of every tenant here. */
export const INTERVAL = 60;

export interface Place {
  readonly tenant: string;
  readonly stub: DurableObjectStub<Directory>;
  ledger(principal?: string): Home;
  alarm(): Promise<boolean>;
  /** Runs with bindings that differ. */
  with<T>(changes: Partial<Env>, work: (directory: Directory) => Promise<T>): Promise<T>;
  evict(): Promise<void>;
  /** What D1 has, oldest first, each verified, with a root over its heads and a link to the one before. */
  checkpoints(keys?: string): Promise<Stored[]>;
  /** Milliseconds; null where none is set. */
  alarmAt(): Promise<number | null>;
}

export interface Stored {
  readonly claims: CheckpointClaims;
  readonly heads: readonly Head[] | null;
  readonly jws: string;
}

export async function newTenant(audit: object = {}): Promise<Place> {
  const tenant = unique("tenant");
  await putTenant(tenant, audit);
  // Each time another: one is of no more use after the object was aborted.
  const stub = () => env.DIRECTORY.getByName(tenant);
  return {
    tenant,
    get stub() {
      return stub();
    },
    ledger: (principal) => newLedger(tenant, principal),
    alarm: () => runDurableObjectAlarm(stub()),
    with: (changes, work) =>
      runInDurableObject(stub(), async (directory) => {
        const object = directory as unknown as { env: Env };
        const real = object.env;
        object.env = { ...real, ...changes };
        try {
          return await work(directory);
        } finally {
          object.env = real;
        }
      }),
    evict: () => evictDurableObject(stub()),
    checkpoints: (keys = env.SIGNING_KEYS) => readAll(tenant, keys),
    alarmAt: () => runInDurableObject(stub(), (_, { storage }) => storage.getAlarm()),
  };
}

/** So many decisions about the ledger's own tenant. */
export async function decisions(ledger: Home, count: number): Promise<void> {
  const asked = attempt({ facts: facts({ tenant: ledger.tenant }), outcomeBy: Number.MAX_SAFE_INTEGER });
  for (let i = 0; i < count; i += 1)
    await ledger.decide({
      ...asked,
      decision: unique("decision"),
      claims: [claim({ issuedAt: Math.floor(Date.now() / 1000) })],
    });
}

export const putTenant = (tenant: string, audit: object): Promise<void> =>
  env.TENANTS.put(
    `tenant:${tenant}`,
    JSON.stringify({
      id: tenant,
      origin: { url: "https://origin.example/mcp" },
      issuers: [],
      agents: [],
      audit: { checkpointSeconds: INTERVAL, ...audit },
    }),
  );

async function readAll(tenant: string, signingKeys: string): Promise<Stored[]> {
  const published = (await readSigningKeys(signingKeys))?.published;
  const keys = await statementKeys(published as unknown as JsonValue);
  const { results } = await env.AUDIT.prepare("SELECT * FROM checkpoints WHERE tenant = ? ORDER BY number")
    .bind(tenant)
    .all<{ number: number; time: number; jws: string; heads: string | null }>();
  const stored: Stored[] = [];
  for (const [i, { number, time, jws, heads: text }] of results.entries()) {
    const verified = keys && (await verifyCheckpoint(jws, keys));
    if (!verified?.ok) throw new Error(`checkpoint ${number}: ${verified?.error}`);
    const claims = verified.value;
    const heads = text === null ? null : (JSON.parse(text) as Head[]);
    const before = stored.at(-1)?.jws;
    const isGood =
      claims.number === i + 1 &&
      number === claims.number &&
      time === claims.time &&
      claims.tenant === tenant &&
      claims.prev === (before === undefined ? null : await linkTo(before)) &&
      (heads === null || (claims.size === heads.length && claims.root === (await rootOf(heads))));
    if (!isGood) throw new Error(`checkpoint ${number} does not follow`);
    stored.push({ claims, heads, jws });
  }
  return stored;
}

/** Whether a chain's head is proven in a checkpoint by a path alone. */
export async function isProven({ claims, heads }: Stored, chain: string): Promise<boolean> {
  const index = heads?.findIndex((head) => head.chain === chain) ?? -1;
  const head = heads?.[index];
  if (heads === null || head === undefined) return false;
  const path = await merklePath(heads.map(leafOf), index);
  const root = await rootFromPath(leafOf(head), index, claims.size, path);
  return root !== null && toBase64url(root) === toBase64url(fromBase64url(claims.root) ?? root);
}

/** The object without its storage, as if it had been deleted. */
export async function lose({ stub }: Home): Promise<void> {
  await runInDurableObject(stub, (_, { storage }) => storage.deleteAll());
  await evictDurableObject(stub);
}

/** Takes a copy of everything that a ledger has stored; what is returned puts it back. */
export async function copyOf({ stub }: Home): Promise<() => Promise<void>> {
  const tables = await runInDurableObject(stub, (_, { storage: { sql } }) =>
    tablesIn(sql).map(({ name, ddl }) => ({
      name,
      ddl,
      rows: [...sql.exec(`SELECT * FROM ${name}`).raw()],
    })),
  );
  return async () => {
    await runInDurableObject(stub, (_, { storage }) =>
      storage.transactionSync(() => {
        for (const { name } of tablesIn(storage.sql)) storage.sql.exec(`DROP TABLE ${name}`);
        for (const { name, ddl, rows } of tables) {
          storage.sql.exec(ddl);
          for (const row of rows)
            storage.sql.exec(`INSERT INTO ${name} VALUES (${row.map(() => "?").join(", ")})`, ...row);
        }
      }),
    );
    await evictDurableObject(stub);
  };
}

const tablesIn = (sql: SqlStorage): { name: string; ddl: string }[] =>
  sql
    .exec<{ name: string; ddl: string }>(
      "SELECT name, sql AS ddl FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%\\_cf\\_%' ESCAPE '\\'",
    )
    .toArray();

/** A namespace whose ledgers of these names do not answer. */
export const without = (...names: readonly string[]): Pick<Env, "LEDGER"> => {
  const gone = () => Promise.reject(new Error("the object cannot be reached"));
  const getByName = (name: string) =>
    names.includes(name) ? { head: gone, settle: gone, status: gone } : env.LEDGER.getByName(name);
  return { LEDGER: { getByName } as unknown as Env["LEDGER"] };
};

/** A database that is down. */
export const noD1: Pick<Env, "AUDIT"> = {
  AUDIT: {
    prepare: () => {
      throw new Error("D1_ERROR: Network connection lost.");
    },
  } as unknown as D1Database,
};
