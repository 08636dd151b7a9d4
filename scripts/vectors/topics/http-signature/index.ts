import type { Topic } from "../../make/case.ts";
import { componentsCases } from "./components.ts";
import { coverageCases } from "./coverage.ts";
import { formCases } from "./form.ts";
import { keysCases } from "./keys.ts";
import { parametersCases } from "./parameters.ts";
import { profilesCases } from "./profiles.ts";
import { selectionCases } from "./selection.ts";

export const httpSignature: Topic = {
  name: "http-signature",
  title: "HTTP message signatures (RFC 9421)",
  cases: [
    ...profilesCases,
    ...coverageCases,
    ...selectionCases,
    ...componentsCases,
    ...keysCases,
    ...parametersCases,
    ...formCases,
  ],
};
