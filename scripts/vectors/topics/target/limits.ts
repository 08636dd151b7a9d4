import { type CaseSource, denied } from "../../make/case.ts";
import { bare } from "./changes.ts";

const LIMITS = "Countersign, limits";

const STATE = "Countersign, fail closed";

export const limitsCases: readonly CaseSource[] = [
  // -- limits and state -------------------------------------------------------------------------------
  denied("101-headers", "request.too_many_headers", "101 different headers", LIMITS, (t) =>
    bare(
      "POST",
      (id) => `/${id}/mcp`,
      Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`X-${i}`, "x"])),
    )(t),
  ),
  denied(
    "control-character",
    "request.header_value",
    "A control character in a header's value",
    LIMITS,
    (t) => bare("POST", (id) => `/${id}/mcp`, { Accept: "application/\x01json" })(t),
  ),
  denied(
    "large-headers",
    "request.headers_too_large",
    "Headers of more than 64 KiB",
    LIMITS,
    bare("POST", (id) => `/${id}/mcp`, { "X-Large": "x".repeat(65_536) }),
  ),
  denied(
    "flood",
    "rate.brake",
    "Too many requests from one address",
    LIMITS,
    {},
    { environment: ["flood"], expect: { headers: { "retry-after": "5" } } },
  ),
  denied(
    "no-tenants",
    "tenant.unavailable",
    "The tenant documents cannot be read",
    STATE,
    {},
    { environment: ["tenants-unavailable"], expect: { headers: { "retry-after": "5" } } },
  ),
  denied(
    "no-ledger",
    "ledger.unavailable",
    "The ledger does not answer: nothing is forwarded unchecked",
    STATE,
    {},
    { environment: ["ledger-unavailable"], expect: { headers: { "retry-after": "5" } } },
  ),
  denied(
    "no-gateway-url",
    "gateway.misconfigured",
    "The gateway does not know its own address",
    STATE,
    {},
    { environment: ["gateway-url-invalid"] },
  ),
  denied(
    "faulty-tenant",
    "tenant.invalid",
    "The tenant document has an unknown member",
    STATE,
    {},
    {
      change: (d) => {
        Object.assign(d, { evidnce: [] });
      },
    },
  ),
];
