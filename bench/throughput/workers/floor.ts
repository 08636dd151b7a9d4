/**
 * The floor: what no verifier of this evidence can do without, and nothing else. It looks for no fault but a wrong signature, a wrong
 * digest and a repetition, so it is of no use to anybody. What it does as Countersign does: keys are imported once, a mandate that has been
 * verified is not verified again, an admission is one call of a Durable Object that writes as many rows, with records as long, and the
 * outcome is one call more, written with the next admission, or after a second.
 */

import { DurableObject } from "cloudflare:workers";
import { base64url } from "jose";
import { fromHex } from "../../../src/encoding.ts";
import { OUTCOME_DELAY_MS } from "../../../src/limits.ts";

interface Env {
  readonly ORIGIN: string;
  /** Public keys by `kid`, JSON. */
  readonly KEYS: string;
  readonly LEDGER: DurableObjectNamespace<FloorLedger>;
}

export default {
  async fetch(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
    const { headers } = request;
    const body = await request.arrayBuffer();
    const digest = base64url.encode(new Uint8Array(await crypto.subtle.digest("SHA-256", body)));
    const parameters = headers.get("signature-input")?.slice("sig=".length) ?? "";
    const kid = /keyid="([^"]*)"/.exec(parameters)?.[1] ?? "";
    const ect = headers.get("wimse-ect") ?? "";
    const isGenuine =
      toBase64url(headers.get("content-digest")?.slice("sha-256=:".length, -1) ?? "") === digest &&
      (await verifyMandate(headers.get("authorization")?.slice("Bearer ".length) ?? "", env)) &&
      (await verifyJws(ect, kid, env)) &&
      (await verifyMessage(request, parameters, kid, env));
    if (!isGenuine) return new Response(null, { status: 401 });
    const attestation = headers.get("x-mcp-attestation");
    const nonce = attestation && (await verifyAttestation(attestation, env));
    if (attestation !== null && nonce === null) return new Response(null, { status: 401 });

    const ledger = env.LEDGER.getByName(kid);
    if (!(await ledger.admit(jtiOf(ect), nonce))) return new Response(null, { status: 401 });
    const answer = await fetch(env.ORIGIN, {
      method: request.method,
      headers: { "content-type": "application/json", accept: headers.get("accept") ?? "" },
      body,
    });
    ctx.waitUntil(ledger.outcome());
    return answer;
  },
};

const ES256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

let keys: Map<string, Promise<CryptoKey>> | undefined;

function keyOf(kid: string, env: Env): Promise<CryptoKey> {
  keys ??= new Map(
    Object.entries(JSON.parse(env.KEYS) as Record<string, JsonWebKey>).map(([name, jwk]) => [
      name,
      crypto.subtle.importKey("jwk", jwk, jwk.crv === "Ed25519" ? "Ed25519" : ES256, false, ["verify"]),
    ]),
  );
  return keys.get(kid) ?? Promise.reject(new Error("no such key"));
}

const utf8 = new TextEncoder();

const bytesOf = (text: string) => base64url.decode(text) as Uint8Array<ArrayBuffer>;

const toBase64url = (text: string) => text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

const verified = new Set<string>();

async function verifyMandate(token: string, env: Env): Promise<boolean> {
  if (verified.has(token)) return true;
  const isGenuine = await verifyJws(token, "issuer-1", env);
  if (isGenuine) verified.add(token);
  return isGenuine;
}

async function verifyJws(token: string, kid: string, env: Env): Promise<boolean> {
  const cut = token.lastIndexOf(".");
  const key = await keyOf(kid, env);
  return crypto.subtle.verify(
    key.algorithm.name === "Ed25519" ? "Ed25519" : ES256,
    key,
    bytesOf(token.slice(cut + 1)),
    utf8.encode(token.slice(0, cut)),
  );
}

const jtiOf = (token: string): string =>
  JSON.parse(new TextDecoder().decode(bytesOf(token.split(".")[1] ?? ""))).jti;

/** RFC 9421: the base of the components that the signature names. */
async function verifyMessage(
  { method, url, headers }: Request,
  parameters: string,
  kid: string,
  env: Env,
): Promise<boolean> {
  const names = parameters.slice(1, parameters.indexOf(")")).split(" ");
  const lines = names.map((quoted) => {
    const name = quoted.slice(1, -1);
    const value = name === "@method" ? method : name === "@target-uri" ? url : headers.get(name);
    return `${quoted}: ${value}\n`;
  });
  const base = `${lines.join("")}"@signature-params": ${parameters}`;
  const signature = headers.get("signature")?.slice("sig=:".length, -1) ?? "";
  return crypto.subtle.verify(
    ES256,
    await keyOf(kid, env),
    bytesOf(toBase64url(signature)),
    utf8.encode(base),
  );
}

const SIGNATURE = /"signature":"([0-9a-f]{128})",?/;

/** SEP-2787, dialect A: the signature is over the canonical envelope without it, and the header is canonical. @returns its nonce */
async function verifyAttestation(header: string, env: Env): Promise<string | null> {
  const text = new TextDecoder().decode(bytesOf(header));
  const signature = SIGNATURE.exec(text)?.[1] ?? "";
  const unsigned = text.replace(SIGNATURE, "").replace(",}", "}");
  const isGenuine = await crypto.subtle.verify(
    ES256,
    await keyOf("planner-1", env),
    fromHex(signature, 64) ?? new Uint8Array(),
    utf8.encode(unsigned),
  );
  return isGenuine ? (JSON.parse(unsigned).issuerAsserted.nonce as string) : null;
}

/** As long as the records of the same calls in Countersign's journal; an attestation is recorded too. */
const DECISION = "d".repeat(1_400);
const ATTESTED_DECISION = "d".repeat(2_200);
const OUTCOME = "o".repeat(1_100);

/** Admits each step and each nonce once, in the rows of Countersign's ledger: one for each of both, and one for each record. */
export class FloorLedger extends DurableObject<Env> {
  readonly #sql = this.ctx.storage.sql;
  #outcomes = 0;
  #flushIsDue = false;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql.exec("CREATE TABLE IF NOT EXISTS used (key TEXT PRIMARY KEY) WITHOUT ROWID, STRICT");
    this.#sql.exec(
      "CREATE TABLE IF NOT EXISTS journal (seq INTEGER PRIMARY KEY, record TEXT NOT NULL) STRICT",
    );
  }

  admit(jti: string, nonce: string | null): boolean {
    const isFresh = this.#claim(jti) && (nonce === null || this.#claim(nonce));
    if (!isFresh) return false;
    this.#writeOutcomes();
    this.#write(nonce === null ? DECISION : ATTESTED_DECISION);
    return true;
  }

  /** One timer is for all that come meanwhile. */
  outcome(): void {
    this.#outcomes += 1;
    if (this.#flushIsDue) return;
    this.#flushIsDue = true;
    setTimeout(() => {
      this.#flushIsDue = false;
      this.#writeOutcomes();
    }, OUTCOME_DELAY_MS);
  }

  #claim(key: string): boolean {
    return (
      this.#sql.exec("INSERT INTO used VALUES (?) ON CONFLICT DO NOTHING RETURNING 1", key).toArray().length >
      0
    );
  }

  #writeOutcomes(): void {
    for (; this.#outcomes > 0; this.#outcomes--) this.#write(OUTCOME);
  }

  #write(record: string): void {
    this.#sql.exec("INSERT INTO journal (record) VALUES (?)", record);
  }
}
