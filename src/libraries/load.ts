/**
 * Libraries that few tenants need, each a module of its own beside the Worker's main one. In the built Worker the names are those that
 * wrangler.toml defines; they have to stand here, beside the modules.
 */

export type PolicyLibrary = typeof import("./policy.ts");
export type X509Library = typeof import("./x509.ts");

declare const POLICY_LIBRARY: "./policy.mjs" | undefined;
declare const X509_LIBRARY: "./x509.mjs" | undefined;

// Not import(a ? b : c): that would be built in, whichever it is.
export const loadPolicyLibrary = (): Promise<PolicyLibrary> =>
  typeof POLICY_LIBRARY === "undefined" ? import("./policy.ts") : import(POLICY_LIBRARY);

export const loadX509Library = (): Promise<X509Library> =>
  typeof X509_LIBRARY === "undefined" ? import("./x509.ts") : import(X509_LIBRARY);
