import type { Topic } from "../../make/case.ts";
import { formCases } from "./form.ts";
import { linksCases } from "./links.ts";

export const delegation: Topic = {
  name: "delegation",
  title: "Delegated mandates",
  cases: [...formCases, ...linksCases],
};
