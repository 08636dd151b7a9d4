import type { ChildProcess } from "node:child_process";
import { mkdir, mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { convertV4MiniflareOptions, Miniflare, NoOpLog } from "miniflare";
import { unstable_getMiniflareWorkerOptions, unstable_readConfig } from "wrangler";
import { PUBLIC_INTERNET } from "../../remote/fetch.ts";
import { fail, ok, type Result } from "../../result.ts";
import { withChildren } from "./children.ts";
import { withoutSignalHandlers, withTmpdir } from "./contain.ts";
import { type Front, openFront } from "./front.ts";
import { type Guard, startGuard } from "./guard.ts";
import { applyMigrations } from "./migrations.ts";
import { findPort, HOST, portProblem } from "./port.ts";
import { keptSessionKeys, makeSessionKeys } from "./session-keys.ts";
import { type StoredTenant, storeTenants } from "./tenants.ts";

const ROOT = join(import.meta.dirname, "../../..");
const CONFIG = join(ROOT, "wrangler.toml");
const BUNDLE = join(ROOT, "dist/worker/index.js");
/** Beside the bundle: the module that is loaded for certificates alone. */
const X509_LIBRARY = "library.mjs";
const MIGRATIONS = join(ROOT, "src/audit/migrations");

export interface LocalOptions {
  /** Valid tenant documents: all that KV will hold. */
  readonly tenants: readonly StoredTenant[];
  /** Of 127.0.0.1; 0 or absent for any free one. */
  readonly port?: number;
  /** Made when it does not exist. Absent: a temporary one, removed in the end. */
  readonly stateDir?: string;
  /** Requests per 10 seconds before the brake answers 429; absent: as good as none. */
  readonly brakeLimit?: number;
  /** The Worker's main module; `npm run build:worker` makes the default. */
  readonly bundle?: string;
  /** The Worker's secret SESSION_KEYS; absent: the state directory's own, or new ones where that is temporary. */
  readonly sessionKeys?: string;
  /** The Worker's secret WIMSE_IDENTITY; absent: none, so that refusals are not signed. */
  readonly wimseIdentity?: string;
  /** Further service bindings by name, each to a web server: `127.0.0.1:PORT`. */
  readonly services?: Readonly<Record<string, string>>;
  /** What the Worker and workerd print; dropped when absent. */
  readonly log?: (level: string, message: string) => void;
}

/** Why nothing was started, in words for the operator. */
export interface StartFault {
  readonly problem: string;
}

export interface LocalRuntime {
  /** `http://127.0.0.1:PORT`, no slash: the Worker's GATEWAY_URL. */
  readonly url: string;
  /**
   * The same of workerd's own socket, for measurements and tests of what workerd does by itself. Requests need
   * the `Host` of `url` there, and the origin is not told of a client that goes away quietly (front.ts).
   */
  readonly directUrl: string;
  /** Of workerd as it runs now; undefined between a crash and the restart. */
  readonly workerdPid: number | undefined;
  /** The Worker's KV and D1, for tests. Ask again after a crash of workerd. */
  kv(): Promise<KVNamespace>;
  d1(): Promise<D1Database>;
  /** Settles, with the reason, when it cannot go on: workerd did not come back, or the watchdog has gone. */
  readonly failed: Promise<Error>;
  /** Ends all connections, stops workerd and the watchdog and removes temporary state. Safe to repeat. */
  dispose(): Promise<void>;
}

/**
 * Runs the production bundle in workerd with the bindings of wrangler.toml, KV filled and D1 migrated.
 * Requests reach the Worker byte for byte (through front.ts and miniflare's direct socket, not its entry socket).
 * workerd is restarted on the same port when it crashes, and killed when this process is. Several can run at once.
 *
 * @throws a bug or a broken installation
 */
export async function startLocal(options: LocalOptions): Promise<Result<LocalRuntime, StartFault>> {
  const front = await openFront(options.port ?? 0);
  if (!front.ok) return fail({ problem: portProblem(options.port ?? 0, front.error) });
  try {
    const started = await startBehind(front.value, options);
    if (!started.ok) await front.value.close();
    return started;
  } catch (error) {
    await front.value.close();
    throw error;
  }
}

interface Module {
  readonly type: "ESModule";
  readonly path: string;
  readonly contents: string;
}

/** What workerd is run with. */
interface Means {
  readonly options: LocalOptions;
  readonly front: Front;
  /** Of workerd's own socket. */
  readonly port: number;
  readonly modules: readonly Module[];
  readonly directory: string;
  readonly guard: Guard;
  readonly sessionKeys: string;
}

async function startBehind(front: Front, options: LocalOptions): Promise<Result<LocalRuntime, StartFault>> {
  const modules = await readModules(options.bundle ?? BUNDLE);
  if (modules === null) return fail({ problem: "The Worker is not built: run npm run build:worker first." });
  // Not the front's, which is taken by now.
  const port = await findPort(0);
  if (!port.ok) return fail({ problem: portProblem(0, port.error) });
  const directory = await stateDirectory(options.stateDir);
  if (!directory.ok) return directory;
  const guard = await startGuard(directory.value, options.stateDir === undefined ? "remove" : "keep");
  if (!guard.ok) return fail({ problem: heldProblem(directory.value, guard.error.owner) });
  try {
    const keys = await sessionKeysOf(options);
    const means = {
      options,
      front,
      port: port.value,
      modules,
      directory: directory.value,
      guard: guard.value,
    };
    if (keys.ok) return ok(await run({ ...means, sessionKeys: keys.value }));
    await guard.value.end();
    return fail({ problem: keys.error });
  } catch (error) {
    await guard.value.end();
    throw error;
  }
}

async function run(means: Means): Promise<LocalRuntime> {
  const { options, front, port, modules, directory, guard, sessionKeys } = means;
  const url = `http://${HOST}:${front.port}`;
  const failure = Promise.withResolvers<Error>();
  void guard.lost.then(() => failure.resolve(new Error("The watchdog has gone")));
  const { workerOptions } = withoutSignalHandlers(() => unstable_getMiniflareWorkerOptions(readConfig()));
  const miniflareOptions = convertV4MiniflareOptions({
    host: HOST,
    port: 0,
    cf: false,
    log: new FailureLog(failure.resolve),
    handleStructuredLogs: ({ level, message }) => options.log?.(level, message),
    resourcePersistencePath: directory,
    workers: [
      {
        ...workerOptions,
        name: "countersign",
        modules: [...modules],
        // On this machine all clients have one address, so the brake of production would hold up a load test.
        ratelimits: {
          BRAKE: {
            namespace_id: "local",
            simple: { limit: options.brakeLimit ?? 1_000_000_000, period: 10 },
          },
        },
        bindings: {
          ...(workerOptions.bindings as object),
          GATEWAY_URL: url,
          SESSION_KEYS: sessionKeys,
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

  let workerd: ChildProcess | undefined;
  const onChild = (child: ChildProcess): void => {
    guard.watch(child);
    child.once("spawn", () => {
      if (child.spawnargs.includes("serve")) workerd = child;
    });
  };
  const start = (): Miniflare => withChildren(onChild, () => new Miniflare(miniflareOptions));
  const miniflare = withoutSignalHandlers(() => withTmpdir(join(directory, "tmp"), start));
  const dispose = once(async () => {
    await front.close();
    try {
      await miniflare.dispose();
    } finally {
      await guard.end();
    }
  });
  const kv = async (): Promise<KVNamespace> => (await miniflare.getKVNamespace("TENANTS")) as KVNamespace;
  const d1 = async (): Promise<D1Database> => (await miniflare.getD1Database("AUDIT")) as D1Database;
  try {
    await miniflare.ready;
    await applyMigrations(await d1(), MIGRATIONS);
    await storeTenants(await kv(), options.tenants);
  } catch (error) {
    await dispose();
    throw error;
  }
  front.leadTo(port);
  return {
    url,
    directUrl: `http://${HOST}:${port}`,
    get workerdPid() {
      return workerd?.exitCode === null && workerd.signalCode === null ? workerd.pid : undefined;
    },
    kv,
    d1,
    failed: failure.promise,
    dispose,
  };
}

/** wrangler.toml without the secrets that a deployment must have: these are ours to give, not the environment's. */
function readConfig() {
  const { secrets: _, ...config } = unstable_readConfig({ config: CONFIG });
  return config;
}

const sessionKeysOf = async ({ sessionKeys, stateDir }: LocalOptions): Promise<Result<string, string>> => {
  if (sessionKeys !== undefined) return ok(sessionKeys);
  return stateDir === undefined ? ok(makeSessionKeys()) : keptSessionKeys(stateDir);
};

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

function once<T>(action: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= action();
    return running;
  };
}

/** Null where the main module is not there. A Worker that reads no certificates has no other. */
async function readModules(bundle: string): Promise<readonly Module[] | null> {
  const main = await readText(bundle);
  const library = await readText(join(dirname(bundle), X509_LIBRARY));
  if (main === null) return null;
  return [
    { type: "ESModule", path: "index.js", contents: main },
    ...(library === null ? [] : [{ type: "ESModule" as const, path: X509_LIBRARY, contents: library }]),
  ];
}

async function readText(file: string): Promise<string | null> {
  try {
    return await readFile(file, "utf8");
  } catch {
    return null;
  }
}

async function stateDirectory(wanted: string | undefined): Promise<Result<string, StartFault>> {
  if (wanted === undefined) return ok(await mkdtemp(join(tmpdir(), "countersign-")));
  try {
    await mkdir(wanted, { recursive: true });
    return ok(wanted);
  } catch (error) {
    return fail({ problem: `The state directory ${wanted} cannot be made: ${(error as Error).message}` });
  }
}

const heldProblem = (directory: string, owner: number): string =>
  `The state directory ${directory} is in use by ${owner === 0 ? "another process" : `process ${owner}`}.`;
