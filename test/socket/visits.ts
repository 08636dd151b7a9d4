/** Requests to Countersign's own endpoints. */

import { addEvidence, signMessage } from "../../src/agent/index.ts";
import { AUDIT_ACTION } from "../../src/endpoints/endpoint.ts";
import type { TenantDocument } from "../../src/tenant/schema/document.ts";
import type { Scene, Wishes } from "./harness.ts";
import type { Wire } from "./raw.ts";

export const AUDITOR = [AUDIT_ACTION];

/** Changes the document of a tenant; before anybody asks for the tenant. */
export async function edit(
  scene: Scene,
  tenant: string,
  change: (document: TenantDocument) => void,
): Promise<void> {
  const kv = await scene.runtime.kv();
  const document = JSON.parse((await kv.get(`tenant:${tenant}`)) ?? "{}");
  change(document);
  await kv.put(`tenant:${tenant}`, JSON.stringify(document));
}

/** Lets the issuer of a tenant grant the right to see its audit log. */
export const letAudit = (scene: Scene, tenant: string): Promise<void> =>
  edit(scene, tenant, ({ issuers }) => issuers[0]?.actions.push(AUDIT_ACTION));

export interface VisitWishes extends Wishes {
  readonly body?: string;
  /** Of the mandate, where no run is wished. */
  readonly grants?: readonly string[];
}

/** A request for what is beside the MCP endpoint, with its evidence. */
export async function visitWire(
  scene: Scene,
  tenant: string,
  path: string,
  { body = "", grants = ["mcp.search"], ...wishes }: VisitWishes = {},
): Promise<Wire> {
  const { method = "GET", headers = {}, caller = scene.reader } = wishes;
  const url = new URL(path, scene.endpoint(tenant));
  const run = wishes.run ?? (await scene.run(tenant, { caller, actions: grants }));
  const options = await scene.options(tenant, { ...wishes, run });
  const made = await addEvidence({ method, url, headers, body }, options);
  return {
    method,
    target: url.pathname + url.search,
    headers: [["Host", url.host], ...made.headers],
    body: Buffer.from(body),
  };
}

/** The request with these headers, signed again as one who has the agent's key can. */
export async function resignVisit(
  scene: Scene,
  tenant: string,
  wire: Wire,
  { caller = scene.reader, headers = {} }: Pick<VisitWishes, "caller" | "headers"> = {},
): Promise<Wire> {
  const endpoint = scene.endpoint(tenant);
  const all = new Headers(wire.headers.filter(([name]) => name !== "Host").map(([n, v]) => [n, v]));
  for (const name of ["signature", "signature-input"]) all.delete(name);
  for (const [name, value] of Object.entries(headers)) all.set(name, value);
  const { signatureInput, signature } = await signMessage(
    { method: wire.method, url: new URL(wire.target, endpoint).href, headers: all },
    {
      signer: caller.signer,
      profile: caller.profile,
      audience: endpoint,
      cover: [],
      nonce: crypto.randomUUID(),
      now: Math.floor(Date.now() / 1000),
      lifetimeSeconds: 120,
    },
  );
  all.set("signature-input", signatureInput);
  all.set("signature", signature);
  return { ...wire, headers: [["Host", new URL(endpoint).host], ...all] };
}
