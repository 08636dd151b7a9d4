/** What an auditor finds: the commands that export a log and verify it, as they are. */

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportJWK } from "jose";
import { AUDIT_ACTION } from "../../src/endpoints/endpoint.ts";
import { exchange } from "../socket/raw.ts";
import { type Place, TENANT } from "./place.ts";

const COMMAND = join(import.meta.dirname, "../../src/cli/main.ts");

interface Ended {
  readonly code: number;
  /** What it has printed. */
  readonly text: string;
}

/**
 * Exports the whole log over HTTP, and verifies the file.
 *
 * @param receipts that callers have kept
 * @returns how the verification ended; that of an export which failed has no code 0 either
 */
export async function audit({ scene }: Place, receipts: readonly string[] = []): Promise<Ended> {
  const directory = await mkdtemp(join(tmpdir(), "countersign-audit-"));
  const file = (name: string) => join(directory, name);
  const { writer } = scene;
  try {
    const { signer } = writer;
    const jwk = { ...(await exportJWK(signer.privateKey)), alg: signer.alg, kid: signer.kid };
    await writeFile(file("key"), JSON.stringify(jwk));
    await writeFile(
      file("mandate"),
      await scene.mandate(TENANT, { caller: writer, actions: [AUDIT_ACTION] }),
    );
    await writeFile(file("receipts"), receipts.join("\n"));
    await writeFile(file("keys"), await publishedKeys(scene.url));
    const exported = await run([
      ...["audit", "export", "--endpoint", scene.endpoint(TENANT), "--out", file("export")],
      ...["--key", file("key"), "--mandate", file("mandate")],
    ]);
    if (exported.code !== 0) return exported;
    const held = receipts.length === 0 ? [] : ["--receipt", file("receipts")];
    return await run(["audit", "verify", file("export"), "--keys", file("keys"), ...held]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function publishedKeys(url: string): Promise<string> {
  const target = `/.well-known/countersign/${TENANT}/mcp`;
  const answer = await exchange(url, `GET ${target} HTTP/1.1\r\nHost: ${new URL(url).host}\r\n\r\n`);
  return answer.text;
}

const run = (argv: readonly string[]): Promise<Ended> =>
  new Promise((resolve) => {
    execFile(process.execPath, [COMMAND, ...argv], (error, stdout, stderr) => {
      const code = error === null ? 0 : Number(error.code ?? 1);
      resolve({ code, text: `${stdout}${stderr}`.trim() });
    });
  });
