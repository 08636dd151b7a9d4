import type { Topic } from "../../make/case.ts";
import { proofCases } from "./proofs.ts";
import { callCases, partyCases, tokenCases } from "./tokens.ts";

export const accessTokens: readonly Topic[] = [
  {
    name: "access-token",
    title: "OAuth access tokens: form, trust, clients, tenants, scopes",
    cases: [...tokenCases, ...partyCases, ...callCases],
  },
  { name: "dpop", title: "DPoP proofs", cases: proofCases },
];
