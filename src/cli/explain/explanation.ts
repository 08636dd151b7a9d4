/** What is said of a request: one line for each check, and what its sender would get. */

import type { Gate } from "../../policy/gate-names.ts";
import type { Reason } from "../../reasons.ts";

export interface Explanation {
  readonly lines: readonly Line[];
  readonly end: End;
}

/** One check. */
export interface Line {
  /** As `gate.ts` numbers them. */
  readonly stage: number;
  /** As the tenant document names those of the policy. */
  readonly gate: Gate | "request" | "tenant" | "message";
  readonly check: string;
  readonly verdict: Verdict;
  /** Why, where it did not pass. */
  readonly reason: Reason | null;
  readonly note: string | null;
}

/**
 * `observed`: it would be refused, if the tenant did more than look. `not reached`: an earlier check leaves nothing to judge. `not asked`:
 * what only the deployment can know.
 */
export type Verdict = "passed" | "refused" | "observed" | "not reached" | "not asked";

/** What the sender would get, as far as it can be told here. */
export type End =
  | { readonly kind: "admitted" }
  /** Passed on, with this reason in the log. */
  | { readonly kind: "observed"; readonly reason: Reason | null }
  /** Answered without evidence: a preflight question, what the tenant publishes, a page for people. */
  | { readonly kind: "answered" }
  | {
      readonly kind: "refused";
      readonly reason: Reason;
      readonly status: number;
      /** The reason that the sender is told; null where the form of the answer has none. */
      readonly shown: string | null;
    }
  /** The check that the deployment alone can make refused here. */
  | { readonly kind: "unknown"; readonly note: string };

/** For people: columns. */
export function toText({ lines, end }: Explanation, helpOf: (reason: Reason) => string): readonly string[] {
  const rows = lines.map(({ stage, gate, check, verdict, reason, note }) => {
    const why = [reason === null ? null : `${reason}: ${helpOf(reason)}`, note].filter(
      (part) => part !== null,
    );
    return [String(stage), gate, check, verdict, why.join(" ")] as const;
  });
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return [
    ...rows.map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    ),
    "",
    sentence(end),
  ];
}

function sentence(end: End): string {
  switch (end.kind) {
    case "admitted":
      return "admitted, if nothing that was not asked refuses it";
    case "observed":
      return `observed, and passed on, if nothing that was not asked refuses it: ${end.reason} is written into the log`;
    case "answered":
      return "answered without evidence; nothing is passed on";
    case "refused":
      return `refused: ${end.status} ${end.shown ?? "tool result with isError"}${end.shown === end.reason ? "" : ` (in the log: ${end.reason})`}`;
    case "unknown":
      return `cannot be told: ${end.note}`;
  }
}
