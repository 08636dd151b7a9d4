import type { Topic } from "../../make/case.ts";
import { bindingCases } from "./binding.ts";
import { carriersCases } from "./carriers.ts";
import { claimsCases } from "./claims.ts";
import { headerCases } from "./header.ts";
import { identityCases } from "./identity.ts";

export const ectTopic: Topic = {
  name: "ect",
  title: "Execution context tokens",
  cases: [...carriersCases, ...headerCases, ...claimsCases, ...identityCases, ...bindingCases],
};
