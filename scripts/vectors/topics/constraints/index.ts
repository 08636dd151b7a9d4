import type { Topic } from "../../make/case.ts";
import { entriesCases } from "./entries.ts";
import { narrowerCases } from "./narrower.ts";
import { patternsCases } from "./patterns.ts";
import { valuesCases } from "./values.ts";

export const constraints: Topic = {
  name: "constraints",
  title: "Constraints of a capability",
  cases: [...valuesCases, ...patternsCases, ...entriesCases, ...narrowerCases],
};
