/** Countersign in workerd with a clock of the cases, and the tenants of all cases. */

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { convertV4MiniflareOptions, Miniflare, NoOpLog } from "miniflare";
import { unstable_getMiniflareWorkerOptions, unstable_readConfig } from "wrangler";
import type { Case } from "../../scripts/vectors/format.ts";
import { withoutSignalHandlers, withTmpdir } from "../../src/cli/local/contain.ts";
import { applyMigrations } from "../../src/cli/local/migrations.ts";
import { findPort, HOST } from "../../src/cli/local/port.ts";
import { SIGNING_KEYS } from "../../src/cli/local/secrets.ts";
import { storedTenant } from "../../src/cli/local/tenants.ts";
import { DRAIN_DELAY_MS } from "../../src/limits.ts";
import vectorKeys from "../../vectors/keys.json" with { type: "json" };
import { type Answer, Connection } from "../socket/raw.ts";

/** Each case has two objects with files of their own: on a disk most of the time goes into making them durable. */
const MEMORY = "/dev/shm";

const ROOT = join(import.meta.dirname, "../..");

export interface AuditRow {
  readonly id: string;
  readonly kind: string;
  readonly verdict: string | null;
  readonly reason: string | null;
}

export type Moment = Pick<Case, "clock" | "environment" | "remote">;

export interface Place {
  /** Makes the world as it is in a case. */
  set(moment: Moment): Promise<void>;
  /** Over a connection of its own. */
  send(bytes: Uint8Array): Promise<Answer>;
  /** All rows of the audit log, once every one of these decisions is there. */
  rows(decisions: readonly string[]): Promise<ReadonlyMap<string, AuditRow>>;
  close(): Promise<void>;
}

/** @param tenants documents as JSON text */
export async function openPlace(tenants: readonly string[]): Promise<Place> {
  const port = await findPort(0);
  if (!port.ok) throw new Error(port.error);
  const url = `http://${HOST}:${port.value}`;
  const { secrets: _, ...config } = unstable_readConfig({ config: join(ROOT, "wrangler.toml") });
  const { workerOptions } = withoutSignalHandlers(() => unstable_getMiniflareWorkerOptions(config));
  const sealing = vectorKeys.keys.session.jwk;
  const options = convertV4MiniflareOptions({
    host: HOST,
    port: 0,
    cf: false,
    log: new NoOpLog(),
    handleStructuredLogs: () => {},
    workers: [
      {
        ...workerOptions,
        name: "countersign",
        modules: [
          { type: "ESModule", path: "clocked.js", contents: await text("test/vectors/clocked.js") },
          { type: "ESModule", path: "countersign.js", contents: await text("dist/worker/index.js") },
          { type: "ESModule", path: "x509.mjs", contents: await text("dist/worker/x509.mjs") },
          { type: "ESModule", path: "policy.mjs", contents: await text("dist/worker/policy.mjs") },
        ],
        ratelimits: { BRAKE: { namespace_id: "local", simple: { limit: 1_000_000_000, period: 10 } } },
        bindings: {
          ...(workerOptions.bindings as object),
          GATEWAY_URL: "https://gateway.example",
          SESSION_KEYS: `${sealing.kid}:${sealing.k}`,
          SIGNING_KEYS: SIGNING_KEYS.make(),
          ORIGIN_VECTORS: "for-the-origin",
        },
        unsafeDirectSockets: [{ host: HOST, port: port.value }],
      },
    ],
  });
  const start = () => new Miniflare(options);
  const miniflare = withoutSignalHandlers(() => withTmpdir(existsSync(MEMORY) ? MEMORY : tmpdir(), start));
  await miniflare.ready;
  const d1 = (await miniflare.getD1Database("AUDIT")) as D1Database;
  await applyMigrations(d1, join(ROOT, "src/audit/migrations"));
  const kv = (await miniflare.getKVNamespace("TENANTS")) as KVNamespace;
  await Promise.all(
    tenants.map(storedTenant).map(async ({ id, text, host }) => {
      await kv.put(`tenant:${id}`, text);
      if (host !== null) await kv.put(`host:${host}`, id);
    }),
  );

  const send = async (bytes: Uint8Array): Promise<Answer> => {
    const connection = await Connection.open(url);
    try {
      connection.write(bytes);
      return await connection.answer();
    } finally {
      connection.close();
    }
  };
  return {
    send,
    async set({ clock, environment = [], remote = {} }) {
      const body = JSON.stringify({ now: clock, faults: environment, remote });
      const head = `POST / HTTP/1.1\r\nHost: clock.test\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
      const { status } = await send(Buffer.from(head + body));
      if (status !== 204) throw new Error(`the clock answered ${status}`);
    },
    async rows(decisions) {
      for (const deadline = Date.now() + 20 * DRAIN_DELAY_MS; ; ) {
        const { results } = await d1
          .prepare("SELECT id, kind, verdict, reason FROM audit_records")
          .all<AuditRow>();
        const rows = new Map(results.map((row) => [row.id, row]));
        if (decisions.every((id) => rows.has(id)) || Date.now() > deadline) return rows;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
    close: () => miniflare.dispose(),
  };
}

const text = (file: string): Promise<string> => readFile(join(ROOT, file), "utf8");
