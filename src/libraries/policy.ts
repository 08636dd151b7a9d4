/** What evaluates rules and schemas. A module of its own, so that it is loaded only when a tenant has one of them. */

export { Validator } from "@cfworker/json-schema";
export { Environment } from "@marcbachmann/cel-js";
