import type { Call, Target } from "../make/call.ts";
import { makeCall, mandateOf } from "../make/call.ts";
import {
  admitted,
  type CaseOptions,
  type Draft,
  denied,
  NOW,
  refused,
  type Sent,
  sent,
  type Topic,
} from "../make/case.ts";
import { key } from "../make/keys.ts";
import { makeToken } from "../make/tokens.ts";

const COUNTED = "Countersign profile, ECT and runs: counted calls";
const RUNS = "Countersign profile, Runs of several agents";

/** Who can hand a mandate on, and to whom. `carol` is of these cases alone. */
const PEOPLE = {
  ada: { sub: "agent:ada", ectIss: "agent:ada", key: "ada" },
  bob: { sub: "agent:bob", ectIss: "spiffe://example.com/bob", key: "bob" },
  carol: { sub: "agent:carol", ectIss: "agent:carol", key: "stranger" },
} as const;

type Name = keyof typeof PEOPLE;

interface Handed {
  /** From hand to hand; the last one calls. The first has `mandate-1`, the second `mandate-2`, and so on. */
  readonly through: readonly [Name, ...Name[]];
  /** Beside the mandate. */
  readonly pred?: readonly string[];
  /** Claims of all mandates. */
  readonly claims?: Record<string, unknown>;
  /** The first mandate's jti, where it is not `mandate-1`. */
  readonly root?: string;
  /** Claims of the ECT. */
  readonly ect?: Record<string, unknown>;
  readonly call?: Call;
}

/** The last mandate of the chain, and its jti. */
async function handOn(target: Target, { through, claims, root = "mandate-1" }: Handed) {
  const [first, ...others] = through;
  const del = (depth: number) => ({ depth, max_depth: 3 });
  let jti = root;
  let token = await mandateOf(target, PEOPLE[first].sub, { claims: { jti, ...claims, del: del(0) } });
  let from: Name = first;
  for (const [i, to] of others.entries()) {
    jti = `mandate-${i + 2}`;
    token = await makeToken("act+jwt", PEOPLE[from].key, {
      iss: PEOPLE[from].sub,
      sub: PEOPLE[to].sub,
      aud: target.url,
      iat: target.begun,
      exp: target.begun + 900,
      jti,
      task: { purpose: "A part of it" },
      cap: [{ action: "mcp.search" }],
      ...claims,
      del: { ...del(i + 1), parent: token },
    });
    from = to;
  }
  return { token, jti };
}

const calling =
  (handed: Handed): Sent =>
  async (target) => {
    const { token, jti } = await handOn(target, handed);
    const { ectIss, key: by } = PEOPLE[handed.through.at(-1) ?? "ada"];
    return makeCall(target, {
      ...handed.call,
      mandate: { token: () => token },
      ect: { by, claims: { iss: ectIss, pred: [jti, ...(handed.pred ?? [])], ...handed.ect } },
      signature: { by },
    });
  };

/** ada's own step, and what bob does under a mandate of hers. */
const adas = (more: Omit<Handed, "through"> = {}): Sent => calling({ through: ["ada"], ...more });
const bobs = (...pred: readonly string[]): Sent => calling({ through: ["ada", "bob"], pred });

function delegating(document: Draft): void {
  document.act = { delegation: { maxDepth: 3 } };
  document.agents.push({
    name: "carol",
    subjects: ["agent:carol"],
    keys: [{ jwk: key("stranger").publicJwk }],
  });
  document.issuers[0]?.agents.push("carol");
  document.policy?.grants?.[0]?.agents?.push("carol");
}

/** ada's second key has a lane of its own. */
function inTwoLanes(document: Draft): void {
  delegating(document);
  const ada = document.agents[0];
  if (ada === undefined) throw new Error("ada is the first agent");
  delete ada.attestations;
  for (const one of ada.keys ?? []) one.lane = one.jwk.kid === "ada-2" ? 7 : 0;
}

const chained = (...before: NonNullable<CaseOptions["before"]>): CaseOptions => ({
  change: delegating,
  before,
});

const NOT_RECORDED = { headers: { "countersign-ect": "not-recorded" } };
const RECORDED = { headers: { "countersign-ect": "recorded" } };
const WORKFLOW = { wid: "workflow-1" };

