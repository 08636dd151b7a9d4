/** Any other Worker, in the runtime that Countersign has locally. */

import type { ChildProcess } from "node:child_process";
import { basename } from "node:path";
import { build } from "esbuild";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { withChildren } from "../../../src/cli/local/children.ts";
import { withoutSignalHandlers } from "../../../src/cli/local/contain.ts";
import { findPort, HOST } from "../../../src/cli/local/port.ts";
import type { Stack } from "./stack.ts";

/** @param entry the path of its module */
export async function startWorker(entry: string, directory: string, options: object): Promise<Stack> {
  const built = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    minify: true,
    format: "esm",
    external: ["cloudflare:workers"],
  });
  const port = await findPort(0);
  if (!port.ok) throw new Error(port.error);
  let workerd: ChildProcess | undefined;
  const start = () =>
    new Miniflare(
      convertV4MiniflareOptions({
        host: HOST,
        port: 0,
        cf: false,
        resourcePersistencePath: directory,
        workers: [
          {
            name: basename(entry, ".ts"),
            compatibilityDate: "2026-11-01",
            compatibilityFlags: ["no_nodejs_compat", "no_nodejs_compat_v2"],
            modules: [{ type: "ESModule", path: "index.js", contents: built.outputFiles[0]?.text ?? "" }],
            unsafeDirectSockets: [{ host: HOST, port: port.value }],
            ...options,
          },
        ],
      }),
    );
  const onChild = (child: ChildProcess) => child.once("spawn", () => (workerd = child));
  const miniflare = withoutSignalHandlers(() => withChildren(onChild, start));
  await miniflare.ready;
  return { port: port.value, pid: workerd?.pid ?? 0, stop: () => miniflare.dispose() };
}
