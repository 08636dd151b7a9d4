/** Countersign in front of two real MCP servers and three broken ones, and a hop for clients that cannot sign. */

import { type EvidenceOptions, SESSION_ACTIONS } from "../../src/agent/index.ts";
import { type LocalRuntime, startLocal } from "../../src/cli/local/runtime.ts";
import { type Scene, setScene, type Wishes } from "../socket/harness.ts";
import { closedPort } from "../socket/origin.ts";
import { type HopRoute, startSigningHop } from "../support/signing-hop.ts";
import type { Listening } from "../support/web-server.ts";
import { type LegacyOrigin, startLegacyOrigin } from "./legacy-origin.ts";
import { type ModernOrigin, startModernOrigin } from "./modern-origin.ts";
import { TOOLS } from "./origin-tools.ts";

/** Tenants with an MCP server behind them: one with sessions, one of both eras. */
export type Served = "legacy" | "modern";

/** Where a request goes, and with what evidence; a URL alone where it goes without any. Asked for each request. */
export type Line = () => Promise<HopRoute | string>;

export interface Place {
  readonly scene: Scene;
  readonly legacy: LegacyOrigin;
  readonly modern: ModernOrigin;
  /** The URL of a tenant whose brake is on. Asked before each request. */
  braked(): Promise<string>;
  /** The honest evidence of the reader, or the wished caller, under a mandate for every tool of the origins. */
  options(tenant: string, wishes?: Wishes): Promise<EvidenceOptions>;
  /** A line to a tenant with one run; honest unless wished otherwise. */
  line(tenant: string, wishes?: Wishes): Promise<Line>;
  /** A URL for a client that cannot sign: what it sends there goes where the line says. */
  hop(line: Line): string;
  close(): Promise<void>;
}

/** What the tenant `guarded` names. */
export const AUTHORIZATION_SERVER = "https://auth.test";

/** Largest body of every tenant: a command line can carry more. */
export const MAX_BODY = 16 * 1024;

/** Of `startLocal`. */
const BRAKE_WINDOW_MS = 10_000;

/** So much is left of a window at least when a request leaves. */
const BRAKE_MARGIN_MS = 1_000;

export async function setPlace(): Promise<Place> {
  const [legacy, modern] = await Promise.all([startLegacyOrigin(), startModernOrigin()]);
  const nowhere = `http://127.0.0.1:${await closedPort()}/mcp`;
  const scene = await setScene({
    legacy: { origin: { url: legacy.url }, maxBodyBytes: MAX_BODY },
    modern: { origin: { url: modern.url }, maxBodyBytes: MAX_BODY },
    // Long enough for an honest answer on a busy machine.
    hasty: { origin: { url: modern.url, timeoutSeconds: 2 } },
    unreachable: { origin: { url: nowhere } },
    silent: { origin: { timeoutSeconds: 1 } },
    moved: {},
    // Nobody has this address: .test is reserved (RFC 6761).
    guarded: { oauth: { authorizationServers: [AUTHORIZATION_SERVER] } },
  });
  scene.origin("silent").handler = () => {};
  scene.origin("moved").handler = ({ response }) => {
    response.writeHead(302, { location: "https://elsewhere.test/" }).end();
  };
  await (await scene.runtime.kv()).put("tenant:faulty", '{"id":"faulty"}');

  let braked: Promise<LocalRuntime> | undefined;
  const lines = new Map<string, Line>();
  const hop: Listening = await startSigningHop((path) => {
    const [, name = ""] = path.split("/");
    // What a client looks for beside its endpoint is passed on as it is.
    return lines.get(name)?.() ?? Promise.resolve(`${scene.url}${path}`);
  });

  const options: Place["options"] = async (tenant, wishes = {}) => {
    const actions = [...SESSION_ACTIONS, ...TOOLS.map((tool) => `mcp.${tool}`)];
    const { caller = scene.reader } = wishes;
    const run = wishes.run ?? (await scene.run(tenant, { actions, caller }));
    return scene.options(tenant, { ...wishes, run });
  };
  return {
    scene,
    legacy,
    modern,
    braked: async () => {
      braked ??= startBraked();
      const url = `${(await braked).url}/legacy/mcp`;
      // Limits count in windows by the clock, and one request of each passes: this one.
      const left = BRAKE_WINDOW_MS - (Date.now() % BRAKE_WINDOW_MS);
      if (left < BRAKE_MARGIN_MS) await new Promise((resolve) => setTimeout(resolve, left));
      await (await fetch(url)).body?.cancel();
      return url;
    },
    options,
    async line(tenant, wishes) {
      const route = { endpoint: scene.endpoint(tenant), evidence: await options(tenant, wishes) };
      return async () => route;
    },
    hop(line) {
      const name = `line-${lines.size + 1}`;
      lines.set(name, line);
      return `${hop.origin}/${name}/mcp`;
    },
    close: async () => {
      await hop.close();
      await Promise.all([scene.close(), braked?.then((runtime) => runtime.dispose())]);
      await Promise.all([legacy.close(), modern.close()]);
    },
  };
}

async function startBraked(): Promise<LocalRuntime> {
  const started = await startLocal({ tenants: [], brakeLimit: 1 });
  if (!started.ok) throw new Error(started.error.problem);
  return started.value;
}
