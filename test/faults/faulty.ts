/** Builds the Worker whose platform fails (`faulty.js`), and tells it how. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Plugin } from "esbuild";
import { ledgerName } from "../../src/ledger/names.ts";
import type { Caller } from "../socket/harness.ts";
import { exchange } from "../socket/raw.ts";
import { type Bundle, buildAround } from "../support/around-worker/build.ts";
import { type Place, TENANT } from "./place.ts";

const FAULTY = join(import.meta.dirname, "faulty.js");
const SOURCE = join(import.meta.dirname, "../../src/index.ts");

/**
 * @param limits other numbers than those of `src/limits.ts`: then the Worker is built from its source; otherwise it is the one that
 *   is deployed
 */
export const buildFaulty = (limits: Readonly<Record<string, number>> = {}): Promise<Bundle> =>
  Object.keys(limits).length === 0
    ? buildAround(FAULTY)
    : buildAround(FAULTY, SOURCE, {
        conditions: ["workerd", "worker", "browser"],
        define: { X509_LIBRARY: '"./x509.mjs"', POLICY_LIBRARY: '"./policy.mjs"' },
        plugins: [withLimits(limits)],
      });

/** The constants of `src/limits.ts` with other numbers. */
const withLimits = (limits: Readonly<Record<string, number>>): Plugin => ({
  name: "limits",
  setup({ onLoad }) {
    onLoad({ filter: /\/src\/limits\.ts$/ }, async ({ path }) => {
      let contents = await readFile(path, "utf8");
      for (const [name, value] of Object.entries(limits)) {
        const constant = new RegExp(`(export const ${name} =)[^;]*;`);
        if (!constant.test(contents)) throw new Error(`there is no limit ${name}`);
        contents = contents.replace(constant, `$1 ${value};`);
      }
      return { contents, loader: "ts" };
    });
  },
});

export type LedgerFault = "overloaded" | "unreachable" | "broken" | "silent" | "unheard" | "answer-lost";
export type D1Fault = "down" | "slow" | "silent" | "answer-lost";

export interface Setting {
  /** Milliseconds that the clock of Worker and ledgers is ahead of the real one. */
  readonly clock?: number;
  readonly ledger?: LedgerFault | null;
  readonly d1?: D1Fault | null;
  /** Names of ledgers that lose what they hold in memory. */
  readonly evict?: readonly string[];
  /** Names of ledgers whose alarm comes at once. */
  readonly wake?: readonly string[];
  /** Ids of tenants whose ledgers hand all they have to D1, with a checkpoint over it. */
  readonly snapshot?: readonly string[];
}

/** The ledger of an agent with one lane. */
export const ledgerOf = ({ name }: Caller): string => ledgerName(TENANT, `agent:${name}`, 0);

/**
 * Changes how the platform of a faulty Worker fails. A restart of workerd undoes it.
 *
 * @returns how often each fault has come to pass
 */
export async function set({ scene }: Place, setting: Setting): Promise<Readonly<Record<string, number>>> {
  const body = JSON.stringify(setting);
  const head = `POST / HTTP/1.1\r\nHost: control.test\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
  const { status, text } = await exchange(scene.url, head + body);
  if (status !== 200) throw new Error(`the control answered ${status}`);
  return JSON.parse(text);
}
