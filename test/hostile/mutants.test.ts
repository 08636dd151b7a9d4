/**
 * Valid calls of every kind, each with one thing changed. Whatever the change: no 5xx, nothing reaches an origin but the
 * honest call, as it was signed, and that once; and no change spends what the honest call needs. The same seed gives the same
 * changes; keys and times are new in each run.
 */

import { afterAll, beforeAll, expect, test } from "vitest";
import { told } from "../socket/messages.ts";
import { type Arrival, beyondFraming } from "../socket/origin.ts";
import { toBytes, type Wire } from "../socket/raw.ts";
import { randomOf } from "../support/random.ts";
import { type Kind, type Stage, setStage } from "./kinds.ts";
import { type Mutant, mutate, WAYS } from "./mutate.ts";
import { openPool, type Pool } from "./pool.ts";
import { again, SEED, SIZE } from "./size.ts";

const PER_CALL = 20;
const CALLS = 100 * SIZE;
const IN_FLIGHT = 8;

let stage: Stage;
let pool: Pool;
beforeAll(async () => {
  stage = await setStage();
  pool = openPool(stage.scene.url, IN_FLIGHT);
});
afterAll(async () => {
  pool?.close();
  await stage?.scene.close();
});

/**
 * Headers that the origin receives though they need not be signed: nothing is decided from them. What `poc` leaves
 * unsigned of MCP's own mirrors the body and has been compared with it, or is the session, which must be the agent's own.
 */
const UNSIGNED = /^(?:accept|baggage|traceparent|tracestate)$/;
const UNSIGNED_IN_POC =
  /^(?:content-type|mcp-method|mcp-name|mcp-protocol-version|mcp-param-.*|mcp-session-id)$/;

/** What must arrive as it was signed, and where, as text. */
function essence(
  { method, headers, body }: Pick<Arrival, "method" | "body"> & Pick<Wire, "headers">,
  tenant: string,
  profile: Kind["profile"],
): string {
  const isSigned = (name: string) =>
    !UNSIGNED.test(name) && !(profile === "poc" && UNSIGNED_IN_POC.test(name));
  const signed = headers.filter(([name]) => isSigned(name)).map(bySigner);
  return JSON.stringify([tenant, method, signed.toSorted(), Buffer.from(body).toString("latin1")]);
}

/** An attestation that the signature does not cover may come with the other signature that ECDSA has of it. */
const bySigner = ([name, value]: readonly [string, string]): readonly [string, string] => [
  name,
  name === "x-mcp-attestation"
    ? Buffer.from(value, "base64url")
        .toString()
        .replace(/"signature":"[^"]*"/, "")
    : value,
];

const arrived = (arrival: Arrival, { profile }: Kind): string => {
  // The assertion is Countersign's own.
  const headers = Object.entries(beyondFraming(arrival)).filter(([name]) => name !== "countersign-assertion");
  return essence({ ...arrival, headers }, arrival.target.slice(1), profile);
};

/** What would arrive of a request: of its headers those that arrive of this kind, the session under the origin's id. */
function expected(wire: Wire, reference: Arrival, { tenant, profile }: Kind): string {
  const { "countersign-assertion": _, ...names } = beyondFraming(reference);
  const values = new Map<string, string>();
  for (const [name, value] of wire.headers) {
    const [key, text] = [name.toLowerCase(), value.replace(/^[ \t]+|[ \t]+$/g, "")];
    if (key in names) values.set(key, values.has(key) ? `${values.get(key)}, ${text}` : text);
  }
  const session = names["mcp-session-id"];
  if (session !== undefined && values.has("mcp-session-id")) values.set("mcp-session-id", session);
  return essence({ ...wire, body: Buffer.from(wire.body), headers: [...values] }, tenant, profile);
}

/** What arrives while something is done, at any tenant's origin. */
async function arriving<T>(work: () => Promise<T>): Promise<[result: T, came: Arrival[]]> {
  const all = stage.tenants.map((tenant) => stage.scene.origin(tenant).arrivals);
  const before = all.map(({ length }) => length);
  const result = await work();
  return [result, all.flatMap((arrivals, i) => arrivals.slice(before[i]))];
}

