/** Where approvals are given: beside a tenant's MCP endpoint. The address leads to a ledger, and grants nothing. */

import { fromBase64url, fromUtf8, toBase64url, utf8 } from "../encoding.ts";
import { type JsonValue, parseStrictJson } from "../json/strict-json.ts";

export type ApprovalEndpoint =
  /** The page about one call, for people with a browser. */
  | { readonly kind: "approval"; readonly call: WaitingCall }
  /** Where the identity provider sends them back to. */
  | { readonly kind: "approval-callback" };

/** A call that waits for a person, if it does. */
export interface WaitingCall {
  readonly principal: string;
  readonly lane: number;
  /** See `PendingApproval`. */
  readonly id: string;
}

const FOLDER = "approvals";

/** The endpoint below the folder of approvals; null where there is none. */
export function approvalEndpoint(name: string): ApprovalEndpoint | null {
  if (name === "callback") return { kind: "approval-callback" };
  const call = waitingCall(name);
  return call && { kind: "approval", call };
}

/** Absolute; it ends with a slash. */
export const approvalsUrl = (publicUrl: string): string => new URL(`${FOLDER}/`, publicUrl).href;

export const callbackUrl = (publicUrl: string): string => `${approvalsUrl(publicUrl)}callback`;

export const approvalUrl = (publicUrl: string, { principal, lane, id }: WaitingCall): string =>
  approvalsUrl(publicUrl) + toBase64url(utf8(JSON.stringify([principal, lane, id])));

function waitingCall(name: string): WaitingCall | null {
  const bytes = fromBase64url(name);
  const text = bytes && fromUtf8(bytes);
  const json = text === null ? null : parseStrictJson(text);
  if (!json?.ok || !Array.isArray(json.value)) return null;
  const [principal, lane, id, ...more] = json.value as readonly JsonValue[];
  const isOne = typeof principal === "string" && typeof lane === "number" && typeof id === "string";
  if (!isOne || more.length > 0 || !Number.isSafeInteger(lane) || !/^[\w-]{22}$/.test(id)) return null;
  const call = { principal, lane, id };
  // One spelling of each.
  return JSON.stringify([principal, lane, id]) === text ? call : null;
}
