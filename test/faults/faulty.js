/**
 * The Worker as it is deployed, with parts of the platform that fail as they are told. All of it runs in one isolate here, the
 * Durable Objects too, so one variable is everybody's. A request to the host `control.test` sets it.
 */

import worker, { Directory as DirectoryObject, Ledger as LedgerObject } from "countersign-worker";
import { wrapped } from "../support/around-worker/wrapped.js";

const RealDate = Date;
/** `clock`: milliseconds that everybody's clock is ahead. `ledger`, `d1`: how these fail; null where they work. */
let setting = { clock: 0, ledger: null, d1: null };
/** How often each fault came to pass, by its name. */
const met = {};

globalThis.Date = class extends RealDate {
  constructor(...parts) {
    if (parts.length === 0) super(RealDate.now() + setting.clock);
    else super(...parts);
  }
  static now() {
    return RealDate.now() + setting.clock;
  }
};

const never = () => new Promise(() => {});
const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const failure = (message, properties = {}) => Object.assign(new Error(message), properties);

/** Each is given what would have been done, and with what. What it says are the platform's own words. */
const LEDGER_FAULTS = {
  overloaded: () => {
    throw failure("Durable Object is overloaded. Too many requests queued.", { overloaded: true });
  },
  unreachable: () => {
    throw failure("Network connection lost.", { retryable: true });
  },
  broken: () => {
    throw failure("internal error");
  },
  silent: never,
  /** It is done, and nobody hears of it. */
  unheard: async (work) => {
    await work();
    return never();
  },
  /** It is done, the answer is lost, and the next try is answered. */
  "answer-lost": async (work, [, again]) => {
    const answer = await work();
    if (again === true) return answer;
    throw failure("Network connection lost.", { retryable: true });
  },
};

const D1_FAULTS = {
  down: () => {
    throw failure("D1_ERROR: Network connection lost.");
  },
  slow: async (work) => {
    await after(3_000);
    return work();
  },
  silent: never,
  "answer-lost": async (work) => {
    await work();
    throw failure("D1_ERROR: Network connection lost.");
  },
};

/** Does `work` as `faults` of this name would have it. */
const under = (faults, name, work, parts) => {
  const fault = faults[name];
  if (fault === undefined) return work();
  met[name] = (met[name] ?? 0) + 1;
  return Promise.resolve().then(() => fault(work, parts));
};

const faultyLedgers = (namespace) =>
  wrapped(namespace, (method, make) =>
    method === "getByName"
      ? wrapped(make(), (_, work, parts) => under(LEDGER_FAULTS, setting.ledger, work, parts))
      : make(),
  );

/** Statements and batches alike; what is only prepared asks nobody. */
const faultyD1 = (database) => {
  const ask = (work) => under(D1_FAULTS, setting.d1, work);
  const originals = new WeakMap();
  const statement = (real) => {
    const made = wrapped(real, (name, work) => (name === "bind" ? statement(work()) : ask(work)));
    originals.set(made, real);
    return made;
  };
  return {
    prepare: (query) => statement(database.prepare(query)),
    batch: (statements) => ask(() => database.batch(statements.map((made) => originals.get(made)))),
    exec: (query) => ask(() => database.exec(query)),
  };
};

const faulty = (env) => ({ ...env, LEDGER: faultyLedgers(env.LEDGER), AUDIT: faultyD1(env.AUDIT) });

export default {
  async fetch(request, env, context) {
    if (new URL(request.url).host !== "control.test") return worker.fetch(request, faulty(env), context);
    const { evict = [], wake = [], snapshot = [], ...changes } = await request.json();
    setting = { ...setting, ...changes };
    for (const name of evict)
      await env.LEDGER.getByName(name)
        .evict()
        .catch(() => {});
    for (const name of wake) await env.LEDGER.getByName(name).wake();
    for (const tenant of snapshot) await env.DIRECTORY.getByName(tenant).snapshot();
    return Response.json(met);
  },
};

export class Directory extends DirectoryObject {
  constructor(context, env) {
    super(context, faulty(env));
  }
}

export class Ledger extends LedgerObject {
  constructor(context, env) {
    // Alarms are the runtime's, which knows the real time only.
    const { storage } = context;
    const setAlarm = storage.setAlarm.bind(storage);
    storage.setAlarm = (at) => setAlarm(Number(at) - setting.clock);
    super(context, faulty(env));
  }

  /** The alarm comes at once. */
  wake() {
    this.ctx.storage.setAlarm(Date.now());
  }

  /** The next call finds an object that has read all from its storage. */
  evict() {
    this.ctx.abort("evicted");
  }
}
