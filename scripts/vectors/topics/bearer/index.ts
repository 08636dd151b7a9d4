import type { Topic } from "../../make/case.ts";
import { carriersCases } from "./carriers.ts";
import { claimsCases } from "./claims.ts";
import { headerCases } from "./header.ts";
import { trustCases } from "./trust.ts";

export const bearer: Topic = {
  name: "bearer",
  title: "The ACT mandate, as bearer token",
  cases: [...carriersCases, ...headerCases, ...claimsCases, ...trustCases],
};
