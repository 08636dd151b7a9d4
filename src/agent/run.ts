import { MAX_PRED } from "../limits.ts";
import { type Mandate, readMandate } from "./mandate.ts";

/** One ECT that was sent. */
export interface Step {
  readonly jti: string;
  readonly pred: readonly string[];
  /** Whether later steps name it: true for tool calls. */
  readonly joins: boolean;
}

/** What one agent does under one mandate, or under several that follow each other: knows what the next ECT names. */
export interface Run {
  /** The current one. */
  readonly mandate: Mandate;
  /**
   * The `pred` of the next ECT. It is fixed when a call leaves: calls in flight together do not name each other, and
   * the next one names them all, so parallel work shows as a fork.
   *
   * A session call (everything but `tools/call`) names the mandate alone and is never named. It would otherwise put
   * a keep-alive between two steps that have nothing to do with it, and the graph would show the chatter of the
   * client, not the work.
   *
   * What a tool call would name is also what an agent is told that goes on with the work under a mandate handed on by
   * this one: its `startRun` takes it as `parents`.
   *
   * @param joins true for a tool call
   */
  pred(joins: boolean): readonly string[];
  /**
   * Takes note of an answer. A step joins only where `Countersign-Ect: recorded` says that the verifier keeps it: it
   * may do so for a call it denied, and a step it does not know would make every later call fail.
   *
   * @param step null for a message without ECT
   */
  answered(step: Step | null, response: { readonly headers: Pick<Headers, "get"> }): void;
  /**
   * Goes on under a new mandate, for instance before the current one expires.
   *
   * @throws TypeError unless issuer and `wid` are the same: else it would be another run
   */
  renew(mandate: string): void;
}

/** Which of the recorded steps the next one names. */
export type Predecessors = "frontier" | "all";

/**
 * Starts a run. All its calls are signed with one key: the verifier keeps what each key of an agent did where that
 * key's lane is.
 *
 * @param mandate a compact JWS
 * @param options.predecessors `frontier` (the default) names the recorded steps that no recorded step has named
 *   yet, so `pred` stays short however long the run; what is beyond the most a verifier reads is named by the step
 *   after. `all` names every recorded step, in order of answer: a verifier reads 255 of them.
 * @param options.parents what the first steps of this run follow, where the mandate was handed on by another agent: its
 *   mandate and recorded steps, as the `pred(true)` of its run says. A verifier takes none but those of agents that the
 *   mandate has come through.
 * @example
 * import { generateSigner, mintMandate, startRun } from "countersign/agent";
 *
 * const { signer } = await generateSigner({ alg: "ES256" });
 * const [iss, sub, aud] = ["https://issuer.example", "agent:researcher", "https://mcp.example/mcp"];
 * const run = startRun(await mintMandate({ signer, iss, sub, aud, purpose: "Search", actions: ["mcp.search"] }));
 * run.pred(true); // [run.mandate.jti]
 */
export function startRun(
  mandate: string,
  options: { readonly predecessors?: Predecessors; readonly parents?: readonly string[] } = {},
): Run {
  const namesAll = options.predecessors === "all";
  let current = readMandate(mandate);
  /** What others have done, then in order of answer. */
  const nameable = new Set<string>(options.parents);
  return {
    get mandate() {
      return current;
    },
    pred(joins) {
      if (!joins) return [current.jti];
      const named = [...new Set([current.jti, ...nameable])];
      return namesAll ? named : named.slice(0, MAX_PRED);
    },
    answered(step, { headers }) {
      if (!step?.joins || headers.get("countersign-ect") !== "recorded") return;
      if (!namesAll) for (const parent of step.pred) nameable.delete(parent);
      nameable.add(step.jti);
    },
    renew(token) {
      const next = readMandate(token);
      if (next.wid === null || next.wid !== current.wid || next.iss !== current.iss) {
        throw new TypeError("a run goes on only under a mandate of the same issuer with the same wid");
      }
      current = next;
    },
  };
}
