import { join } from "node:path";
import { convertV4MiniflareOptions, type MiniflareOptions, NoOpLog } from "miniflare";
import { unstable_getMiniflareWorkerOptions, unstable_readConfig } from "wrangler";
import { PUBLIC_INTERNET } from "../../remote/fetch.ts";
import { withoutSignalHandlers } from "./contain.ts";
import type { Module } from "./modules.ts";
import { HOST } from "./port.ts";
import type { StoredTenant } from "./tenants.ts";

const CONFIG = join(import.meta.dirname, "../../../wrangler.toml");

export interface LocalOptions {
  /** Valid tenant documents: all that KV will hold. */
  readonly tenants: readonly StoredTenant[];
  /** Of 127.0.0.1; 0 or absent for any free one. */
  readonly port?: number;
  /** Made when it does not exist. Absent: a temporary one, removed in the end. */
  readonly stateDir?: string;
  /** Requests per 10 seconds before the brake answers 429; absent: there is no brake. */
  readonly brakeLimit?: number;
  /** The Worker's main module; `npm run build:worker` makes the default. */
  readonly bundle?: string;
  /** The Worker's secret SESSION_KEYS; absent: the state directory's own, or new ones where that is temporary. */
  readonly sessionKeys?: string;
  /** The Worker's secret SIGNING_KEYS; absent: as with SESSION_KEYS. */
  readonly signingKeys?: string;
  /** The Worker's secret WIMSE_IDENTITY; absent: none, so that refusals are not signed. */
  readonly wimseIdentity?: string;
  /** Secrets of the Worker's that tenants show their origins, by name. */
  readonly originSecrets?: Readonly<Record<string, string>>;
  /** Further service bindings by name, each to a web server: `127.0.0.1:PORT`. */
  readonly services?: Readonly<Record<string, string>>;
  /** What the Worker and workerd print; dropped when absent. */
  readonly log?: (level: string, message: string) => void;
}

/** What the Worker is run with. */
export interface WorkerMeans {
  readonly options: LocalOptions;
  /** The Worker's GATEWAY_URL. */
  readonly url: string;
  /** Of workerd's own socket. */
  readonly port: number;
  readonly modules: readonly Module[];
  readonly directory: string;
  readonly sessionKeys: string;
  readonly signingKeys: string;
}

/**
 * The Worker of wrangler.toml, with the bindings that are ours to give.
 *
 * @param failed is told when workerd has not come back after a crash
 */
export function miniflareOptions(
  { options, url, port, modules, directory, sessionKeys, signingKeys }: WorkerMeans,
  failed: (error: Error) => void,
): MiniflareOptions {
  const { workerOptions } = withoutSignalHandlers(() => unstable_getMiniflareWorkerOptions(readConfig()));
  return convertV4MiniflareOptions({
    host: HOST,
    port: 0,
    cf: false,
    log: new FailureLog(failed),
    handleStructuredLogs: ({ level, message }) => options.log?.(level, message),
    resourcePersistencePath: directory,
    workers: [
      {
        ...workerOptions,
        name: "countersign",
        modules: [...modules],
        // On this machine all clients have one address, so the brake of production would hold up a load test; and the local form of
        // the binding counts in a Durable Object with a write for each request, which Cloudflare's does not.
        ratelimits:
          options.brakeLimit === undefined
            ? {}
            : { BRAKE: { namespace_id: "local", simple: { limit: options.brakeLimit, period: 10 } } },
        bindings: {
          ...(workerOptions.bindings as object),
          ...options.originSecrets,
          GATEWAY_URL: url,
          SESSION_KEYS: sessionKeys,
          SIGNING_KEYS: signingKeys,
          ...(options.wimseIdentity !== undefined && { WIMSE_IDENTITY: options.wimseIdentity }),
        },
        serviceBindings: {
          ...(workerOptions.serviceBindings as object),
          [PUBLIC_INTERNET]: { network: { allow: ["public"], tlsOptions: { trustBrowserCas: true } } },
          ...Object.fromEntries(
            Object.entries(options.services ?? {}).map(([name, address]) => [
              name,
              { external: { address, http: {} } },
            ]),
          ),
        },
        unsafeDirectSockets: [{ host: HOST, port }],
      },
    ],
  });
}

/** wrangler.toml without the secrets that a deployment must have: these are ours to give, not the environment's. */
function readConfig() {
  const { secrets: _, ...config } = unstable_readConfig({ config: CONFIG });
  return config;
}

/** Miniflare only logs it when workerd does not come back after a crash. */
class FailureLog extends NoOpLog {
  readonly #failed: (error: Error) => void;
  constructor(failed: (error: Error) => void) {
    super();
    this.#failed = failed;
  }
  override error(error: Error): void {
    if ("code" in error && error.code === "ERR_RUNTIME_FAILURE") this.#failed(error);
  }
}
