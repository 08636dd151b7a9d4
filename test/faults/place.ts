/** Countersign with its state on disk, in front of an origin that notes every call it sees. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AUDIT_ACTION } from "../../src/endpoints/endpoint.ts";
import { MIN_CHECKPOINT_INTERVAL } from "../../src/limits.ts";
import { type Scene, setScene } from "../socket/harness.ts";
import type { Handler } from "../socket/origin.ts";
import { exchange } from "../socket/raw.ts";
import { sleep } from "./report.ts";

export const TENANT = "acme";

export interface Place {
  readonly scene: Scene;
  readonly stateDir: string;
  /** How often the origin saw the call with this mark. */
  arrivals(mark: string): number;
  /** Every call that the origin saw, in order; twice where it saw it twice. */
  readonly seen: readonly string[];
  /** Stops in order, and starts again with the same state; `between` finds nothing running. */
  restart(between: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

/** The header that the origin receives with each call, and knows it by. */
export const markHeader = (mark: string) => ({ baggage: `mark=${mark}` });

/** What only the origin says of a call. */
export const doneText = (mark: string): string => `done ${mark}`;

/** @param bundle the Worker's main module, where it is not the one that is deployed */
export async function openPlace(bundle?: string): Promise<Place> {
  const stateDir = await mkdtemp(join(tmpdir(), "countersign-faults-"));
  const scene = await setScene(
    { [TENANT]: { audit: { checkpointSeconds: MIN_CHECKPOINT_INTERVAL } } },
    { stateDir, ...(bundle !== undefined && { bundle }) },
  );
  await letAudit(scene);
  const seen: string[] = [];
  const counts = new Map<string, number>();
  scene.origin(TENANT).handler = async (arrival) => {
    const [, baggage = ""] = arrival.rawHeaders.find(([name]) => name.toLowerCase() === "baggage") ?? [];
    const mark = baggage.slice("mark=".length);
    seen.push(mark);
    counts.set(mark, (counts.get(mark) ?? 0) + 1);
    await answerCall(mark, arrival);
  };
  return {
    scene,
    stateDir,
    seen,
    arrivals: (mark) => counts.get(mark) ?? 0,
    async restart(between) {
      await scene.restart(between);
      await letAudit(scene);
    },
    async close() {
      await scene.close();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

/** Lets the issuer grant the right to see the log. */
async function letAudit({ runtime }: Scene): Promise<void> {
  const kv = await runtime.kv();
  const document = JSON.parse((await kv.get(`tenant:${TENANT}`)) ?? "{}");
  document.issuers[0].actions.push(AUDIT_ACTION);
  await kv.put(`tenant:${TENANT}`, JSON.stringify(document));
}

const resultOf = (mark: string): string =>
  `{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"${doneText(mark)}"}]}}`;

/** `write` is answered with a stream, in pieces that take a while. */
async function answerCall(mark: string, { response, body }: Parameters<Handler>[0]): Promise<void> {
  if (!body.includes('"write"')) {
    response.writeHead(200, { "content-type": "application/json" }).end(resultOf(mark));
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (let piece = 0; piece < 3; piece += 1) {
    response.write(
      `data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":${piece}}}\n\n`,
    );
    await sleep(20);
  }
  response.end(`data: ${resultOf(mark)}\n\n`);
}

/** workerd is back within a second; a machine with other work may need longer. */
const RESTART_MS = 30_000;

/** Kills workerd, and returns when it serves again: the runtime gives up where it is killed while it starts. */
export async function crash({ scene }: Place): Promise<void> {
  const pid = scene.runtime.workerdPid;
  if (pid === undefined) throw new Error("workerd does not run");
  process.kill(pid, "SIGKILL");
  const isServing = async () => {
    if (scene.runtime.workerdPid === undefined || scene.runtime.workerdPid === pid) return false;
    const answer = await exchange(scene.url, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").catch(() => null);
    return answer !== null;
  };
  for (const deadline = Date.now() + RESTART_MS; !(await isServing()); await sleep(10))
    if (Date.now() > deadline) throw new Error("workerd has not come back");
}
