/** `npm run bench:micro`: what Countersign adds to the work that nobody can do without, as ratios. docs/benchmarks.md */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { quantile } from "../report/spread.ts";
import { table } from "../report/table.ts";
import { AFTER_STAGES } from "./after-stages.ts";
import { hold } from "./contests.ts";
import { BODY_KINDS, BODY_SIZES, HOSTILE_KINDS, HOSTILE_STEP } from "./json.ts";
import type { Times } from "./measure.ts";
import { POLICY_STEPS } from "./policy.ts";
import { SIGNATURE_ALGORITHMS } from "./signature.ts";
import { STAGES } from "./stages.ts";

const BUNDLE = join(import.meta.dirname, "../../dist/bench/micro/worker.js");
const SIGNATURE_TARGET = 1.25;
const JSON_TARGET = 3;

type Hold = (contest: string) => Promise<Times>;

interface Ratio {
  readonly value: number;
  /** Half of what lies between the quartiles of the rounds. */
  readonly spread: number;
}

const miniflare = new Miniflare(
  convertV4MiniflareOptions({
    cf: false,
    compatibilityDate: "2026-11-01",
    modules: [{ type: "ESModule", path: "worker.js", contents: await readFile(BUNDLE, "utf8") }],
  }),
);
try {
  const inWorkerd: Hold = async (contest) => {
    const response = await miniflare.dispatchFetch(`http://bench/?${new URLSearchParams({ contest })}`);
    if (!response.ok) throw new Error(await response.text());
    return (await response.json()) as Times;
  };
  await report("workerd", inWorkerd);
  await reportAfter(inWorkerd);
  await reportHostile(inWorkerd);
  await report(`Node ${process.versions.node}`, hold);
} finally {
  await miniflare.dispose();
}

async function report(runtime: string, held: Hold): Promise<void> {
  console.log(`\n== ${runtime}`);
  print(
    `(a) HTTP signature of profile agent, from headers to verdict / bare verify: target ${SIGNATURE_TARGET}`,
    ["", "ratio", "bare verify, µs"],
    await signatureRows(held),
  );
  print(
    `(b) strict JSON, from text to value / JSON.parse: target ${JSON_TARGET}`,
    ["", ...BODY_SIZES.map((bytes) => `${bytes / 1000} KB`)],
    await bodyRows(held),
  );
  await printSteps("(c) a rule and a schema of a policy", held, "policy", POLICY_STEPS);
  await printSteps("(d) the stages of the gate before the ledger is asked", held, "stages", STAGES);
}

async function signatureRows(held: Hold): Promise<string[][]> {
  const rows: string[][] = [];
  for (const alg of SIGNATURE_ALGORITHMS) {
    const times = await held(`signature ${alg}`);
    rows.push([alg, show(ratioOf(times, "whole", "bare")), microseconds(times, "bare")]);
  }
  return rows;
}

/** And at the end, of all cells, mean and maximum. */
async function bodyRows(held: Hold): Promise<string[][]> {
  const rows: string[][] = [];
  const all: number[] = [];
  for (const kind of BODY_KINDS) {
    const ratios: Ratio[] = [];
    for (const bytes of BODY_SIZES) {
      ratios.push(ratioOf(await held(`json ${kind} ${bytes}`), "strict", "parse"));
    }
    rows.push([kind, ...ratios.map(show)]);
    all.push(...ratios.map(({ value }) => value));
  }
  const mean = Math.exp(all.reduce((sum, value) => sum + Math.log(value), 0) / all.length);
  return [...rows, ["geometric mean", mean.toFixed(2)], ["highest", Math.max(...all).toFixed(2)]];
}

/** Node has no streams that make digests. */
async function reportAfter(held: Hold): Promise<void> {
  await printSteps("(e) the stages from the question to the ledger on", held, "stages after", AFTER_STAGES);
}

/** That no text takes more than its length. It says the same in both runtimes, which have one engine. */
async function reportHostile(held: Hold): Promise<void> {
  const rows: string[][] = [];
  for (const kind of HOSTILE_KINDS) {
    const { value, spread } = ratioOf(await held(`hostile ${kind}`), "long", "short");
    rows.push([kind, show({ value: value / HOSTILE_STEP, spread: spread / HOSTILE_STEP })]);
  }
  print(
    `strict JSON over hostile texts, ${HOSTILE_STEP} times as long: time per character, 1 where it is linear`,
    ["", "ratio"],
    rows,
  );
}

async function printSteps(
  title: string,
  held: Hold,
  contest: string,
  names: readonly string[],
): Promise<void> {
  const times = await held(contest);
  print(
    title,
    ["", "µs"],
    names.map((name) => [name, microseconds(times, name)]),
  );
}

function print(title: string, head: readonly string[], rows: readonly (readonly string[])[]): void {
  console.log(`\n${title}\n\n${table(head, rows)}`);
}

/** The lower quartile. */
function microseconds(times: Times, name: string): string {
  return (quantile(times[name] ?? [], 0.25) / 1000).toFixed(1);
}

/**
 * The quotient of the lower quartiles, because neighbours on the machine only ever add to a time; and how far the
 * quotients of single rounds lie apart.
 */
function ratioOf(times: Times, dividend: string, divisor: string): Ratio {
  const [above = [], below = []] = [times[dividend], times[divisor]];
  const ofRounds = above.map((time, round) => time / (below[round] ?? Number.NaN));
  return {
    value: quantile(above, 0.25) / quantile(below, 0.25),
    spread: (quantile(ofRounds, 0.75) - quantile(ofRounds, 0.25)) / 2,
  };
}

function show({ value, spread }: Ratio): string {
  return `${value.toFixed(2)} ±${spread.toFixed(2)}`;
}
