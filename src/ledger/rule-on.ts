import { isForwarded } from "../audit/record.ts";
import { MAX_JOURNAL_BACKLOG, MAX_OPEN_CALLS } from "../limits.ts";
import type { Denials } from "./denials.ts";
import { rulingOf, unwritten } from "./drafts.ts";
import { type Judgement, judge } from "./judge.ts";
import { type Attempt, isQuestion, type Question, type Ruling } from "./protocol.ts";
import type { State } from "./state.ts";

/** A judgement that is to be written before it is answered, or what is answered without writing anything. */
export type Decided =
  | { readonly kind: "new"; readonly judgement: Judgement }
  | { readonly kind: "answered"; readonly answer: Ruling | Question };

/**
 * Rules on an attempt: judges it, unless that was done before, and sees whether there is room to write that down.
 *
 * @param again whether an earlier try of the same attempt may have been ruled on
 * @param now milliseconds, of the journal's own clock
 */
export function ruleOn(
  attempt: Attempt,
  state: State,
  denials: Denials,
  again: boolean,
  now: number,
): Decided {
  const { journal, open, holdings, since } = state;
  const earlier = again ? journal.find(attempt.decision) : null;
  if (earlier !== null) return answered(rulingOf(earlier, attempt));

  const held = { ...holdings, since, now: Math.floor(now / 1000), newRunId: journal.seq + 1 };
  const judgement = judge(attempt, held);
  if (isQuestion(judgement)) return answered(judgement);
  const { ruling, repeated, run } = judgement;
  if (repeated) {
    const written = journal.find(attempt.decision);
    return answered(written === null ? { ...ruling, place: null } : rulingOf(written, attempt));
  }
  const hasRoom = journal.backlog < MAX_JOURNAL_BACKLOG;
  if (isForwarded(ruling.verdict)) {
    if (!hasRoom) return answered(unwritten("ledger.backlog_full"));
    if (open.size >= MAX_OPEN_CALLS) return answered(unwritten("ledger.overloaded"));
  } else {
    const denial = { spendsStep: run !== null, standsFor: 1 + (attempt.facts.count ?? 0), now, hasRoom };
    if (!denials.admits(denial)) return answered({ ...ruling, place: null, stepRecorded: false });
  }
  return { kind: "new", judgement };
}

const answered = (answer: Ruling | Question): Decided => ({ kind: "answered", answer });
