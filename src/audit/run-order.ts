/** Whether the steps of a run can have happened in the order in which their ledgers wrote them down. */

/** A step at its place in the chain of its ledger. */
export interface PlacedStep {
  readonly jti: string;
  readonly chain: StepChain;
  readonly seq: number;
  /** The last step of each other chain that it follows; null for none. */
  after: readonly PlacedStep[] | null;
}

/** The steps of one chain. */
export interface StepChain {
  readonly steps: PlacedStep[];
}

type Queue = readonly PlacedStep[];

/**
 * Notes that a step follows another. Of one chain only the last matters: it comes after the others.
 *
 * @returns false where both are of one chain and the parent was not written down before
 */
export function putAfter(step: PlacedStep, parent: PlacedStep): boolean {
  if (parent.chain === step.chain) return parent.seq < step.seq;
  const others = step.after ?? [];
  const last = others.find(({ chain }) => chain === parent.chain);
  if (last === undefined || last.seq < parent.seq)
    step.after = [...others.filter((other) => other !== last), parent];
  return true;
}

/**
 * Looks for one order of all steps in which those of a chain stand as they were written down, and each after those that it
 * follows. A ledger takes a step only when its parents are written, so there is one. Linear in the number of steps.
 *
 * @returns the first step of each chain that nothing can come before, with one that it follows; empty where there is an order
 */
export function outOfOrder(
  chains: Iterable<StepChain>,
): readonly { readonly step: PlacedStep; readonly parent: PlacedStep }[] {
  const queues: readonly Queue[] = [...chains].map(({ steps }) => steps.toSorted((a, b) => a.seq - b.seq));
  const placed = new Set<PlacedStep>();
  const missing = ({ after }: PlacedStep) => after?.find((parent) => !placed.has(parent));
  /** How many of each queue are placed, and the queues that wait for a step. */
  const heads = new Map<Queue, number>();
  const waiting = new Map<PlacedStep, Queue[]>();
  const ready: Queue[] = [...queues];
  for (let queue = ready.pop(); queue !== undefined; queue = ready.pop()) {
    let head = heads.get(queue) ?? 0;
    for (let step = queue[head]; step !== undefined; step = queue[head]) {
      const parent = missing(step);
      if (parent !== undefined) {
        waiting.set(parent, [...(waiting.get(parent) ?? []), queue]);
        break;
      }
      placed.add(step);
      head += 1;
      ready.push(...(waiting.get(step) ?? []));
      waiting.delete(step);
    }
    heads.set(queue, head);
  }
  return queues.flatMap((queue) => {
    const step = queue[heads.get(queue) ?? 0];
    const parent = step && missing(step);
    return step && parent ? [{ step, parent }] : [];
  });
}
