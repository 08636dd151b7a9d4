/** The graph of a run, as the audit log has it: judged anew, from the records alone. Cost and memory grow with its steps. */

import type { ParentPolicy } from "../ledger/step.ts";
import { CLOCK_SKEW, MAX_RUN_FAULTS } from "../limits.ts";
import type { OwnedRecord, Run, RunFault, RunFaultKind, RunMandate, RunRecord } from "./run.ts";
import { outOfOrder, type PlacedStep, putAfter, type StepChain } from "./run-order.ts";

export interface RunQuestion {
  /** Which principals the answer may show; what is wrong with the others makes the run no less malformed. */
  readonly shows: (principal: string) => boolean;
  /** What the tenant document of this revision asks of parents: what an earlier one asked for is not known. */
  readonly asks: ParentPolicy & { readonly revision: string };
}

export interface RunGraph {
  /** Takes each decision of the run once, in any order. */
  add(decision: RunRecord): void;
  /** Takes each record of the run once, the earliest first. */
  addRecord(taken: OwnedRecord): void;
  /** The run, once all of it was added. */
  judge(): Run;
}

interface Mandate extends RunMandate {
  readonly principal: string;
  readonly decision: string;
  /** Whether a step was taken under it. */
  readonly used: boolean;
}

interface Step extends PlacedStep {
  readonly iat: number;
  readonly level: number;
  readonly denied: boolean;
  readonly decision: string;
  readonly principal: string;
}

/** What names parents. */
interface Child {
  readonly jti: string;
  /** `iat` of a step, `exec_ts` of a record. */
  readonly at: number;
  readonly iss: string;
  readonly decision: string;
  readonly principal: string;
  /** Null for a record. */
  readonly step: Step | null;
  readonly revision: string | null;
}

interface Edge {
  readonly child: Child;
  readonly parent: string;
  /** Whether the ledgers of others have confirmed it. */
  readonly isConfirmed: boolean;
}