test(`${CALLS * PER_CALL} mutants (seed ${SEED})`, { timeout: 60_000 + 20_000 * SIZE }, async () => {
  const random = randomOf(SEED);
  const { scene, kinds, tenants } = stage;
  const references = new Map<Kind, Arrival>();
  for (const kind of kinds) {
    const [answer, [reference]] = await arriving(async () => scene.send(await kind.make()));
    if (reference === undefined) throw new Error(`${kind.name}: ${told(answer)}`);
    references.set(kind, reference);
  }
  const essenceOf = (wire: Wire, kind: Kind) => expected(wire, references.get(kind) as Arrival, kind);

  const seen: Record<string, number> = {};
  const surprises: string[] = [];
  for (let call = 0; call < CALLS; call += 1) {
    const kind = kinds[call % kinds.length] as Kind;
    const otherKind = random.pick(kinds);
    const [honest, other] = [await kind.make(), await otherKind.make()];
    const [wanted, otherWanted] = [essenceOf(honest, kind), essenceOf(other, otherKind)];
    const mutants = Array.from({ length: PER_CALL }, (_, n) => mutate(call * 7 + n, honest, other, random));
    const [{ passed, last }, came] = await arriving(async () => ({
      passed: await sendAll(mutants, (mutant, short) => {
        seen[short] = (seen[short] ?? 0) + 1;
        if (/^5|^\D/.test(short)) surprises.push(`${kind.name}: ${mutant.name}: ${short}`);
        // Unless the profile is poc, what is a replay has verified in full: it must be the honest call as well.
        const isHonest =
          essenceOf(mutant.wire, kind) === wanted || essenceOf(mutant.wire, otherKind) === otherWanted;
        if (isVerified(short) && kind.profile !== "poc" && !isHonest) {
          surprises.push(`${kind.name}: ${mutant.name}: ${short}`);
        }
      }),
      last: told(await pool.exchange(toBytes(honest))),
    }));
    const story = `${kind.name}, then ${last}: ${passed.join("; ") || "nothing passed"}`;

    // The honest call, now or as a change that does no harm; perhaps the other one, which was put together again.
    const take = (one: string, of: Kind): boolean => {
      const at = came.findIndex((arrival) => arrived(arrival, of) === one);
      if (at >= 0) came.splice(at, 1);
      return at >= 0;
    };
    if (!take(wanted, kind)) surprises.push(`spent: ${story}`);
    take(otherWanted, otherKind);
    for (const arrival of came) surprises.push(`${arrived(arrival, kind)} arrived: ${story}`);
    if (!isVerified(last)) surprises.push(story);
  }
  expect(surprises, again).toEqual([]);

  // What the log calls admitted is what arrived.
  const reached = tenants.reduce((sum, tenant) => sum + scene.origin(tenant).arrivals.length, 0);
  const db = await scene.runtime.d1();
  const admissions = db.prepare("SELECT COUNT(*) AS n FROM audit_records WHERE verdict = 'admitted'");
  await expect.poll(() => admissions.first("n"), { timeout: 20_000 }).toBe(reached);
  // Or the changes would prove little.
  expect(Object.keys(seen).length, JSON.stringify(seen)).toBeGreaterThan(15);
  expect(CALLS * PER_CALL).toBeGreaterThan(WAYS * kinds.length);
});

/** Admitted, or found to be a replay, which is the last thing that is found. */
const isVerified = (short: string): boolean => /^20[02]$|^\d+ replay\./.test(short);

/** @returns what was verified */
async function sendAll(
  mutants: readonly Mutant[],
  note: (mutant: Mutant, short: string) => void,
): Promise<string[]> {
  const passed: string[] = [];
  await Promise.all(
    mutants.map(async (mutant) => {
      const answer = await pool.exchange(mutant.bytes).catch(String);
      const short = typeof answer === "string" ? answer : told(answer);
      note(mutant, short);
      if (isVerified(short)) passed.push(`${mutant.name}: ${short}`);
    }),
  );
  return passed;
}
