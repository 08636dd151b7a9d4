import type { Topic } from "../../make/case.ts";
import { limitsCases } from "./limits.ts";
import { metadataCases } from "./metadata.ts";
import { pagesCases } from "./pages.ts";
import { targetsCases } from "./targets.ts";

export const target: Topic = {
  name: "target",
  title: "Where a request goes: targets, hosts, web pages, metadata",
  cases: [...targetsCases, ...limitsCases, ...pagesCases, ...metadataCases],
};