export const workflows: Topic = {
  name: "workflows",
  title: "Runs of several agents",
  cases: [
    admitted(
      "delegators-step",
      "A step of the agent that handed the mandate on",
      RUNS,
      bobs("ect-1"),
      chained(sent(adas())),
    ),
    admitted(
      "in-workflow",
      "The same in a workflow",
      RUNS,
      calling({ through: ["ada", "bob"], pred: ["ect-1"], claims: WORKFLOW, ect: WORKFLOW }),
      chained(sent(adas({ claims: WORKFLOW }))),
    ),
    admitted(
      "delegators-mandate",
      "The mandate that the presented one was derived from",
      RUNS,
      bobs("mandate-1"),
      chained(),
    ),
    admitted(
      "three",
      "Steps and mandates of two agents before",
      RUNS,
      calling({ through: ["ada", "bob", "carol"], pred: ["mandate-1", "mandate-2", "ect-1", "ect-2"] }),
      chained(sent(adas()), sent(bobs("ect-1"))),
    ),
    admitted(
      "own-and-others",
      "A step of one's own beside one of the agent before",
      RUNS,
      bobs("ect-1", "ect-2"),
      chained(sent(adas()), sent(bobs())),
    ),
    admitted(
      "back-again",
      "The agent that the mandate comes back to, after its own earlier step",
      RUNS,
      calling({ through: ["ada", "bob", "ada"], pred: ["ect-1"] }),
      chained(sent(adas())),
    ),
    admitted(
      "denied-step",
      "A step of the agent before that was denied and recorded",
      RUNS,
      bobs("ect-1"),
      chained(refused("capability.missing", adas({ call: { tool: "delete" } }), { expect: RECORDED })),
    ),
    admitted("other-lane", "A step of the agent before, with a key of another lane", RUNS, bobs("ect-1"), {
      change: inTwoLanes,
      before: [
        sent(async (target) => {
          const { token, jti } = await handOn(target, { through: ["ada"] });
          const by = "ada-second";
          return makeCall(target, {
            mandate: { token: () => token },
            ect: { by, claims: { pred: [jti] } },
            signature: { by },
          });
        }),
      ],
    }),
    denied(
      "lanes-counted",
      "capability.not_countable",
      "A maximum of calls, for an agent whose lanes would each count for themselves",
      COUNTED,
      { mandate: { claims: { cap: [{ action: "mcp.search", constraints: { max_calls: 1 } }] } } },
      { change: inTwoLanes, expect: RECORDED },
    ),
    denied("unknown", "run.pred_unknown", "A step that nobody of the chain has made", RUNS, bobs("ghost"), {
      ...chained(sent(adas())),
      expect: NOT_RECORDED,
    }),
    denied(
      "not-in-chain",
      "run.pred_unknown",
      "A step of an agent that the mandate did not come through, in the same workflow",
      RUNS,
      calling({ through: ["ada", "bob"], pred: ["ect-1"], claims: WORKFLOW }),
      chained(sent(calling({ through: ["carol"], claims: WORKFLOW, root: "mandate-9" }))),
    ),
    denied(
      "sibling",
      "run.pred_unknown",
      "A step of another agent that the same one handed its mandate to",
      RUNS,
      calling({ through: ["ada", "bob"], pred: ["ect-1"], claims: WORKFLOW }),
      chained(sent(calling({ through: ["ada", "carol"], claims: WORKFLOW }))),
    ),
    denied(
      "undelegated",
      "run.pred_unknown",
      "A step of another agent under a mandate that was not handed on, in the same workflow",
      RUNS,
      calling({ through: ["bob"], pred: ["ect-1"], claims: WORKFLOW, root: "mandate-9" }),
      chained(sent(adas({ claims: WORKFLOW }))),
    ),
    denied(
      "downwards",
      "run.pred_unknown",
      "The agent that handed the mandate on names a step of the other's",
      RUNS,
      adas({ pred: ["ect-1"] }),
      chained(sent(bobs())),
    ),
    denied(
      "delegators-other-run",
      "run.pred_unknown",
      "A step of the agent before under another mandate",
      RUNS,
      bobs("ect-1"),
      chained(sent(adas({ root: "mandate-9" }))),
    ),
    denied(
      "delegators-other-workflow",
      "run.pred_unknown",
      "A step of the agent before in another workflow",
      RUNS,
      calling({ through: ["ada", "bob"], pred: ["ect-1"], claims: WORKFLOW }),
      chained(sent(adas({ root: "mandate-9", claims: { wid: "workflow-2" } }))),
    ),
    denied(
      "refused-step",
      "run.pred_unknown",
      "A step of the agent before that did not verify",
      RUNS,
      bobs("ect-1"),
      chained(refused("ect.expired", adas({ ect: { iat: NOW - 60, exp: NOW - 31 } }))),
    ),
    denied(
      "denied-parent",
      "run.parent_denied",
      "A step of the agent before that was denied, where the tenant takes no such parents",
      RUNS,
      bobs("ect-1"),
      {
        change: (document) => {
          delegating(document);
          document.ect = { deniedParents: false };
        },
        before: [refused("capability.missing", adas({ call: { tool: "delete" } }), { expect: NOT_RECORDED })],
        expect: NOT_RECORDED,
      },
    ),
    admitted(
      "step-30-later",
      "A step of the agent before that was issued 30 s after its child: two clocks",
      RUNS,
      calling({ through: ["ada", "bob"], pred: ["ect-2"], ect: { iat: NOW - 30 } }),
      chained(sent(bobs(), { at: -100 }), sent(adas())),
    ),
    denied(
      "step-31-later",
      "run.parent_after_child",
      "A step of the agent before that was issued 31 s after its child",
      RUNS,
      calling({ through: ["ada", "bob"], pred: ["ect-2"], ect: { iat: NOW - 31 } }),
      chained(sent(bobs(), { at: -100 }), sent(adas())),
    ),
    denied(
      "named-as-mandate",
      "replay.ect",
      "A step with the jti of a mandate of the chain",
      RUNS,
      calling({ through: ["ada", "bob"], ect: { jti: "mandate-1" } }),
      { ...chained(), expect: NOT_RECORDED },
    ),
    denied(
      "other-wid",
      "ect.wid_mismatch",
      "An ECT of another workflow than that of the chain",
      RUNS,
      calling({ through: ["ada", "bob"], claims: WORKFLOW, ect: { wid: "workflow-2" } }),
      chained(),
    ),
  ],
};
