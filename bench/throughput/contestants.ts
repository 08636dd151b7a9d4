/** Who is compared, and what the ratios between them should be. */

import type { Profile } from "../harness/world.ts";
import type { Bound } from "../report/verdict.ts";
import type { Measure } from "./figures.ts";
import type { StackName } from "./stacks.ts";

interface Entry {
  readonly letter: string;
  readonly title: string;
  readonly stack: StackName;
  /** Of the calls that it is sent. */
  readonly profile: Profile;
}

/** In the order in which they take their turns in the first round. The floor and Countersign are one process each, whatever they are sent. */
export const ENTRIES = {
  passthrough: { letter: "(a)", title: "passthrough", stack: "passthrough", profile: "full" },
  floor: { letter: "(b)", title: "floor", stack: "floor", profile: "full" },
  full: { letter: "(c)", title: "Countersign, full", stack: "countersign", profile: "full" },
  node: { letter: "(e)", title: "Node", stack: "node", profile: "full" },
  floorAttested: { letter: "(b')", title: "floor, attested", stack: "floor", profile: "attested" },
  attested: { letter: "(d)", title: "Countersign, attested", stack: "countersign", profile: "attested" },
} as const satisfies Record<string, Entry>;

export type Contestant = keyof typeof ENTRIES;

export const CONTESTANTS = Object.keys(ENTRIES) as Contestant[];

interface Target {
  readonly measure: Measure;
  readonly above: Contestant;
  readonly below: Contestant;
  /** What the ratio may be. */
  readonly bound: Bound;
}

export const TARGETS = {
  throughputFullToFloor: { measure: "throughput", above: "full", below: "floor", bound: { atLeast: 0.9 } },
  throughputAttestedToFloor: {
    measure: "throughput",
    above: "attested",
    below: "floorAttested",
    bound: { atLeast: 0.85 },
  },
  p50FullToFloor: { measure: "p50", above: "full", below: "floor", bound: { atMost: 1.15 } },
  p99FullToFloor: { measure: "p99", above: "full", below: "floor", bound: { atMost: 1.3 } },
  throughputFullToNode: { measure: "throughput", above: "full", below: "node", bound: { atLeast: 1 } },
} as const satisfies Record<string, Target>;

export type RatioName = keyof typeof TARGETS;

export const RATIOS = Object.keys(TARGETS) as RatioName[];
