import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import {
  type AttestationSigner,
  createFetch,
  type EvidenceOptions,
  generateSigner,
  importAttestationSigner,
  mintMandate,
  type Run,
  SESSION_ACTIONS,
  type Signer,
  startRun,
} from "countersign/agent";
import { exportJWK, generateKeyPair, type JWK } from "jose";
import { type LocalRuntime, startLocal } from "../src/cli/local/runtime.ts";
import { storedTenant } from "../src/cli/local/tenants.ts";
import { type DemoServer, startDemoServer } from "./mcp-server.ts";

/** An agent of the demo, with its keys. */
export interface DemoAgent {
  readonly name: string;
  readonly signer: Signer;
  /** What attests its tool calls: a planner with keys of its own. */
  readonly attestor: AttestationSigner;
  /** The attestor's private key, for another process that is to speak as the agent. */
  readonly attestorJwk: JWK;
}

/** Everything that runs: an MCP server, Countersign in front of it, and who may call. */
export interface Stage {
  readonly server: DemoServer;
  readonly countersign: LocalRuntime;
  /** The MCP endpoint as agents see it. */
  readonly endpoint: string;
  readonly issuer: Signer;
  readonly issuerJwk: JWK;
  readonly reader: DemoAgent;
  readonly writer: DemoAgent;
  /** Public key of the reader's planner, as the tenant document has it. */
  readonly plannerJwk: JWK;
  close(): Promise<void>;
}

export const ISSUER = "https://issuer.demo.example";

/** The tools that need an attestation. */
const ATTESTED: ReadonlySet<string> = new Set(["summarize"]);

/**
 * Starts the MCP server and Countersign with one tenant, all on loopback.
 *
 * @param options.keepKeys lets private keys be exported, for another process that is to speak as the reader
 */
export async function setStage(options: { keepKeys?: boolean } = {}): Promise<Stage> {
  const extractable = options.keepKeys ?? false;
  const issuer = await generateSigner({ alg: "EdDSA", kid: "issuer-1", extractable });
  const reader = await makeAgent("reader", extractable);
  const writer = await makeAgent("writer", extractable);
  const server = await startDemoServer();
  const document = {
    id: "demo",
    origin: { url: server.url },
    issuers: [
      {
        iss: ISSUER,
        keys: [issuer.publicJwk],
        agents: ["reader", "writer"],
        actions: ["mcp.search", "mcp.summarize", "mcp.erase", "mcp.print", "mcp.session.*"],
      },
    ],
    agents: [reader, writer].map(({ agent, jwk }) => ({
      name: agent.name,
      subjects: [`agent:${agent.name}`],
      ectIssuers: [`agent:${agent.name}`],
      attestations: [{ iss: agent.attestor.iss, sub: agent.attestor.sub }],
      keys: [{ jwk, profile: "agent" }],
    })),
    attestationKeys: [reader, writer].map(({ agent, plannerJwk }) => ({
      iss: agent.attestor.iss,
      secretVersion: agent.attestor.secretVersion,
      alg: "ES256",
      jwk: plannerJwk,
    })),
    policy: {
      tools: [
        {
          name: "search",
          scope: "read",
          inputSchema: {
            type: "object",
            properties: { query: { type: "string" }, limit: { type: "integer", maximum: 10 } },
            required: ["query"],
            additionalProperties: false,
          },
        },
        { name: "summarize", scope: "write" },
        { name: "erase", scope: "admin" },
      ],
      grants: [{ agents: ["reader", "writer"], scope: "write" }],
      rules: [
        {
          name: "no-royals",
          when: 'tool.name == "search" && arguments.query.contains("queen")',
          then: "deny",
        },
      ],
      limits: [{ per: "mandate", tools: ["search"], calls: 2 }],
    },
    evidence: [
      {
        methods: ["tools/call"],
        tools: [...ATTESTED],
        require: ["mandate", "signature", "ect", "attestation"],
      },
      { require: ["mandate", "signature", "ect"] },
    ],
    maxBodyBytes: 64 * 1024,
  };
  const countersign = await startLocal({
    tenants: [storedTenant(JSON.stringify(document))],
    log: (level, message) => console.error(`${level}: ${message}`),
  });
  if (!countersign.ok) throw new Error(countersign.error.problem);
  return {
    server,
    countersign: countersign.value,
    endpoint: `${countersign.value.url}/demo/mcp`,
    issuer: issuer.signer,
    issuerJwk: issuer.publicJwk as unknown as JWK,
    reader: reader.agent,
    writer: writer.agent,
    plannerJwk: reader.plannerJwk,
    close: async () => {
      await countersign.value.dispose();
      await server.close();
    },
  };
}

