/** The checks of a tenant document that need several fields at once. */

import * as v from "valibot";
import { isObject, type JsonValue } from "../../json/strict-json.ts";
import type { Found } from "../faults.ts";
import { type ShapedDocument, tenantDocument } from "../schema/document.ts";
import { checkAccessTokens } from "./access-tokens.ts";
import { checkApproval } from "./approval.ts";
import {
  checkActions,
  checkDelegation,
  checkEvidence,
  checkKept,
  checkPublicUrl,
  checkSigners,
  checkUsable,
  checkWorkloads,
} from "./document.ts";
import { checkLimits } from "./limits.ts";
import { checkOriginHeaders } from "./origin.ts";
import { checkPolicy } from "./policy.ts";
import { checkToolNames } from "./tool-names.ts";

/** All checks that need several fields, each where those that it needs are well-formed. */
export function checkTogether(raw: JsonValue, gatewayUrl: string): readonly Found[] {
  const id = field(raw, "id");
  const actions = field(raw, "actions");
  const evidence = field(raw, "evidence");
  const agents = field(raw, "agents");
  const ect = field(raw, "ect");
  const act = field(raw, "act");
  const issuers = field(raw, "issuers");
  const attestationKeys = field(raw, "attestationKeys");
  const trustDomains = field(raw, "trustDomains");
  const audit = field(raw, "audit");
  const accessTokens = field(raw, "accessTokens");
  const policy = field(raw, "policy");
  const origin = field(raw, "origin");
  const observe = field(raw, "observe");
  return [
    ...(id ? checkPublicUrl(id.value, field(raw, "publicUrl")?.value, gatewayUrl) : []),
    ...(actions ? checkActions(actions.value) : []),
    ...(actions && evidence ? checkEvidence(evidence.value, actions.value.extraMethods) : []),
    ...(act && issuers && agents
      ? checkDelegation({ act: act.value, issuers: issuers.value, agents: agents.value })
      : []),
    ...(issuers ? checkSigners(issuers.value, "issuers") : []),
    ...(trustDomains ? checkSigners(trustDomains.value, "trustDomains") : []),
    ...(agents && trustDomains
      ? checkWorkloads({ agents: agents.value, trustDomains: trustDomains.value })
      : []),
    ...(agents && evidence && ect && attestationKeys
      ? checkUsable({
          agents: agents.value,
          evidence: evidence.value,
          ect: ect.value,
          attestationKeys: attestationKeys.value,
        })
      : []),
    ...(audit ? checkKept(audit.value) : []),
    ...(policy && evidence && accessTokens && audit && observe
      ? checkToolNames({
          policy: policy.value,
          evidence: evidence.value,
          accessTokens: accessTokens.value,
          audit: audit.value,
          observe: observe.value,
        })
      : []),
    ...(policy && agents && accessTokens
      ? checkPolicy({ policy: policy.value, agents: agents.value, accessTokens: accessTokens.value })
      : []),
    ...(policy ? checkLimits(policy.value) : []),
    ...(accessTokens ? checkAccessTokens(accessTokens.value, actions?.value.extraMethods ?? []) : []),
    ...(policy ? checkApproval(policy.value) : []),
    ...(origin ? checkOriginHeaders(origin.value) : []),
  ];
}

/** A field of the document, where it is well-formed; defaults filled in. A fault elsewhere must not hide its faults. */
export function field<K extends keyof ShapedDocument & keyof typeof tenantDocument.entries>(
  raw: JsonValue,
  name: K,
): { readonly value: ShapedDocument[K] } | null {
  const input = isObject(raw) && Object.hasOwn(raw, name) ? raw[name] : undefined;
  const parsed = v.safeParse(tenantDocument.entries[name], input);
  return parsed.success ? { value: parsed.output as ShapedDocument[K] } : null;
}
