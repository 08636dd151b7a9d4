import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { Miniflare } from "miniflare";
import { once } from "../../once.ts";
import { fail, ok, type Result } from "../../result.ts";
import { withChildren } from "./children.ts";
import { withoutSignalHandlers, withTmpdir } from "./contain.ts";
import { type Front, openFront } from "./front.ts";
import { type Guard, startGuard } from "./guard.ts";
import { applyMigrations } from "./migrations.ts";
import { readModules } from "./modules.ts";
import { type LocalOptions, miniflareOptions, type WorkerMeans } from "./options.ts";
import { findPort, HOST, portProblem } from "./port.ts";
import { type KeptSecret, keptSecret, SESSION_KEYS, SIGNING_KEYS } from "./secrets.ts";
import { heldProblem, stateDirectory } from "./state-directory.ts";
import { storeTenants } from "./tenants.ts";

const MIGRATIONS = join(import.meta.dirname, "../../audit/migrations");

export type { LocalOptions } from "./options.ts";

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

/** What workerd is run with, and watched by. */
interface Means extends Omit<WorkerMeans, "url"> {
  readonly front: Front;
  readonly guard: Guard;
}

async function startBehind(front: Front, options: LocalOptions): Promise<Result<LocalRuntime, StartFault>> {
  const modules = await readModules(options.bundle);
  if (modules === null) return fail({ problem: "The Worker is not built: run npm run build:worker first." });
  // Not the front's, which is taken by now.
  const port = await findPort(0);
  if (!port.ok) return fail({ problem: portProblem(0, port.error) });
  const directory = await stateDirectory(options.stateDir);
  if (!directory.ok) return fail({ problem: directory.error });
  const guard = await startGuard(directory.value, options.stateDir === undefined ? "remove" : "keep");
  if (!guard.ok) return fail({ problem: heldProblem(directory.value, guard.error.owner) });
  try {
    const secrets = await secretsOf(options);
    const means = {
      options,
      front,
      port: port.value,
      modules,
      directory: directory.value,
      guard: guard.value,
    };
    if (secrets.ok) return ok(await run({ ...means, ...secrets.value }));
    await guard.value.end();
    return fail({ problem: secrets.error });
  } catch (error) {
    await guard.value.end();
    throw error;
  }
}

async function run(means: Means): Promise<LocalRuntime> {
  const { options, front, port, directory, guard } = means;
  const url = `http://${HOST}:${front.port}`;
  const failure = Promise.withResolvers<Error>();
  void guard.lost.then(() => failure.resolve(new Error("The watchdog has gone")));
  const settings = miniflareOptions({ ...means, url }, failure.resolve);
  let workerd: ChildProcess | undefined;
  const onChild = (child: ChildProcess): void => {
    guard.watch(child);
    child.once("spawn", () => {
      if (child.spawnargs.includes("serve")) workerd = child;
    });
  };
  const start = (): Miniflare => withChildren(onChild, () => new Miniflare(settings));
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

type Secrets = Pick<WorkerMeans, "sessionKeys" | "signingKeys">;

async function secretsOf({ stateDir, ...given }: LocalOptions): Promise<Result<Secrets, string>> {
  const sessionKeys = await secretOf(SESSION_KEYS, given.sessionKeys, stateDir);
  if (!sessionKeys.ok) return sessionKeys;
  const signingKeys = await secretOf(SIGNING_KEYS, given.signingKeys, stateDir);
  return signingKeys.ok
    ? ok({ sessionKeys: sessionKeys.value, signingKeys: signingKeys.value })
    : signingKeys;
}

async function secretOf(
  secret: KeptSecret,
  given: string | undefined,
  stateDir: string | undefined,
): Promise<Result<string, string>> {
  if (given !== undefined) return ok(given);
  return stateDir === undefined ? ok(secret.make()) : keptSecret(stateDir, secret);
}
