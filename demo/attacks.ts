import { addEvidence, type EvidenceOptions, signMessage, startRun } from "countersign/agent";
import { base64url, exportSPKI, generateKeyPair, importJWK, SignJWT } from "jose";
import { evidenceOf, mandateFor, type Stage } from "./stage.ts";

/** A request ready to be sent, as an attacker may have captured or made it. */
export interface Forged {
  readonly headers: Headers;
  readonly body: string;
}

/** What an attacker tries, and what must come of it. */
export interface Attack {
  readonly name: string;
  /** The reason in the audit log. */
  readonly reason: string;
  /** HTTP status and reason as the attacker is told: of an unverified caller no more than the kind of evidence. */
  readonly told: string;
  /** Makes the request; sends before what it needs to have been sent. */
  forge(stage: Stage): Promise<Forged>;
}

let id = 100;

const toolCall = (name: string, args: object): string =>
  JSON.stringify({ jsonrpc: "2.0", id: id++, method: "tools/call", params: { name, arguments: args } });

const search = () => toolCall("search", { query: "wax" });
const summarize = () => toolCall("summarize", { id: "seals" });

const JSON_HEADERS = { "content-type": "application/json", accept: "application/json, text/event-stream" };

/** An honest request of the reader, with all its evidence. */
async function sign(stage: Stage, body: string, changes: Partial<EvidenceOptions> = {}): Promise<Forged> {
  const run = changes.run ?? startRun(await mandateFor(stage));
  const request = { method: "POST", url: stage.endpoint, headers: JSON_HEADERS, body };
  const { headers } = await addEvidence(request, { ...evidenceOf(run, stage.reader), ...changes });
  return { headers, body };
}

export const send = (stage: Stage, { headers, body }: Forged): Promise<Response> =>
  fetch(stage.endpoint, { method: "POST", headers, body });

/** Changes headers that the signature covers, and signs again with the reader's key: an attack from within. */
async function resign(
  stage: Stage,
  { headers, body }: Forged,
  hidden: readonly string[] = [],
): Promise<Forged> {
  const changed = new Headers(headers);
  for (const name of ["signature", "signature-input"]) changed.delete(name);
  const visible = new Headers(changed);
  for (const name of hidden) visible.delete(name);
  const { signatureInput, signature } = await signMessage(
    { method: "POST", url: stage.endpoint, headers: visible },
    {
      signer: stage.reader.signer,
      profile: "agent",
      audience: stage.endpoint,
      cover: [],
      nonce: crypto.randomUUID(),
      now: seconds(),
      lifetimeSeconds: 120,
    },
  );
  changed.set("signature-input", signatureInput);
  changed.set("signature", signature);
  return { headers: changed, body };
}

const withHeader = ({ headers, body }: Forged, name: string, value: string): Forged => {
  const changed = new Headers(headers);
  changed.set(name, value);
  return { headers: changed, body };
};

/** Sends an honest request: it must be admitted, or refusing its twin would prove nothing. */
async function sendHonest(stage: Stage, honest: Forged): Promise<void> {
  const response = await send(stage, honest);
  const text = await response.text();
  if (response.status !== 200) throw new Error(`the honest call before the attack was refused: ${text}`);
}

const seconds = (): number => Math.floor(Date.now() / 1000);

/** Evidence with a mandate made in some wrong way; ECT and signature are honest. */
const withMandate = (stage: Stage, mandate: string, body = search()): Promise<Forged> =>
  sign(stage, body, { run: startRun(mandate) });

/** Evidence whose mandate text is replaced and signed over again. */
const withMandateText = async (stage: Stage, token: string): Promise<Forged> =>
  resign(stage, withHeader(await sign(stage, search()), "authorization", `Bearer ${token}`));

/** Attestation with single parts changed. */
const attested = (stage: Stage, changes: Partial<NonNullable<EvidenceOptions["attestation"]>>) =>
  sign(stage, summarize(), {
    attestation: { signer: stage.reader.attestor, intent: "sum it up", ...changes },
  });

