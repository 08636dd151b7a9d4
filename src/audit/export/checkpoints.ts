/** The checkpoints of an export: signed, without a gap, each with the heads that its root is over. */

import { EXPORT_CLOCK_SLACK_MS } from "../../limits.ts";
import { fail, ok, type Result } from "../../result.ts";
import type { AttestationKey } from "../../tenant/tenant.ts";
import { type CheckpointClaims, type Head, linkTo, rootOf, verifyCheckpoint } from "../checkpoint.ts";
import { executionKeys } from "../receipts/verify.ts";
import { GENESIS } from "../record.ts";
import type { ExportClaims, Line } from "./format.ts";
import { contentOf, type Means } from "./means.ts";
import { about, type Finding, general, type Problem } from "./report.ts";
import { type Heads, headsByChain } from "./spans.ts";

/** What is known from the lines before the first record. */
export interface Known {
  readonly claims: ExportClaims;
  /** For SEP-2828 records of every public URL that the tenant had. */
  readonly executionKeys: ReadonlyMap<string, AttestationKey>;
  /** How many checkpoints there were, and the last one. */
  readonly count: number;
  readonly previous: { readonly number: number; readonly link: string } | null;
  /** The heads of the last one that has them, and of the three that the records are between. */
  readonly heads: Heads | null;
  readonly base: Heads | null;
  readonly last: Heads | null;
  readonly latest: Heads | null;
  /** By chain and number, the hashes that checkpoints say. Grows in place. */
  readonly hashes: Map<string, Map<number, string>>;
  readonly findings: readonly Finding[];
}

export async function beginCheckpoints(claims: ExportClaims, { jwks }: Means): Promise<Known> {
  return {
    claims,
    executionKeys: await executionKeys(claims.iss, jwks),
    count: 0,
    previous: null,
    heads: null,
    base: null,
    last: null,
    latest: null,
    hashes: new Map(),
    findings: claims.unknown.map((place) => ({ kind: "unknown", ...place })),
  };
}

/** The number that the next checkpoint must have; null where all were there. */
export function nextNumber({ previous, claims: { base, last, latest } }: Known): number | null {
  if (previous === null) return base ?? 1;
  if (previous.number < last.number) return previous.number + 1;
  return previous.number < latest.number ? latest.number : null;
}

export async function takeCheckpoint(
  known: Known,
  { jws, heads: listed }: Extract<Line, { kind: "checkpoint" }>,
  means: Means,
): Promise<Result<Known, Problem>> {
  const verified = await verifyCheckpoint(jws, means.keys);
  if (!verified.ok) return wrong(`the checkpoint is not one that these keys have signed (${verified.error})`);
  const checkpoint = verified.value;
  const { number } = checkpoint;
  const expected = nextNumber(known);
  if (number !== expected) {
    return wrong(
      expected === null
        ? `checkpoint ${number} does not belong here`
        : `checkpoint ${expected} is missing here, or out of its place`,
    );
  }
  const link = await linkTo(jws);
  const misfit = statementFault(known, checkpoint, link);
  if (misfit !== null) return wrong(`checkpoint ${number} ${misfit}`);
  const content = await contentOf(jws);
  if (means.checkpoints.get(number)?.some((held) => held.content !== content))
    return wrong(`checkpoint ${number} is not the one that somebody else holds: there are two`);

  const { claims } = known;
  const next: Known = {
    ...known,
    executionKeys:
      checkpoint.iss === claims.iss
        ? known.executionKeys
        : new Map([...known.executionKeys, ...(await executionKeys(checkpoint.iss, means.jwks))]),
    count: known.count + 1,
    previous: { number, link },
    findings: [...known.findings, ...newFindings(known.findings, checkpoint)],
  };
  if (number < claims.retained) {
    return listed === null ? ok(next) : wrong(`checkpoint ${number} has heads, which are not kept any more`);
  }
  if (listed === null) return wrong(`checkpoint ${number} lacks its heads`);
  const fault = (await treeFault(checkpoint, listed)) ?? headsFault(known, listed);
  if (fault !== null) return fail({ ...fault, problem: `checkpoint ${number}: ${fault.problem}` });
  const heads = headsByChain(listed);
  return ok({
    ...next,
    heads,
    base: number === claims.base ? heads : known.base,
    last: number === claims.last.number ? heads : known.last,
    latest: number === claims.latest.number ? heads : known.latest,
  });
}

