/** One request with all its evidence, honest but for what a case changes. */

import { BOBS_PLANNER, ISSUER, PLANNER } from "../tenants.ts";
import { type Attestation, type AttestationChanges, attest } from "./attestation.ts";
import { type Covered, type SignatureChanges, signRequest } from "./http-signature.ts";
import { type Bytes, key } from "./keys.ts";
import type { Message } from "./message.ts";
import { base64url, makeToken, sha256, type TokenChanges, utf8 } from "./tokens.ts";

/** Where and when a request is sent. */
export interface Target {
  /** Of the case, which is the tenant's too. */
  readonly id: string;
  /** The URL that callers use and sign. */
  readonly url: string;
  /** NumericDate. */
  readonly now: number;
  /** The time of the case's first request, when its mandate is made. */
  readonly begun: number;
  /** 1 for the first request of the case. */
  readonly step: number;
  /** The requests before it. */
  readonly earlier: readonly Message[];
}

/** Agents, with their identities and the key that each uses where a case does not say. */
const AGENTS = {
  ada: { sub: "agent:ada", ectIss: "agent:ada", key: "ada", planner: PLANNER, plannerKey: "planner-hs256" },
  "ada-poc": {
    sub: "agent:ada",
    ectIss: "agent:ada",
    key: "ada-poc",
    planner: PLANNER,
    plannerKey: "planner-hs256",
  },
  bob: {
    sub: "agent:bob",
    ectIss: "spiffe://example.com/bob",
    key: "bob",
    planner: BOBS_PLANNER,
    plannerKey: "bob-planner",
  },
  courier: {
    sub: "agent:courier",
    ectIss: "agent:courier",
    key: "courier",
    planner: PLANNER,
    plannerKey: "planner-hs256",
  },
} as const;

type AgentName = keyof typeof AGENTS;

/** What a mandate grants unless a case says otherwise: these tools, and the methods that are called here. */
const ACTIONS = [
  "mcp.search",
  "mcp.sealed",
  "mcp.session.initialize",
  "mcp.session.ping",
  "mcp.session.server.discover",
  "mcp.session.tools.list",
  "mcp.session.resources.read",
  "mcp.session.prompts.get",
  "mcp.session.notifications.initialized",
  "mcp.session.notifications.cancelled",
];

export interface Call {
  /** Who calls; ada without it. */
  readonly agent?: AgentName;
  /** HTTP method; POST without it. */
  readonly method?: string;
  /** What is asked and signed, where it is not the tenant's URL: a reference relative to that. */
  readonly beside?: string;
  /** Request target, where it is not the path of what is signed. */
  readonly target?: string;
  readonly host?: string;
  /** What is called, where the body is not given whole. */
  readonly tool?: string;
  readonly arguments?: unknown;
  readonly meta?: Record<string, unknown>;
  /** A message in place of the tool call. */
  readonly rpc?: Record<string, unknown>;
  /** The body itself. */
  readonly body?: string | Bytes;
  /** Beside those of an MCP client, or in place of them; null takes one away. All are there when the signature is made. */
  readonly headers?: Readonly<Record<string, string | null>>;
  /** null: none. `in` says where it goes: `authorization` without it. */
  readonly mandate?: (TokenChanges & { readonly in?: readonly ("authorization" | "act-mandate")[] }) | null;
  /** null: none, which is what GET, DELETE and posted responses have anyhow. */
  readonly ect?: (TokenChanges & { readonly in?: readonly ("wimse-ect" | "execution-context")[] }) | null;
  /** None without it. */
  readonly attestation?: AttestationChanges;
  /** Value of `Content-Digest`; null: none. */
  readonly digest?: string | null;
  /** Signs in the profile wimse, with the key `workload` and a WIT for it. */
  readonly workload?: WorkloadCall;
  /** null: none. Profiles differ in what they cover by default: `agent` all that is decided from. */
  readonly signature?: SignatureChanges | null;
  /** What becomes of the request after it was signed. */
  readonly after?: (message: Message) => Message | Promise<Message>;
}

export interface WorkloadCall {
  /** wimse-07 without it. */
  readonly revision?: "wimse-06" | "wimse-07";
  /** null: none. */
  readonly wit?: TokenChanges | null;
}

/** The workload of ada where a case makes it one. */
export const WORKLOAD = "wimse://example.org/ada";

