import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { importAttestationSigner, importSigner } from "countersign/agent";
import { exportJWK, type JWK } from "jose";
import type { Stage } from "./stage.ts";

/** What `npm run call` needs to speak as the demo's reader. Demo keys: made at each start, good for nothing else. */
interface Credentials {
  readonly endpoint: string;
  readonly issuer: JWK;
  readonly agent: JWK;
  readonly planner: {
    readonly iss: string;
    readonly sub: string;
    readonly secretVersion: string;
    readonly jwk: JWK;
  };
}

/** Writes the credentials where only this user can read them. */
export async function writeCredentials(stage: Stage): Promise<{ file: string; remove(): Promise<void> }> {
  const { iss, sub, secretVersion } = stage.reader.attestor;
  const credentials: Credentials = {
    endpoint: stage.endpoint,
    issuer: { ...(await exportJWK(stage.issuer.privateKey)), kid: stage.issuer.kid },
    agent: { ...(await exportJWK(stage.reader.signer.privateKey)), kid: stage.reader.signer.kid },
    planner: { iss, sub, secretVersion, jwk: stage.reader.attestorJwk },
  };
  const directory = await mkdtemp(join(tmpdir(), "countersign-demo-"));
  const file = join(directory, "agent.json");
  await writeFile(file, JSON.stringify(credentials), { mode: 0o600 });
  return { file, remove: () => rm(directory, { recursive: true, force: true }) };
}

export async function readCredentials(file: string): Promise<Pick<Stage, "endpoint" | "issuer" | "reader">> {
  const { endpoint, issuer, agent, planner } = JSON.parse(await readFile(file, "utf8")) as Credentials;
  return {
    endpoint,
    issuer: await importSigner(issuer),
    reader: {
      name: "reader",
      signer: await importSigner(agent),
      attestor: await importAttestationSigner({ ...planner, alg: "ES256" }),
      attestorJwk: planner.jwk,
    },
  };
}