/** What is wrong with what a checkpoint says of itself. */
function statementFault(
  { claims, previous }: Known,
  { number, tenant, iss, time, prev, retained }: CheckpointClaims,
  link: string,
): string | null {
  const { base, last, latest, from, to } = claims;
  if (tenant !== claims.tenant) return "is another tenant's";
  if (previous !== null && number === previous.number + 1 && prev !== previous.link)
    return "does not follow the one before it";
  if (number === last.number && link !== last.digest) return "is not the one that the export was made for";
  if (number === latest.number) {
    if (link !== latest.digest) return "is not the one that the export was made for";
    if (iss !== claims.iss || retained !== claims.retained) return "and the first line contradict each other";
  }
  if (number === base && from !== null && time > from - EXPORT_CLOCK_SLACK_MS)
    return "is too late for an export to begin with it";
  const isEnd = number === last.number && number !== latest.number && to !== null;
  return isEnd && time < to + EXPORT_CLOCK_SLACK_MS ? "is too early for an export to end with it" : null;
}

/** What is wrong with heads as the leaves of a checkpoint's tree. */
async function treeFault({ size, root }: CheckpointClaims, heads: readonly Head[]): Promise<Problem | null> {
  if (heads.length !== size) return general(`it is over ${size} heads, not ${heads.length}`);
  const unsorted = heads.find(({ chain }, i) => i > 0 && chain <= (heads[i - 1]?.chain ?? ""));
  if (unsorted !== undefined) return about(unsorted, "the heads are not in the order of their chains");
  return (await rootOf(heads)) === root ? null : general("its root is not that of these heads");
}

/** What is wrong with heads behind those of earlier checkpoints, whose hashes are noted. */
function headsFault({ heads: before, hashes }: Known, heads: readonly Head[]): Problem | null {
  const chains = new Set(heads.map(({ chain }) => chain));
  const dropped = [...(before?.values() ?? [])].find(({ chain }) => !chains.has(chain));
  if (dropped !== undefined) return about(dropped, "a chain that was there before is not there");
  for (const head of heads) {
    const { chain, seq, hash, start, start_prev } = head;
    const earlier = before?.get(chain);
    if (start < 1 || start > seq + 1) return about(head, "it begins behind its end");
    if (earlier && seq < earlier.seq) return about(head, "the chain is shorter than before");
    if (earlier && start < earlier.start) return about(head, "it begins earlier than before");
    const ofChain = hashes.get(chain) ?? new Map([[0, GENESIS]]);
    hashes.set(chain, ofChain);
    const said = [
      { chain, seq, hash },
      { chain, seq: start - 1, hash: start_prev },
    ];
    for (const place of said) {
      if ((ofChain.get(place.seq) ?? place.hash) !== place.hash)
        return about(place, "it contradicts itself or an earlier one");
      ofChain.set(place.seq, place.hash);
    }
  }
  return null;
}

/** A chain that is lost or forked stays so: it is told once. */
function newFindings(told: readonly Finding[], { number, faults }: CheckpointClaims): Finding[] {
  if (faults.length === 0) return [];
  const known = new Set(told.map(({ kind, chain }) => `${kind} ${chain}`));
  return faults
    .filter(({ chain, fault }) => !known.has(`${fault} ${chain}`))
    .map(({ chain, fault }) => ({ kind: fault, chain, checkpoint: number }));
}

const wrong = (problem: string) => fail(general(problem));