/** A WIT of the trust domain example.org, for the key `workload`. */
const witOf = ({ begun }: Target, changes: TokenChanges = {}): Promise<string> => {
  const { publicJwk, alg } = key("workload");
  const cnf = { jwk: { ...publicJwk, alg } };
  return makeToken("wit+jwt", "wit-authority", { sub: WORKLOAD, iat: begun, exp: begun + 900, cnf }, changes);
};

/** The request of a call. Its one-time values are named after the step: `ect-1`, `nonce-1`, `attestation-1`. */
export async function makeCall(target: Target, call: Call = {}): Promise<Message> {
  const { url, now, step } = target;
  const { workload } = call;
  const agent = { ...AGENTS[call.agent ?? "ada"], ...(workload && { key: "workload" }) };
  const isPoc = agent.key.endsWith("poc") || agent.key === "courier";
  const method = call.method ?? "POST";
  const asked = new URL(call.beside ?? url, url);
  const attested = await attestationOf(target, call);
  const body = bodyOf(method, call, attested);
  const message = readBody(body);

  const headers = new Map<string, string>([["Host", call.host ?? new URL(url).host]]);
  const set = (name: string, value: string) => headers.set(name, value);
  if (method === "POST") set("Content-Type", "application/json");
  set("Accept", method === "POST" ? "application/json, text/event-stream" : "text/event-stream");
  if (call.mandate !== null) {
    const token = await mandateOf(target, agent.sub, call.mandate);
    for (const field of call.mandate?.in ?? ["authorization"]) {
      if (field === "authorization") set("Authorization", `Bearer ${token}`);
      else set("ACT-Mandate", token);
    }
  }
  const execAct = method === "POST" ? actionOf(message) : null;
  if (call.ect !== null && (execAct !== null || call.ect !== undefined)) {
    const token = await makeToken(
      "exec+jwt",
      agent.key,
      {
        iss: agent.ectIss,
        aud: url,
        iat: now,
        exp: now + 120,
        jti: `ect-${step}`,
        exec_act: execAct ?? "mcp.search",
        pred: ["mandate-1"],
        ...(body.length > 0 && { inp_hash: base64url(await sha256(body)) }),
      },
      call.ect,
    );
    for (const field of call.ect?.in ?? ["wimse-ect"]) {
      set(field === "wimse-ect" ? "Wimse-ECT" : "Execution-Context", token);
    }
  }
  if (workload && workload.wit !== null) set("Workload-Identity-Token", await witOf(target, workload.wit));
  if (attested !== null && call.attestation?.in !== "meta") set("X-MCP-Attestation", attested.header);
  if (call.digest !== null && (body.length > 0 || call.digest !== undefined)) {
    set("Content-Digest", call.digest ?? (await contentDigest("sha-256", body)));
  }
  for (const [name, value] of Object.entries(call.headers ?? {})) {
    const same = [...headers.keys()].find((other) => other.toLowerCase() === name.toLowerCase()) ?? name;
    if (value === null) headers.delete(same);
    else headers.set(same, value);
  }

  if (call.signature !== null) {
    const lines = [...headers];
    const names = lines.map(([name]) => name.toLowerCase());
    const limits = { expires: now + 120, nonce: `nonce-${step}` };
    const signed = await signRequest(
      { method, targetUri: asked.href, headers: lines },
      {
        by: agent.key,
        components: workload
          ? wimseComponents(workload, names)
          : isPoc
            ? POC_COMPONENTS
            : agentComponents(names),
        parameters: {
          created: now,
          ...(!isPoc && limits),
          ...(workload ? { tag: "wimse-workload-to-workload" } : { keyid: "" }),
          ...(isPoc && { alg: "ecdsa-p256-sha256" }),
          "wimse-aud": url,
        },
      },
      workload
        ? { ...call.signature, parameters: { keyid: undefined, ...call.signature?.parameters } }
        : call.signature,
    );
    set("Signature-Input", `${signed.label}=${signed.input}`);
    set("Signature", `${signed.label}=${signed.signature}`);
  }
  const made: Message = {
    method,
    target: call.target ?? asked.pathname + asked.search,
    headers: [...headers],
    body,
  };
  return call.after?.(made) ?? made;
}

const POC_COMPONENTS = ["@method", "@target-uri", "content-digest", "wimse-ect"];