async function makeAgent(
  name: string,
  extractable: boolean,
): Promise<{ agent: DemoAgent; jwk: object; plannerJwk: JWK }> {
  const { signer, publicJwk } = await generateSigner({ alg: "ES256", kid: `${name}-1`, extractable });
  const planner = await generateKeyPair("ES256", { extractable: true });
  const attestorJwk = await exportJWK(planner.privateKey);
  const attestor = await importAttestationSigner({
    iss: `issuer://planner-of-${name}`,
    sub: `agent:${name}`,
    secretVersion: "v1",
    alg: "ES256",
    jwk: attestorJwk,
  });
  return {
    agent: { name, signer, attestor, attestorJwk },
    jwk: publicJwk,
    plannerJwk: await exportJWK(planner.publicKey),
  };
}

export interface MandateWishes {
  readonly agent?: DemoAgent;
  readonly signer?: Signer;
  readonly iss?: string;
  readonly aud?: string;
  readonly tools?: readonly string[];
  readonly now?: number;
}

/** A mandate of the demo's issuer for the reader, unless wished otherwise. */
export const mandateFor = (
  stage: Pick<Stage, "issuer" | "reader" | "endpoint">,
  wishes: MandateWishes = {},
): Promise<string> =>
  mintMandate({
    signer: wishes.signer ?? stage.issuer,
    iss: wishes.iss ?? ISSUER,
    sub: `agent:${(wishes.agent ?? stage.reader).name}`,
    aud: wishes.aud ?? stage.endpoint,
    purpose: "Find out how seals work, and sum it up",
    actions: [...SESSION_ACTIONS, ...(wishes.tools ?? ["search", "summarize"]).map((tool) => `mcp.${tool}`)],
    ...(wishes.now === undefined ? {} : { now: wishes.now }),
  });

/** What the kit needs to speak for an agent in a run. */
export const evidenceOf = (run: Run, agent: DemoAgent): EvidenceOptions => ({
  run,
  signer: agent.signer,
  attestation: {
    signer: agent.attestor,
    intent: "answer the user's question",
    when: (tool) => ATTESTED.has(tool),
  },
});

export interface Answered {
  readonly call: string;
  readonly decision: string;
  readonly answer: string;
}

/** The honest agent: a real MCP client whose every request the kit signs. Returns what it did, in order. */
export async function runHonestAgent(stage: Stage): Promise<Answered[]> {
  const run = startRun(await mandateFor(stage));
  const decisions: string[] = [];
  const fetchAndNote = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const response = await fetch(input, init);
    decisions.push(response.headers.get("countersign-decision") ?? "");
    return response;
  };
  const client = new Client(
    { name: "demo-reader", version: "1.0.0" },
    { versionNegotiation: { mode: "auto" } },
  );
  const transport = new StreamableHTTPClientTransport(new URL(stage.endpoint), {
    fetch: createFetch({ endpoint: stage.endpoint, ...evidenceOf(run, stage.reader), fetch: fetchAndNote }),
  });
  const done: Answered[] = [];
  const note = (call: string, answer: string) =>
    done.push({ call, decision: decisions.at(-1) ?? "", answer });

  await client.connect(transport);
  note("server/discover", `server ${client.getServerVersion()?.name ?? "?"}`);
  const { tools } = await client.listTools();
  note("tools/list", tools.map(({ name }) => name).join(", "));
  note("search", textOf(await client.callTool({ name: "search", arguments: { query: "seal of the king" } })));
  note("summarize", textOf(await client.callTool({ name: "summarize", arguments: { id: "seals" } })));
  await client.close();
  return done;
}

function textOf(result: unknown): string {
  const [first] = (result as { content: { text?: string }[] }).content;
  return first?.text ?? "";
}
