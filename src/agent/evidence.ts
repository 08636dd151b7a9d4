import { seconds } from "../clock.ts";
import { fromUtf8, randomId, utf8 } from "../encoding.ts";
import { contentDigest } from "../evidence/http-signature/content-digest.ts";
import { WIT_HEADER } from "../evidence-headers.ts";
import { isObject, type JsonObject, type JsonValue } from "../json/strict-json.ts";
import { type ActionOptions, actionOf } from "./actions.ts";
import { type AttestationOptions, attest } from "./attestation.ts";
import { mintEct } from "./ect.ts";
import type { Run, Step } from "./run.ts";
import { type SignatureProfile, signMessage } from "./signature.ts";
import type { Signer } from "./signer.ts";

/** A request of an MCP client, as it will be sent. */
export interface OutgoingRequest {
  readonly method: string;
  readonly url: string | URL;
  /** Evidence that is among them already is replaced. */
  readonly headers?: ConstructorParameters<typeof Headers>[0];
  /** Exactly what will be sent; text means its UTF-8. */
  readonly body?: string | Uint8Array | null;
}

/** Who calls, and what its evidence looks like. */
export interface EvidenceOptions {
  readonly run: Run;
  /** The agent's own key; never that of the mandate's issuer. */
  readonly signer: Signer;
  /** `iss` of ECTs; the mandate's `sub` without it. */
  readonly ectIssuer?: string;
  /** `aud` of ECTs and `wimse-aud` of signatures; the URL without query and fragment where it is not given. */
  readonly audience?: string;
  /** The one that the key is registered for, or that of the workload; `agent` without it. */
  readonly profile?: SignatureProfile;
  /** The workload identity token whose `cnf.jwk` is the signer's key: for the profiles of WIMSE. */
  readonly wit?: string;
  /** Takes no answer without a signature; see `SignatureOptions`. */
  readonly demandSignedResponse?: boolean;
  readonly attestation?: AttestationOptions;
  /** `authorization` without it. */
  readonly mandateHeader?: "authorization" | "act-mandate";
  /** `wimse-ect` without it. */
  readonly ectHeader?: "wimse-ect" | "execution-context";
  /** Life of ECT, signature and attestation: 120 without it, which leaves room for clocks that differ. */
  readonly lifetimeSeconds?: number;
  /** Where the tenant names actions in its own way. */
  readonly actions?: ActionOptions;
  /**
   * Names of further headers that the signature covers, lower case: those the tenant forwards to its origin; in the profile `poc`
   * also that of a delegated mandate.
   */
  readonly cover?: readonly string[];
  /** Seconds, whole; the machine's clock without it. */
  readonly now?: () => number;
  /** Makes every jti and nonce; random without it. */
  readonly newId?: () => string;
}

/** A request's headers with the evidence, and its place in the run. */
export interface Evidence {
  readonly headers: Headers;
  /** For `run.answered`; null where the message has no ECT. */
  readonly step: Step | null;
  /** The nonce of the signature, which a signed answer names; null where there is none. */
  readonly nonce: string | null;
}

/**
 * Makes the evidence for one request: mandate, ECT, attestation, Content-Digest, and the signature over all of it.
 *
 * A POST with a JSON-RPC request or notification has an ECT. An answer to the server, a GET and a DELETE have the
 * mandate and a signature with a nonce; in the profile `poc` the mandate alone, as its client sends it.
 *
 * @throws TypeError for a signer that cannot sign ECTs, for a tool that would be taken for a session method, and for headers that cannot be signed
 * @example
 * import { addEvidence, generateSigner, mintMandate, SESSION_ACTIONS, startRun } from "countersign/agent";
 *
 * const url = "https://mcp.example/mcp";
 * const issuer = await generateSigner({ alg: "EdDSA" });
 * const agent = await generateSigner({ alg: "ES256" });
 * const mandate = await mintMandate({
 *   signer: issuer.signer,
 *   iss: "https://issuer.example",
 *   sub: "agent:researcher",
 *   aud: url,
 *   purpose: "Find recent papers on tides",
 *   actions: [...SESSION_ACTIONS, "mcp.search"],
 * });
 * const run = startRun(mandate);
 * const body = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{"q":"tides"}}}';
 * const { headers, step } = await addEvidence(
 *   { method: "POST", url, headers: { "content-type": "application/json" }, body },
 *   { run, signer: agent.signer },
 * );
 * // const response = await fetch(url, { method: "POST", headers, body });
 * // run.answered(step, response);
 */