/** Headers that the profile `agent` covers where they are there (docs/profile.md, "Signature profiles"). */
const COVERED = new Set([
  "act-mandate",
  "act-record",
  "authorization",
  "content-digest",
  "content-encoding",
  "content-type",
  "execution-context",
  "last-event-id",
  "wimse-ect",
  "x-mcp-attestation",
]);

const isCovered = (name: string): boolean =>
  COVERED.has(name) || name.startsWith("mcp-") || name.startsWith("x-forwarded");

const agentComponents = (names: readonly string[]): string[] => [
  "@method",
  "@target-uri",
  ...names.filter(isCovered),
];

/** As `agent` does, and what draft-ietf-wimse-http-signature section 3 names. */
const wimseComponents = ({ revision }: WorkloadCall, names: readonly string[]): string[] => [
  "@method",
  ...(revision === "wimse-06" ? ["@request-target"] : ["@path", "@query"]),
  ...names.filter((name) => isCovered(name) || name === "txn-token" || name === "workload-identity-token"),
];

/** `Content-Digest` with one value (RFC 9530). */
export async function contentDigest(algorithm: "sha-256" | "sha-512", body: Bytes): Promise<string> {
  const octets = await crypto.subtle.digest(algorithm.toUpperCase(), body);
  return `${algorithm}=:${Buffer.from(octets).toString("base64")}:`;
}

/** A mandate of the trusted issuer, for all tools and methods that the cases call. */
export const mandateOf = (
  { url, begun }: Pick<Target, "url" | "begun">,
  sub: string,
  changes: TokenChanges = {},
): Promise<string> =>
  makeToken(
    "act+jwt",
    "issuer",
    {
      iss: ISSUER,
      sub,
      aud: url,
      iat: begun,
      exp: begun + 900,
      jti: "mandate-1",
      task: { purpose: "Show how it is done" },
      cap: ACTIONS.map((action) => ({ action })),
    },
    changes,
  );

const toolOf = ({ tool, attestation }: Call): string => tool ?? (attestation ? "sealed" : "search");

async function attestationOf({ url, step, now }: Target, call: Call): Promise<Attestation | null> {
  if (call.attestation === undefined) return null;
  const { planner, plannerKey } = AGENTS[call.agent ?? "ada"];
  const attested = {
    tool: toolOf(call),
    arguments: call.arguments ?? ARGUMENTS,
    fingerprint: url,
    nonce: `attestation-${step}`,
    now,
  };
  return attest(attested, planner, { by: plannerKey, ...call.attestation });
}

const ARGUMENTS = { query: "tides" };

function bodyOf(method: string, call: Call, attested: Attestation | null): Bytes {
  if (call.body !== undefined) return typeof call.body === "string" ? utf8(call.body) : call.body;
  if (method !== "POST") return new Uint8Array();
  const isInMeta = attested !== null && (call.attestation?.in ?? "header") !== "header";
  const carried = isInMeta
    ? { attestation: call.attestation?.meta?.(attested.envelope) ?? attested.envelope }
    : {};
  const meta = { ...call.meta, ...carried };
  const params = {
    name: toolOf(call),
    arguments: call.arguments ?? ARGUMENTS,
    ...(Object.keys(meta).length > 0 && { _meta: meta }),
  };
  const rpc = call.rpc ?? { id: 1, method: "tools/call", params };
  return utf8(JSON.stringify({ jsonrpc: "2.0", ...rpc }));
}

interface Rpc {
  readonly id?: unknown;
  readonly method?: unknown;
  readonly params?: { readonly name?: unknown; readonly _meta?: Record<string, unknown> };
}

/** As far as a plain parser can read it; the empty object where it cannot. */
export function readBody(body: Bytes): Rpc {
  try {
    const json = JSON.parse(Buffer.from(body).toString()) as unknown;
    return typeof json === "object" && json !== null ? json : {};
  } catch {
    return {};
  }
}

/** The action of a message; null for what has none. */
function actionOf({ method, params }: Rpc): string | null {
  if (typeof method !== "string") return null;
  if (method === "tools/call") return `mcp.${String(params?.name)}`;
  return `mcp.session.${method.replaceAll("/", ".")}`;
}

/** All components, with another one behind them. */
export const alsoCovering =
  (...more: readonly Covered[]) =>
  (names: readonly string[]): readonly Covered[] => [...names, ...more];

/** All components but these. */
export const notCovering =
  (...left: readonly string[]) =>
  (names: readonly string[]): readonly Covered[] =>
    names.filter((name) => !left.includes(name));
