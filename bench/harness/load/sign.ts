/** A process that signs a load, before anything is measured. */

import {
  type AttestationSigner,
  addEvidence,
  importAttestationSigner,
  importSigner,
  mintMandate,
  type Run,
  type Signer,
  startRun,
} from "../../../src/agent/index.ts";
import { audienceOf, type BenchAgent, ISSUER, PLANNER, type Profile, type World } from "../world.ts";
import { serve } from "./child.ts";
import { writeLoad } from "./load.ts";

export interface SignOrder {
  readonly world: World;
  readonly profile: Profile;
  readonly connections: number;
  /** For each connection. */
  readonly calls: number;
  readonly file: string;
}

/** As long as a signature may live: all that are compared take their turns with one load. */
const LIFETIME = 300;

const HEADERS = {
  "content-type": "application/json",
  accept: "application/json, text/event-stream",
  "mcp-protocol-version": "2025-11-25",
};

/** Each connection is a run of its own, in which every call names the one before. */
async function sign({ world, profile, connections, calls, file }: SignOrder): Promise<void> {
  const issuer = await importSigner(world.issuer.privateJwk);
  const load = await Promise.all(
    Array.from({ length: connections }, async (_, i) => {
      const agent = world.agents[i % world.agents.length] as BenchAgent;
      return signRun(world, profile, issuer, agent, calls);
    }),
  );
  await writeLoad(file, load);
}

async function signRun(
  world: World,
  profile: Profile,
  issuer: Signer,
  agent: BenchAgent,
  calls: number,
): Promise<Buffer[]> {
  const caller = await callerOf(world, profile, agent);
  const run = await openRun(issuer, caller, agent);
  const requests: Buffer[] = [];
  for (let id = 0; id < calls; id++) {
    const body = JSON.stringify({
      jsonrpc: "2.0",
      id,
      method: "tools/call",
      params: { name: "search", arguments: { query: "recent papers on tides", page: id, language: "en" } },
    });
    requests.push(await signCall(caller, run, body));
  }
  return requests;
}

/** Who signs calls of one tenant, and with what. */
export interface Caller {
  readonly audience: string;
  readonly signer: Signer;
  /** null: its calls are not attested. */
  readonly attestor: AttestationSigner | null;
}

/** @param tenant of that profile, by its id; the one that has its name unless given */
export const callerOf = async (
  world: World,
  profile: Profile,
  agent: BenchAgent,
  tenant: string = profile,
): Promise<Caller> => ({
  audience: audienceOf(world, tenant),
  signer: await importSigner(agent.privateJwk),
  attestor: profile === "attested" ? await attestorOf(world, agent) : null,
});

export const openRun = async (issuer: Signer, { audience }: Caller, { name }: BenchAgent): Promise<Run> =>
  startRun(
    await mintMandate({
      signer: issuer,
      iss: ISSUER,
      sub: `agent:${name}`,
      aud: audience,
      purpose: "Find recent papers on tides",
      actions: ["mcp.search"],
    }),
  );

/** The whole request. The run goes on as if it were answered. */
export async function signCall(
  { audience, signer, attestor }: Caller,
  run: Run,
  body: string,
): Promise<Buffer> {
  const { headers, step } = await addEvidence(
    { method: "POST", url: audience, headers: HEADERS, body },
    {
      run,
      signer,
      lifetimeSeconds: LIFETIME,
      ...(attestor && { attestation: { signer: attestor, intent: "answer the user's question" } }),
    },
  );
  // As its answer will say.
  run.answered(step, { headers: new Headers({ "countersign-ect": "recorded" }) });
  return toBytes(new URL(audience), headers, body);
}

const attestorOf = (world: World, { name }: BenchAgent): Promise<AttestationSigner> =>
  importAttestationSigner({
    iss: PLANNER,
    sub: `agent:${name}`,
    secretVersion: "v1",
    alg: "ES256",
    jwk: world.planner.privateJwk,
  });

function toBytes({ host, pathname }: URL, headers: Headers, body: string): Buffer {
  const lines = [...headers].map(([name, value]) => `${name}: ${value}`);
  const length = Buffer.byteLength(body);
  const head = [`POST ${pathname} HTTP/1.1`, `host: ${host}`, ...lines, `content-length: ${length}`];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`);
}

if (import.meta.main) serve(sign);
