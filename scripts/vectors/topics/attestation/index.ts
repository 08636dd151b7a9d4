import type { CaseSource, Topic } from "../../make/case.ts";
import { argumentCases } from "./arguments.ts";
import { argumentsOfA, argumentsOfB } from "./by-dialect.ts";
import type { Dialect } from "./calls.ts";
import { carriers } from "./carriers.ts";
import { dialectC } from "./dialect-c.ts";
import { keys } from "./keys.ts";
import { redacted } from "./redacted.ts";
import { replay } from "./replay.ts";
import { shape } from "./shape.ts";
import { emptyHeader, strictJson } from "./strict-json.ts";
import { target } from "./target.ts";
import { valid } from "./valid.ts";

const casesOf = async (dialect: Dialect): Promise<readonly CaseSource[]> => [
  ...valid(dialect),
  ...carriers(dialect),
  ...shape(dialect),
  ...strictJson(dialect),
  ...keys(dialect),
  ...replay(dialect),
  ...(await target(dialect)),
  ...(await argumentCases(dialect)),
  ...redacted(dialect),
  ...(await (dialect === "A" ? argumentsOfA() : argumentsOfB())),
];

/** SEP-2787 as its text has it, as its published vectors have it, and as its author's example signs it. */
export const attestations: readonly Topic[] = [
  {
    name: "attestation-a",
    title: "Tool call attestations of dialect A: the text of SEP-2787",
    cases: [...(await casesOf("A")), ...emptyHeader()],
  },
  {
    name: "attestation-b",
    title: "Tool call attestations of dialect B: version and alg at top level, as in the published vectors",
    cases: await casesOf("B"),
  },
  {
    name: "attestation-c",
    title: "Tool call attestations of dialect C: signed with an empty signature",
    cases: dialectC(),
  },
];
