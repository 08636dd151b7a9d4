import { runId } from "../endpoints/endpoint.ts";
import { linksOf } from "../evidence/act/chain.ts";
import { runKey } from "../ledger/run-key.ts";
import { createFetch, type FetchOptions } from "./fetch.ts";
import { parsed } from "./mandate.ts";
import { startRun } from "./run.ts";

/** Who visits, and under which mandate. */
export interface VisitorOptions
  extends Pick<
    FetchOptions,
    | "endpoint"
    | "signer"
    | "audience"
    | "profile"
    | "wit"
    | "mandateHeader"
    | "lifetimeSeconds"
    | "now"
    | "newId"
    | "fetch"
  > {
  /** The agent's, as a compact JWS. To see what is not the agent's own it grants `countersign.audit.read`. */
  readonly mandate: string;
}

/** The endpoints that a verifier has beside the MCP server; see `docs/endpoints.md`. Each answer is as it came. */
export interface Visitor {
  /** What was decided about a request and what became of it, by the id in its `Countersign-Decision`. */
  receipt(decision: string): Promise<Response>;
  /** The graph of a run, by the id that `runIdOf` gives. */
  run(id: string): Promise<Response>;
  /** Hands in the execution record of a mandate, as `mintRecord` makes it. */
  postRecord(record: string): Promise<Response>;
  /** What is revoked. This and the next two are for a mandate that grants `countersign.revocations.write`; see `docs/revocation.md`. */
  revocations(): Promise<Response>;
  /** Revokes something: `{ kind: "agent", name: "researcher" }`. */
  revoke(revocation: object): Promise<Response>;
  /** Lifts a revocation, by its number. */
  lift(number: number): Promise<Response>;
}

/**
 * Visits the verifier's own endpoints: each request has the mandate and a signature, and no ECT, since it is no step of a run.
 *
 * @throws TypeError for what is no mandate
 * @example
 * import { createVisitor, generateSigner, mintMandate, mintRecord, runIdOf } from "countersign/agent";
 *
 * const endpoint = "https://mcp.example/mcp";
 * const issuer = await generateSigner({ alg: "EdDSA" });
 * const { signer } = await generateSigner({ alg: "ES256" });
 * const grant = { signer: issuer.signer, iss: "https://issuer.example", sub: "agent:researcher", aud: endpoint };
 * const mandate = await mintMandate({ ...grant, purpose: "Search", actions: ["mcp.search"] });
 * const visitor = createVisitor({ endpoint, mandate, signer });
 * const record = await mintRecord({ mandate, signer, execAct: "mcp.search" });
 * // await visitor.postRecord(record);
 * // const { wellFormed, steps } = await (await visitor.run(runIdOf(mandate))).json();
 */
export function createVisitor({ endpoint, mandate, ...options }: VisitorOptions): Visitor {
  const home = new URL(endpoint);
  const run = startRun(mandate);
  const audience = options.audience ?? home.origin + home.pathname;
  const visit = (path: string, init?: RequestInit): Promise<Response> => {
    // Beside the MCP server, as a relative reference is resolved.
    const url = new URL(path, home);
    return createFetch({ ...options, endpoint: url, run, audience })(url, init);
  };
  return {
    receipt: (decision) => visit(`receipts/${encodeURIComponent(decision)}`),
    run: (id) => visit(`runs/${encodeURIComponent(id)}`),
    postRecord: (record) =>
      visit("records", { method: "POST", headers: { "content-type": "application/jwt" }, body: record }),
    revocations: () => visit("revocations"),
    revoke: (revocation) =>
      visit("revocations", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(revocation),
      }),
    lift: (number) => visit(`revocations/${number}`, { method: "DELETE" }),
  };
}

/**
 * The id of the run that a mandate belongs to: all that is done under it and, where it has a `wid`, under the others of that workflow.
 *
 * @param mandate a compact JWS
 * @throws TypeError for what is no mandate
 * @example
 * import { generateSigner, mintMandate, runIdOf } from "countersign/agent";
 *
 * const { signer } = await generateSigner({ alg: "ES256" });
 * const [iss, sub, aud] = ["https://issuer.example", "agent:researcher", "https://mcp.example/mcp"];
 * const id = runIdOf(await mintMandate({ signer, iss, sub, aud, purpose: "Search", actions: ["mcp.search"] }));
 */
export function runIdOf(mandate: string): string {
  const read = parsed(mandate);
  const [{ iss: rootIss }] = linksOf(read);
  return runId(runKey({ ...read, rootIss }));
}
