/**
 * The Worker as it is deployed, with a clock that a case sets. All of it runs in one isolate here, the Durable Objects
 * too, so one variable is everybody's clock. A request to the host `clock.test` sets it, and with it what does not work
 * and what others publish.
 */

import worker, { Directory as DirectoryObject, Ledger as LedgerObject } from "./countersign.js";

const RealDate = Date;
/** Milliseconds; null before the first case. */
let now = null;
/** Changes to the bindings. */
let faults = [];
/** What others publish, by URL. */
let remote = {};

globalThis.Date = class extends RealDate {
  constructor(...parts) {
    if (parts.length === 0 && now !== null) super(now);
    else super(...parts);
  }
  static now() {
    return now ?? RealDate.now();
  }
};

/** The origins alone are real servers; they are all on loopback. */
const realFetch = globalThis.fetch;
globalThis.fetch = async (url, init) => {
  if (url.startsWith("http://127.0.0.1:")) return realFetch(url, init);
  const answer = remote[url];
  if (answer === undefined) throw new TypeError(`${url} cannot be reached`);
  return new Response(answer.body, answer);
};

/** A statement of a database that is down. */
const UNANSWERED = {
  bind: () => UNANSWERED,
  all: async () => {
    throw new Error("the database is down");
  },
};

const BROKEN = {
  "tenants-unavailable": { TENANTS: undefined },
  "ledger-unavailable": { LEDGER: undefined },
  "log-unavailable": { AUDIT: { prepare: () => UNANSWERED } },
  "session-keys-missing": { SESSION_KEYS: undefined },
  "signing-keys-missing": { SIGNING_KEYS: undefined },
  "gateway-url-invalid": { GATEWAY_URL: "gateway" },
  flood: { BRAKE: { limit: async () => ({ success: false }) } },
};

export default {
  async fetch(request, env, context) {
    if (new URL(request.url).host !== "clock.test") {
      return worker.fetch(request, Object.assign({ ...env }, ...faults.map((name) => BROKEN[name])), context);
    }
    const set = await request.json();
    now = set.now * 1000;
    faults = set.faults;
    remote = set.remote;
    return new Response(null, { status: 204 });
  },
};

/** Alarms are the runtime's, which knows the real time only. */
const withRealAlarms = (context) => {
  const { storage } = context;
  const setAlarm = storage.setAlarm.bind(storage);
  storage.setAlarm = (at) => setAlarm(RealDate.now() + (at - Date.now()));
  return context;
};

export class Ledger extends LedgerObject {
  constructor(context, env) {
    super(withRealAlarms(context), env);
  }
}

export class Directory extends DirectoryObject {
  constructor(context, env) {
    super(withRealAlarms(context), env);
  }
}
