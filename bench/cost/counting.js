/**
 * The Worker as it is deployed, with every request to another part of the platform and every row written counted. All of it runs in one
 * isolate here, the Durable Objects too, so one list is everybody's. A request to the host `counts.test` is told it, and empties it.
 */

import worker, { Directory as DirectoryObject, Ledger as LedgerObject } from "countersign-worker";
import { wrapped } from "../../test/support/around-worker/wrapped.js";

/** See `Counted` in counted.ts. */
let counted = [];

const count = (by, what, rows = 0) => void counted.push({ by, what, rows });

const countedObjects = (by, kind, namespace) =>
  wrapped(namespace, (_, make) =>
    wrapped(make(), (method, ask) => {
      count(by, `${kind}.${method}`);
      return ask();
    }),
  );

const countedKv = (by, namespace) =>
  wrapped(namespace, (method, ask) => {
    count(by, `kv.${method}`);
    return ask();
  });

/** Rows as D1 itself counts them. Every statement has its values bound, and none is sent in a batch. */
const countedD1 = (by, database) => ({
  prepare: (query) => ({
    bind: (...values) =>
      wrapped(database.prepare(query).bind(...values), async (method, ask) => {
        const answer = await ask();
        count(by, `d1.${method}`, answer.meta.rows_written);
        return answer;
      }),
  }),
});

const countedEnv = (by, env) => ({
  ...env,
  LEDGER: countedObjects(by, "ledger", env.LEDGER),
  DIRECTORY: countedObjects(by, "directory", env.DIRECTORY),
  TENANTS: countedKv(by, env.TENANTS),
  AUDIT: countedD1(by, env.AUDIT),
});

/** Rows as SQLite itself counts them, by table: `INSERT journal` for `INSERT INTO journal_7`. */
const WRITTEN = /^\s*(\w+) (?:OR \w+ )?(?:(?:INTO|FROM|TABLE|INDEX) )?(?:IF NOT EXISTS )?([a-z_]*[a-z])/;

function countRows(by, storage) {
  const { sql } = storage;
  const exec = (query, ...values) => {
    const cursor = sql.exec(query, ...values);
    // A statement has run until its first row when `exec` returns: one that only writes is done.
    if (cursor.rowsWritten > 0)
      count(by, WRITTEN.exec(query)?.slice(1).join(" ") ?? query, cursor.rowsWritten);
    return cursor;
  };
  Object.defineProperty(storage, "sql", {
    value: new Proxy(sql, { get: (target, name) => (name === "exec" ? exec : target[name]) }),
  });
  const setAlarm = storage.setAlarm.bind(storage);
  storage.setAlarm = (at) => {
    // Billed as a row, says the documentation; SQLite does not count it.
    count(by, "setAlarm", 1);
    return setAlarm(at);
  };
}

const counting = (by, Base) =>
  class extends Base {
    constructor(context, env) {
      countRows(by, context.storage);
      super(context, countedEnv(by, env));
    }
    alarm(info) {
      count("platform", `${by}.alarm`);
      return super.alarm(info);
    }
  };

export const Ledger = counting("ledger", LedgerObject);
export const Directory = counting("directory", DirectoryObject);

// Nobody but the Worker asks an origin.
const realFetch = globalThis.fetch;
globalThis.fetch = (...parts) => {
  count("worker", "origin");
  return realFetch(...parts);
};

export default {
  fetch(request, env, context) {
    if (new URL(request.url).host !== "counts.test")
      return worker.fetch(request, countedEnv("worker", env), context);
    const told = Response.json(counted);
    counted = [];
    return told;
  },
};
