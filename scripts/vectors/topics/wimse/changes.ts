import { WORKLOAD } from "../../make/call.ts";
import { admitted, type CaseOptions, type Draft, denied, type Sent } from "../../make/case.ts";
import { key } from "../../make/keys.ts";

export const HTTP = "draft-ietf-wimse-http-signature-07 section 3";
export const CREDS = "draft-ietf-wimse-workload-creds section 3";
export const IDENTIFIER = "draft-ietf-wimse-identifier section 4";

export type Revision = "wimse-06" | "wimse-07";

/** Ada is a workload: she has a WIT of example.org in place of registered keys. */
export const asWorkload =
  (revision?: Revision) =>
  (d: Draft): void => {
    const [ada] = d.agents;
    if (ada === undefined) return;
    ada.keys = [];
    ada.workload = { subjects: [WORKLOAD], ...(revision && { revision }) };
    d.trustDomains = [
      { domain: "example.org", keys: [key("wit-authority").publicJwk] },
      { domain: "other.example", keys: [key("wit-other").publicJwk] },
    ];
  };

/** In this profile whatever is wrong with the signature is a 400. */
const BAD_REQUEST = { status: 400, error: { code: 400, reason: "signature.invalid" } };

export const wimseAdmitted = (
  id: string,
  title: string,
  rule: string,
  send: Sent = { workload: {} },
  options: CaseOptions = {},
) => admitted(id, title, rule, send, { change: asWorkload(), ...options });

export const wimseDenied = (
  id: string,
  reason: string,
  title: string,
  rule: string,
  send: Sent,
  options: CaseOptions = {},
) => {
  const isOfSignature = /^(signature|digest)\./.test(reason) && reason !== "signature.response_demanded";
  const expect = isOfSignature ? { ...BAD_REQUEST, ...options.expect } : { ...options.expect };
  return denied(id, reason, title, rule, send, { change: asWorkload(), ...options, expect });
};
