import { describe, expect, test } from "vitest";
import { toBase64url } from "../../../src/encoding.ts";
import { bindAction, bindStep, type StepFacts } from "../../../src/evidence/ect/bind.ts";
import type { Reason } from "../../../src/reasons.ts";
import { BODY_SHA256, ect, judgeEct, judgeMandate, mandate, outcome, unwrap } from "../../support/acme.ts";
import type { Changes } from "../../support/tokens.ts";
import { BINDING_REASONS } from "./reasons.ts";

const verifiedMandate = unwrap(await judgeMandate(await mandate()));
const facts: StepFacts = { bodySha256: BODY_SHA256, hasBody: true, mandate: verifiedMandate };
const withWid: StepFacts = { ...facts, mandate: unwrap(await judgeMandate(await mandate({ wid: "w-1" }))) };
const EMPTY = new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array()));
const noBody: StepFacts = { ...facts, bodySha256: EMPTY, hasBody: false };

const otherHash = toBase64url(new Uint8Array(32));

const CASES: [string, Changes, StepFacts, Reason | "ok"][] = [
  ["this body, this mandate", {}, facts, "ok"],
  ["another body", { inp_hash: otherHash }, facts, "ect.inp_hash_mismatch"],
  ["no hash for a body", { inp_hash: undefined }, facts, "ect.inp_hash_missing"],
  ["no hash for no body", { inp_hash: undefined }, noBody, "ok"],
  ["the hash of no body", { inp_hash: toBase64url(EMPTY) }, noBody, "ok"],
  ["the hash of a body that is not there", {}, noBody, "ect.inp_hash_mismatch"],
  ["no parent", { pred: [] }, facts, "ect.mandate_not_named"],
  ["another mandate", { pred: ["mandate-2"] }, facts, "ect.mandate_not_named"],
  ["a longer jti", { pred: ["mandate-11"] }, facts, "ect.mandate_not_named"],
  ["the mandate in capitals", { pred: ["MANDATE-1"] }, facts, "ect.mandate_not_named"],
  ["the mandate among others", { pred: ["a", "mandate-1", "b"] }, facts, "ok"],
  ["the mandate in par", { pred: undefined, par: ["mandate-1"] }, facts, "ok"],
  ["a wid, the mandate has none", { wid: "w-1" }, facts, "ect.wid_mismatch"],
  ["another wid", { wid: "w-2" }, withWid, "ect.wid_mismatch"],
  ["the same wid", { wid: "w-1" }, withWid, "ok"],
  ["no wid, the mandate has one", {}, withWid, "ok"],
];

describe("bindStep", () => {
  test.each(CASES)("%s", async (_, claims, stepFacts, expected) => {
    expect(outcome(bindStep(unwrap(await judgeEct(await ect(claims))), stepFacts))).toBe(expected);
  });
});

describe("bindAction", () => {
  test.each<[string, string, Reason | "ok"]>([
    ["mcp.search", "mcp.search", "ok"],
    ["mcp.search", "mcp.Search", "ect.exec_act_mismatch"],
    ["mcp.search", "mcp.search.x", "ect.exec_act_mismatch"],
    ["mcp.*", "mcp.search", "ect.exec_act_mismatch"],
  ])("exec_act %s for %s", async (exec_act, action, expected) => {
    expect(outcome(bindAction(unwrap(await judgeEct(await ect({ exec_act }))), action))).toBe(expected);
  });
});

test("every reason has a case", () => {
  const reached = CASES.map(([, , , reason]) => reason).filter((reason) => reason !== "ok");
  expect(new Set([...reached, "ect.exec_act_mismatch"])).toEqual(BINDING_REASONS);
});