export function newRunGraph({ shows, asks }: RunQuestion): RunGraph {
  const chains = new Map<string, StepChain>();
  const mandates = new Map<string, Mandate>();
  const steps = new Map<string, Step>();
  const records = new Map<string, OwnedRecord>();
  const repeats: OwnedRecord[] = [];
  /** Edges whose parent was not there yet. */
  const open: Edge[] = [];
  const foreign = new Set<string>();
  const faults: RunFault[] = [];
  let isFaulty = false;

  const note = (
    fault: RunFaultKind,
    { jti, decision, principal }: Pick<Child, "jti" | "decision" | "principal">,
    parent: string | null = null,
  ): void => {
    isFaulty = true;
    if (shows(principal) && faults.length < MAX_RUN_FAULTS) faults.push({ fault, jti, parent, decision });
  };

  function addRecord(taken: OwnedRecord): void {
    const key = keyOf(taken.iss, taken.jti);
    if (records.has(key)) repeats.push(taken);
    else records.set(key, taken);
  }

  function add({ evidence, mandate: name, ...record }: RunRecord): void {
    const [iss = "", jti = ""] = JSON.parse(name ?? "[]") as string[];
    const ect = evidence?.ect ?? null;
    if (evidence?.mandate) addMandate({ iss, jti, ...evidence.mandate }, record, ect?.joined === true);
    if (!ect?.joined) return;
    const { decision, principal, seq, verdict, revision } = record;
    if (steps.has(ect.jti)) {
      note("jti_repeated", { jti: ect.jti, decision, principal });
      return;
    }
    const chain = chains.get(record.chain) ?? { steps: [] };
    chains.set(record.chain, chain);
    const { iat, level } = ect;
    const place = { jti: ect.jti, chain, seq, after: null };
    const step: Step = { ...place, iat, level, denied: verdict === "denied", decision, principal };
    steps.set(step.jti, step);
    chain.steps.push(step);
    const child: Child = { jti: step.jti, at: iat, iss, decision, principal, step, revision };
    for (const parent of new Set(ect.pred)) {
      const edge = { child, parent, isConfirmed: ect.foreign.includes(parent) };
      if (!follow(edge)) open.push(edge);
    }
  }

  function addMandate(
    mandate: RunMandate,
    { decision, principal }: Pick<RunRecord, "decision" | "principal">,
    isUsed: boolean,
  ): void {
    const key = keyOf(mandate.iss, mandate.jti);
    const known = mandates.get(key);
    if (known === undefined || (isUsed && !known.used)) {
      mandates.set(key, { ...mandate, decision, principal, used: isUsed });
    } else if (isUsed && known.digest !== mandate.digest) {
      note("mandate_changed", { jti: mandate.jti, decision, principal });
    }
  }

  /** Whether the parent is there; if it is, it is looked at. */
  function follow({ child, parent }: Edge): boolean {
    const mandate = mandates.get(keyOf(child.iss, parent));
    if (mandate !== undefined) {
      // Two clocks are at work, the issuer's and the agent's, and each may be wrong by the skew.
      if (child.at < mandate.iat - 2 * CLOCK_SKEW) noteLater(child, parent);
      return true;
    }
    const step = steps.get(parent);
    if (step === undefined) return false;
    if (child.at < step.iat - CLOCK_SKEW) noteLater(child, parent);
    if (shows(child.principal) && !shows(step.principal)) foreign.add(parent);
    if (child.step !== null) followStep(child, child.step, step);
    return true;
  }

  const noteLater = (child: Child, parent: string): void =>
    note(child.step === null ? "record_too_early" : "parent_later", child, parent);

  function followStep({ revision, ...child }: Child, step: Step, parent: Step): void {
    if (revision === asks.revision) {
      if (parent.denied && !asks.denied) note("parent_denied", child, parent.jti);
      if (parent.level < asks.level) note("parent_level", child, parent.jti);
    }
    if (!putAfter(step, parent)) note("cycle", child, parent.jti);
  }

  function judge(): Run {
    const named = nameMandates();
    for (const edge of open) if (!follow(edge)) judgeOpen(edge, named);
    for (const taken of records.values()) judgeRecord(taken);
    for (const repeat of repeats) note("record_repeated", repeat);
    for (const { step, parent } of outOfOrder(chains.values())) {
      const late = steps.get(step.jti);
      if (late !== undefined) note("cycle", late, parent.jti);
    }
    const shown = (of: Pick<RunRecord, "principal">) => shows(of.principal);
    return {
      mandates: [...mandates.values()]
        .filter(shown)
        .map(({ iss, jti, digest, iat, exp }) => ({ iss, jti, digest, iat, exp })),
      records: [...records.values(), ...repeats].filter(shown).map(({ principal: _, ...taken }) => taken),
      foreign: [...foreign],
      wellFormed: !isFaulty,
      faults,
    };
  }

  /** The mandates with steps, by their `jti` alone, which nothing else of the run may have. */
  function nameMandates(): ReadonlyMap<string, Mandate> {
    const named = new Map<string, Mandate>();
    for (const mandate of mandates.values()) {
      if (!mandate.used) continue;
      if (steps.has(mandate.jti) || named.has(mandate.jti)) note("jti_repeated", mandate);
      named.set(mandate.jti, mandate);
    }
    return named;
  }

  /** A parent that is no step of the run and no mandate of the child's issuer. */
  function judgeOpen({ child, parent, isConfirmed }: Edge, named: ReadonlyMap<string, Mandate>): void {
    const owner = named.get(parent)?.principal;
    if (!isConfirmed) note("parent_unknown", child, parent);
    else if (shows(child.principal) && (owner === undefined || !shows(owner))) foreign.add(parent);
  }

  function judgeRecord({ iss, jti, pred, exec_ts: at, decision, principal }: OwnedRecord): void {
    const child: Child = { jti, at, iss, decision, principal, step: null, revision: null };
    for (const parent of new Set(pred))
      if (!follow({ child, parent, isConfirmed: false })) note("record_step_unknown", child, parent);
  }

  return { add, addRecord, judge };
}

const keyOf = (iss: string, jti: string): string => JSON.stringify([iss, jti]);