/** Another honest request's attestation on this one. */
async function withAttestationOf(stage: Stage, other: Forged, body: string): Promise<Forged> {
  const request = await sign(stage, body);
  const attestation = other.headers.get("x-mcp-attestation") ?? "";
  return resign(stage, withHeader(request, "x-mcp-attestation", attestation));
}

const forgeJwt = (header: object, claims: object, signature = ""): string =>
  [JSON.stringify(header), JSON.stringify(claims)].map((part) => base64url.encode(part)).join(".") +
  `.${signature}`;

const claimsOf = (token: string): Record<string, unknown> =>
  JSON.parse(new TextDecoder().decode(base64url.decode(token.split(".")[1] ?? "")));

export const ATTACKS: readonly Attack[] = [
  {
    name: "body changed after signing",
    reason: "digest.mismatch",
    told: "403 signature.invalid",
    forge: async (stage) => ({ ...(await sign(stage, search())), body: search() }),
  },
  {
    name: "the same request twice",
    reason: "replay.ect",
    told: "403 replay.ect",
    forge: async (stage) => {
      const request = await sign(stage, search());
      await sendHonest(stage, request);
      return request;
    },
  },
  {
    name: "the same request under the agent's other mandate",
    reason: "signature.mismatch",
    told: "403 signature.invalid",
    forge: async (stage) => {
      const request = await sign(stage, search());
      const other = withHeader(request, "authorization", `Bearer ${await mandateFor(stage)}`);
      await sendHonest(stage, request);
      return other;
    },
  },
  {
    name: "the same ECT under another mandate, signed again",
    reason: "replay.ect",
    told: "403 replay.ect",
    forge: async (stage) => {
      const [first, second] = [startRun(await mandateFor(stage)), startRun(await mandateFor(stage))];
      const pred = () => [first.mandate.jti, second.mandate.jti];
      // Refused, because no run has both mandates; but the ECT is used up by it.
      const request = await sign(stage, search(), { run: { ...first, pred } });
      await (await send(stage, request)).text();
      const moved = withHeader(request, "authorization", `Bearer ${second.mandate.token}`);
      return resign(stage, moved);
    },
  },
  {
    name: "mandate expired",
    reason: "act.expired",
    told: "401 bearer.invalid",
    forge: async (stage) => withMandate(stage, await mandateFor(stage, { now: seconds() - 3600 })),
  },
  {
    name: "mandate for another audience",
    reason: "act.audience",
    told: "401 bearer.invalid",
    forge: async (stage) => withMandate(stage, await mandateFor(stage, { aud: "https://other.example/mcp" })),
  },
  {
    name: "mandate signed by an unknown issuer",
    reason: "act.issuer_unknown",
    told: "401 bearer.invalid",
    forge: async (stage) => withMandate(stage, await mandateFor(stage, { iss: "https://nobody.example" })),
  },
  {
    name: "mandate signed with a stranger's key in the issuer's name",
    reason: "act.signature",
    told: "401 bearer.invalid",
    forge: async (stage) => {
      const { privateKey } = await generateKeyPair("EdDSA");
      return withMandate(stage, await mandateFor(stage, { signer: { ...stage.issuer, privateKey } }));
    },
  },
  {
    name: "tool outside cap",
    reason: "capability.missing",
    told: "200 capability.missing",
    forge: async (stage) => withMandate(stage, await mandateFor(stage, { tools: ["search"] }), summarize()),
  },
  {
    name: "a tool that the policy does not list",
    reason: "policy.tool_unlisted",
    told: "200 policy.tool_unlisted",
    forge: async (stage) =>
      withMandate(stage, await mandateFor(stage, { tools: ["print"] }), toolCall("print", {})),
  },
  {
    name: "a tool that reaches further than the grant",
    reason: "policy.scope_too_narrow",
    told: "200 policy.scope_too_narrow",
    forge: async (stage) =>
      withMandate(stage, await mandateFor(stage, { tools: ["erase"] }), toolCall("erase", {})),
  },
  {
    name: "an argument that the tool's schema does not have",
    reason: "policy.arguments_invalid",
    told: "200 policy.arguments_invalid",
    forge: async (stage) => sign(stage, toolCall("search", { query: "wax", file: "/etc/passwd" })),
  },
  {
    name: "arguments that a rule forbids",
    reason: "policy.rule_denied",
    told: "200 policy.rule_denied",
    forge: async (stage) => sign(stage, toolCall("search", { query: "the queen's seal" })),
  },
  {
    name: "one call more than there may be under a mandate",
    reason: "limit.mandate_exhausted",
    told: "200 limit.mandate_exhausted",
    forge: async (stage) => {
      const run = startRun(await mandateFor(stage));
      for (let n = 0; n < 2; n += 1) await sendHonest(stage, await sign(stage, search(), { run }));
      return sign(stage, search(), { run });
    },
  },
  {
    name: "ECT for another body",
    reason: "ect.inp_hash_mismatch",
    told: "403 ect.inp_hash_mismatch",
    forge: async (stage) => {
      const run = startRun(await mandateFor(stage));
      const request = await sign(stage, search(), { run });
      const other = await sign(stage, search(), { run });
      return resign(stage, withHeader(request, "wimse-ect", other.headers.get("wimse-ect") ?? ""));
    },
  },
  {
    name: "ECT by another agent",
    reason: "principal.mismatch",
    told: "403 principal.invalid",
    forge: async (stage) => {
      const run = startRun(await mandateFor(stage));
      const request = await sign(stage, search(), { run });
      const other = await sign(stage, request.body, {
        run,
        signer: stage.writer.signer,
        ectIssuer: "agent:writer",
      });
      return resign(stage, withHeader(request, "wimse-ect", other.headers.get("wimse-ect") ?? ""));
    },
  },
  {
    name: "unknown pred",
    reason: "run.pred_unknown",
    told: "403 run.pred_unknown",
    forge: async (stage) => {
      const run = startRun(await mandateFor(stage));
      const pred = () => [run.mandate.jti, crypto.randomUUID()];
      return sign(stage, search(), { run: { ...run, pred } });
    },
  },
  {
    name: "signature that does not cover the body",
    reason: "signature.coverage",
    told: "403 signature.invalid",
    forge: async (stage) => resign(stage, await sign(stage, search()), ["content-digest"]),
  },
  {
    name: "wrong wimse-aud",
    reason: "signature.audience",
    told: "403 signature.invalid",
    forge: async (stage) => sign(stage, search(), { audience: "https://other.example/mcp" }),
  },
  {
    name: "attestation for other arguments",
    reason: "attestation.hash_only_mismatch",
    told: "200 args_commitment_mismatch",
    forge: async (stage) =>
      withAttestationOf(stage, await sign(stage, toolCall("summarize", { id: "bees" })), summarize()),
  },
  {
    name: "attestation for another tool",
    reason: "attestation.tool_differs",
    told: "200 tool_mismatch",
    forge: async (stage) => {
      const signer = stage.reader.attestor;
      const other = await sign(stage, toolCall("search", { id: "seals" }), {
        attestation: { signer, intent: "look" },
      });
      return withAttestationOf(stage, other, summarize());
    },
  },
  {
    name: "attestation for another server",
    reason: "attestation.fingerprint_not_found",
    told: "200 server_mismatch",
    forge: async (stage) => attested(stage, { serverFingerprint: "https://other.example/mcp" }),
  },
  {
    name: "attestation expired",
    reason: "attestation.ttl_passed",
    told: "200 expired",
    forge: async (stage) =>
      withAttestationOf(stage, await sign(stage, summarize(), { now: () => seconds() - 600 }), summarize()),
  },
  {
    name: "attestation replayed",
    reason: "attestation.nonce_seen",
    told: "200 nonce_replay",
    forge: async (stage) => {
      const request = await sign(stage, summarize());
      await sendHonest(stage, request);
      return withAttestationOf(stage, request, summarize());
    },
  },
  {
    name: "another agent's attestation",
    reason: "attestation.principal_mismatch",
    told: "200 signature_invalid",
    forge: async (stage) => attested(stage, { signer: stage.writer.attestor }),
  },
  {
    name: "attestation: HS256 with the public key as the secret",
    reason: "attestation.alg_not_pinned",
    told: "200 key_unavailable",
    forge: async (stage) => {
      const key = (await importJWK(stage.plannerJwk, "ES256", { extractable: true })) as CryptoKey;
      const secret = new TextEncoder().encode(await exportSPKI(key));
      const hmac = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, [
        "sign",
      ]);
      return attested(stage, { signer: { ...stage.reader.attestor, alg: "HS256", key: hmac } });
    },
  },
  {
    name: "mandate with alg none",
    reason: "act.alg",
    told: "401 bearer.invalid",
    forge: async (stage) => {
      const claims = claimsOf(await mandateFor(stage));
      return withMandateText(stage, forgeJwt({ alg: "none", typ: "act+jwt", kid: "issuer-1" }, claims));
    },
  },
  {
    name: "mandate: HS256 with the public key as the secret",
    reason: "act.alg",
    told: "401 bearer.invalid",
    forge: async (stage) => {
      const secret = new TextEncoder().encode(JSON.stringify(stage.issuerJwk));
      const token = await new SignJWT(claimsOf(await mandateFor(stage)))
        .setProtectedHeader({ alg: "HS256", typ: "act+jwt", kid: "issuer-1" })
        .sign(secret);
      return withMandateText(stage, token);
    },
  },
  {
    name: "duplicate JSON key",
    reason: "message.duplicate_key",
    told: "400 message.duplicate_key",
    forge: async (stage) => {
      const body = search().replace('"name":"search"', '"name":"search","name":"summarize"');
      return sign(stage, body);
    },
  },
  {
    name: "batch",
    reason: "message.batch",
    told: "400 message.batch",
    forge: async (stage) => sign(stage, `[${search()},${summarize()}]`),
  },
  {
    name: "body over the cap",
    reason: "message.too_large",
    told: "413 message.too_large",
    forge: async (stage) => sign(stage, toolCall("search", { query: "x".repeat(70_000) })),
  },
  {
    name: "no evidence at all",
    reason: "bearer.missing",
    told: "401 bearer.missing",
    forge: async () => ({ headers: new Headers(JSON_HEADERS), body: search() }),
  },
  {
    name: "a stolen mandate alone",
    reason: "signature.missing",
    told: "403 signature.missing",
    forge: async (stage) => {
      const headers = new Headers({ ...JSON_HEADERS, authorization: `Bearer ${await mandateFor(stage)}` });
      return { headers, body: search() };
    },
  },
  {
    name: "no ECT",
    reason: "ect.missing",
    told: "403 ect.missing",
    forge: async (stage) => {
      const { headers, body } = await sign(stage, search());
      headers.delete("wimse-ect");
      return resign(stage, { headers, body });
    },
  },
  {
    name: "no attestation where one is required",
    reason: "attestation.missing",
    told: "200 attestation_required",
    forge: async (stage) => {
      const { headers, body } = await sign(stage, summarize());
      headers.delete("x-mcp-attestation");
      return resign(stage, { headers, body });
    },
  },
  {
    name: "a header added to a captured request",
    reason: "signature.coverage",
    told: "403 signature.invalid",
    forge: async (stage) => withHeader(await sign(stage, search()), "mcp-session-id", "of-somebody-else"),
  },
];
