import type { Call } from "../make/call.ts";
import { admitted, denied, NOW, refused, sent, type Topic } from "../make/case.ts";
import type { Bytes } from "../make/keys.ts";
import { OTHER_ISSUER } from "../tenants.ts";

const RUNS = "Countersign profile, Runs";
const PRED = "Countersign profile, ECT: pred";
const REPLAY = "Countersign profile, ACT mandate: replay";

const naming = (...pred: readonly string[]): Call => ({ ect: { claims: { pred } } });

/** A call under a mandate of this jti, in this workflow if any. */
const under = (jti: string, wid?: string, ...pred: readonly string[]): Call => ({
  mandate: { claims: { jti, ...(wid !== undefined && { wid }) } },
  ect: { claims: { pred: [jti, ...pred] } },
});

const bobUnderOther = (claims: Record<string, unknown>): Call => ({
  agent: "bob",
  mandate: {
    by: "other-issuer",
    claims: { iss: OTHER_ISSUER, cap: [{ action: "mcp.search" }], ...claims },
  },
});

const NOT_RECORDED = { expect: { headers: { "countersign-ect": "not-recorded" } } };

const ghosts = (count: number): string[] => Array.from({ length: count }, (_, i) => `ghost-${i}`);

export const runs: Topic = {
  name: "runs",
  title: "Runs: what came before",
  cases: [
    admitted("chain", "A step names the one before it", PRED, naming("mandate-1", "ect-1"), {
      before: [sent()],
    }),
    admitted(
      "join",
      "A step names two that do not know of each other",
      PRED,
      naming("mandate-1", "ect-1", "ect-2"),
      {
        before: [sent(), sent()],
      },
    ),
    admitted(
      "par",
      "The same with par, the name of the first revision",
      PRED,
      { ect: { claims: { pred: undefined, par: ["mandate-1", "ect-1"] } } },
      {
        before: [sent()],
      },
    ),
    admitted("named-twice", "A parent is named twice", PRED, naming("mandate-1", "ect-1", "ect-1"), {
      before: [sent()],
    }),
    admitted(
      "denied-parent",
      "A step that was denied after it had been recorded can be named",
      RUNS,
      naming("mandate-1", "ect-1"),
      {
        before: [
          refused(
            "capability.missing",
            { tool: "delete" },
            { expect: { headers: { "countersign-ect": "recorded" } } },
          ),
        ],
      },
    ),
    denied("unknown", "run.pred_unknown", "A parent that does not exist", PRED, naming("mandate-1", "ghost")),
    denied(
      "unverified-parent",
      "run.pred_unknown",
      "A parent whose request did not verify",
      RUNS,
      naming("mandate-1", "ect-1"),
      {
        before: [
          refused(
            "signature.mismatch",
            { signature: { bytes: (octets) => octets.with(0, (octets[0] ?? 0) ^ 1) as Bytes } },
            { expect: { headers: { "countersign-ect": null } } },
          ),
        ],
      },
    ),
    denied(
      "refused-for-pred",
      "run.pred_unknown",
      "A parent that was refused for its own parents",
      RUNS,
      naming("mandate-1", "ect-1"),
      { before: [refused("run.pred_unknown", naming("mandate-1", "ghost"), NOT_RECORDED)] },
    ),
    denied(
      "refused-with-pred",
      "run.pred_unknown",
      "A parent that was refused for another reason, and whose own parents are unknown",
      RUNS,
      naming("mandate-1", "ect-1"),
      {
        before: [
          refused("capability.missing", { tool: "delete", ...naming("mandate-1", "ghost") }, NOT_RECORDED),
        ],
      },
    ),
    denied(
      "cycle",
      "run.pred_unknown",
      "Two steps that name each other",
      RUNS,
      naming("mandate-1", "ect-1"),
      { before: [refused("run.pred_unknown", naming("mandate-1", "ect-2"), NOT_RECORDED)] },
    ),
    denied("own-jti", "run.pred_unknown", "A step that names itself", PRED, naming("mandate-1", "ect-1")),
    denied(
      "other-run",
      "run.pred_unknown",
      "A step of another run of the same agent",
      RUNS,
      under("mandate-2", undefined, "ect-1"),
      { before: [sent()] },
    ),
    denied(
      "other-agent",
      "run.pred_unknown",
      "A step of another agent's",
      RUNS,
      { agent: "bob", ...naming("mandate-1", "ect-1") },
      { before: [sent()] },
    ),
    admitted("poc-16", "poc: 16 unknown parents beside the mandate", RUNS, {
      agent: "courier",
      ...naming("mandate-1", ...ghosts(16)),
    }),
    denied("poc-17", "run.pred_unknown", "poc: 17 unknown parents", RUNS, {
      agent: "courier",
      ...naming("mandate-1", ...ghosts(17)),
    }),
    admitted(
      "256-parents",
      "256 entries of pred, all the same",
      PRED,
      naming("mandate-1", ...Array.from({ length: 255 }, () => "ect-1")),
      { before: [sent()] },
    ),

    // -- workflows ------------------------------------------------------------------------------------
    admitted(
      "workflow",
      "Two mandates of one workflow are one run",
      RUNS,
      under("mandate-2", "workflow-1", "ect-1"),
      {
        before: [sent(under("mandate-1", "workflow-1"))],
      },
    ),
    admitted(
      "workflow-mandate",
      "A step names the earlier mandate of its workflow",
      RUNS,
      under("mandate-2", "workflow-1", "mandate-1"),
      {
        before: [sent(under("mandate-1", "workflow-1"))],
      },
    ),
    denied(
      "other-workflow",
      "run.pred_unknown",
      "A step of another workflow",
      RUNS,
      under("mandate-2", "workflow-2", "ect-1"),
      {
        before: [sent(under("mandate-1", "workflow-1"))],
      },
    ),
    denied(
      "left-workflow",
      "run.pred_unknown",
      "A mandate without a workflow does not belong to one whose wid is its jti",
      RUNS,
      under("workflow-1", undefined, "ect-1"),
      {
        before: [sent(under("mandate-1", "workflow-1"))],
      },
    ),
    denied(
      "issuers-workflow",
      "run.pred_unknown",
      "A workflow of the same name under another issuer is another run",
      RUNS,
      {
        ...bobUnderOther({ wid: "workflow-1" }),
        ...naming("mandate-1", "ect-1"),
      },
      { before: [sent({ agent: "bob", mandate: { claims: { wid: "workflow-1" } } })] },
    ),

    // -- mandates ---------------------------------------------------------------------------------------
    denied(
      "mandate-changed",
      "run.mandate_changed",
      "A second mandate with the jti of the first, and more in its cap",
      REPLAY,
      {
        mandate: { claims: { cap: [{ action: "mcp.search" }, { action: "mcp.delete" }] } },
      },
      { before: [sent()] },
    ),
    denied(
      "mandate-prolonged",
      "run.mandate_changed",
      "A second mandate with the jti of the first, and a later exp",
      REPLAY,
      {
        mandate: { claims: { exp: NOW + 1800 } },
      },
      { before: [sent()] },
    ),
    admitted(
      "mandate-resigned",
      "The same claims signed anew, in another order of their members",
      REPLAY,
      {
        mandate: {
          by: "issuer-p256",
          payloadText: (text) =>
            JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(text)).reverse())),
        },
      },
      { before: [sent()] },
    ),
    admitted("same-jti-other-issuer", "Two issuers give the same jti", REPLAY, bobUnderOther({}), {
      before: [sent({ agent: "bob" })],
    }),
    denied("step-named-as-mandate", "replay.ect", "A step with the jti of its own mandate", RUNS, {
      ect: { claims: { jti: "mandate-1" } },
    }),
    denied(
      "step-named-as-earlier-mandate",
      "replay.ect",
      "A step with the jti of an earlier mandate",
      RUNS,
      {
        ...under("mandate-2"),
        ect: { claims: { jti: "mandate-1", pred: ["mandate-2"] } },
      },
      { before: [sent()] },
    ),

    // -- time ---------------------------------------------------------------------------------------------
    admitted(
      "parent-30-later",
      "A parent issued 30 s after its child: two clocks",
      PRED,
      { ect: { claims: { iat: NOW - 30, pred: ["mandate-1", "ect-2"] } } },
      {
        before: [sent({}, { at: -100 }), sent()],
      },
    ),
    denied(
      "parent-31-later",
      "run.parent_after_child",
      "A parent issued 31 s after its child",
      PRED,
      { ect: { claims: { iat: NOW - 31, pred: ["mandate-1", "ect-2"] } } },
      {
        before: [sent({}, { at: -100 }), sent()],
      },
    ),
    admitted(
      "mandate-60-later",
      "A mandate issued 60 s after the step",
      PRED,
      {
        mandate: { claims: { jti: "mandate-2", iat: NOW + 30 } },
        ect: { claims: { iat: NOW - 30, pred: ["mandate-2"] } },
      },
      { before: [sent({}, { at: -100 })] },
    ),
    denied(
      "mandate-61-later",
      "run.parent_after_child",
      "A mandate issued 61 s after the step",
      PRED,
      {
        mandate: { claims: { jti: "mandate-2", iat: NOW + 30 } },
        ect: { claims: { iat: NOW - 31, pred: ["mandate-2"] } },
      },
      { before: [sent({}, { at: -100 })] },
    ),
    admitted("long-run", "A step 14 minutes after its parent", PRED, naming("mandate-1", "ect-1"), {
      before: [sent({}, { at: -840 })],
    }),
    denied(
      "ended-run",
      "act.expired",
      "A step after the end of its mandate",
      REPLAY,
      naming("mandate-1", "ect-1"),
      { before: [sent({}, { at: -931 })] },
    ),
  ],
};
