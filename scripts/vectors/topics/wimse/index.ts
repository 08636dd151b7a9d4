import type { Topic } from "../../make/case.ts";
import { signatureCases } from "./signature.ts";
import { tokenCases } from "./token.ts";

export const wimse: Topic = {
  name: "wimse",
  title: "Workloads: WIMSE HTTP signatures with a workload identity token",
  cases: [...signatureCases, ...tokenCases],
};