export async function addEvidence(request: OutgoingRequest, options: EvidenceOptions): Promise<Evidence> {
  const { run, signer, profile = "agent", lifetimeSeconds = 120, cover = [], newId } = options;
  const method = request.method.toUpperCase();
  const target = new URL(request.url);
  target.hash = "";
  const audience = options.audience ?? target.origin + target.pathname;
  const now = options.now?.() ?? seconds();
  const headers = new Headers(request.headers);
  const body = bytesOf(request.body ?? "");
  const message = method === "POST" ? readMessage(body) : null;

  const { token, sub, wid } = run.mandate;
  const inAuthorization = options.mandateHeader !== "act-mandate";
  headers.set(inAuthorization ? "authorization" : "act-mandate", inAuthorization ? `Bearer ${token}` : token);
  if (profile === "poc" && message === null) return { headers, step: null, nonce: null };

  let step: Step | null = null;
  if (message !== null) {
    const joins = message.method === "tools/call";
    step = { jti: newId?.() ?? crypto.randomUUID(), pred: run.pred(joins), joins };
    const iss = options.ectIssuer ?? sub;
    const execAct = actionIn(message, options.actions);
    const { jti, pred } = step;
    const claims = { iss, aud: audience, jti, wid, execAct, pred, body, now, lifetimeSeconds };
    headers.set(options.ectHeader ?? "wimse-ect", await mintEct(signer, claims));
  }
  if (options.attestation && message !== null && message.tool !== null) {
    const { tool, arguments: args } = message;
    const nonce = newId && { nonce: newId() };
    const call = { tool, arguments: args, audience, now, lifetimeSeconds, ...nonce };
    const attestation = await attest(options.attestation, call);
    if (attestation !== null) headers.set("x-mcp-attestation", attestation);
  }
  if (options.wit !== undefined) headers.set(WIT_HEADER, options.wit);
  if (body.length > 0) headers.set("content-digest", await contentDigest(body));

  // Last, since it covers the others.
  const nonce = newId?.() ?? randomId();
  const signed = await signMessage(
    { method, url: target.href, headers },
    { ...options, signer, profile, audience, cover, nonce, now, lifetimeSeconds },
  );
  headers.set("signature-input", signed.signatureInput);
  headers.set("signature", signed.signature);
  return { headers, step, nonce };
}

/** A copy, so that nobody changes it between hash and signature. */
const bytesOf = (body: string | Uint8Array): Uint8Array<ArrayBuffer> =>
  typeof body === "string" ? utf8(body) : new Uint8Array(body);

/** A method that the tenant may not know is signed all the same: the answer to it is then the verifier's. */
const actionIn = ({ method, tool }: OutgoingMessage, options: ActionOptions = {}): string =>
  actionOf(method, tool, { ...options, extraMethods: [...(options.extraMethods ?? []), method] });

interface OutgoingMessage {
  readonly method: string;
  /** Of a `tools/call` that names one. */
  readonly tool: string | null;
  readonly arguments: JsonObject;
}

/** A JSON-RPC request or notification; null for anything else. What is wrong with it otherwise the verifier says. */
function readMessage(body: Uint8Array): OutgoingMessage | null {
  const json = parseJson(fromUtf8(body));
  if (!isObject(json) || typeof json.method !== "string") return null;
  const { method } = json;
  const params = isObject(json.params) ? json.params : {};
  const tool = method === "tools/call" && typeof params.name === "string" ? params.name : null;
  return { method, tool, arguments: isObject(params.arguments) ? params.arguments : {} };
}

function parseJson(text: string | null): JsonValue {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return null;
  }
}
