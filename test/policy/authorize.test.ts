import { describe, expect, test } from "vitest";
import { authorize } from "../../src/policy/authorize.ts";
import { outcome } from "../support/acme.ts";
import { agentNamed } from "../support/agents.ts";

const active = agentNamed("ada");
const suspended = { ...active, suspended: true };

describe("authorize", () => {
  test("an agent that is active, with whoever handed its mandate on", () => {
    expect(outcome(authorize({ agent: active, mandate: { chain: [{ agent: active }] } }))).toBe("ok");
  });

  test("nobody", () => {
    expect(outcome(authorize(null))).toBe("policy.caller_unknown");
  });

  test("a suspended agent", () => {
    expect(outcome(authorize({ agent: suspended, mandate: { chain: [] } }))).toBe("policy.agent_suspended");
  });

  test("a suspended agent that the mandate was handed on by", () => {
    const chain = [{ agent: active }, { agent: suspended }];
    expect(outcome(authorize({ agent: active, mandate: { chain } }))).toBe("policy.agent_suspended");
  });

  test("the holder of an access token is no agent of the document", () => {
    expect(outcome(authorize({ agent: null, mandate: null }))).toBe("ok");
  });
});
