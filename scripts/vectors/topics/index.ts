import type { Topic } from "../make/case.ts";
import { accessTokens } from "./access-token/index.ts";
import { algorithms } from "./algorithms.ts";
import { approvals } from "./approvals.ts";
import { attestations } from "./attestation/index.ts";
import { bearer } from "./bearer/index.ts";
import { constraints } from "./constraints/index.ts";
import { digest } from "./content-digest.ts";
import { delegation } from "./delegation/index.ts";
import { ectTopic } from "./ect/index.ts";
import { endpoints } from "./endpoints.ts";
import { gates } from "./gates.ts";
import { httpSignature } from "./http-signature/index.ts";
import { keySources } from "./key-sources.ts";
import { levels } from "./levels.ts";
import { limits } from "./limits.ts";
import { message } from "./message/index.ts";
import { modern } from "./modern.ts";
import { observe } from "./observe.ts";
import { origin } from "./origin.ts";
import { policy } from "./policy.ts";
import { publishedKeys } from "./published-keys.ts";
import { records } from "./records.ts";
import { redaction } from "./redaction.ts";
import { references } from "./references.ts";
import { replay } from "./replay.ts";
import { revocations } from "./revocations.ts";
import { runs } from "./runs.ts";
import { sessions } from "./sessions.ts";
import { strictJson } from "./strict-json.ts";
import { target } from "./target/index.ts";
import { weakKeys } from "./weak-keys.ts";
import { webBotAuth } from "./web-bot-auth.ts";
import { wimse } from "./wimse/index.ts";
import { workflows } from "./workflows.ts";

/** All topics, in the order of the index. */
export const TOPICS: readonly Topic[] = [
  target,
  bearer,
  ...accessTokens,
  publishedKeys,
  keySources,
  weakKeys,
  message,
  strictJson,
  modern,
  httpSignature,
  algorithms,
  wimse,
  webBotAuth,
  digest,
  ectTopic,
  levels,
  runs,
  workflows,
  replay,
  constraints,
  delegation,
  records,
  ...attestations,
  references,
  sessions,
  policy,
  gates,
  limits,
  approvals,
  revocations,
  observe,
  endpoints,
  origin,
  redaction,
];
