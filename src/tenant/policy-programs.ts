/** What of the section `policy` is more than a translation: constraints, schemas of arguments, and the conditions of rules. */

import type { ArgumentRules } from "../evidence/act/constraints/arguments.ts";
import { readConstraints } from "../evidence/act/constraints/constraints.ts";
import type { JsonObject } from "../json/strict-json.ts";
import { loadPolicyLibrary } from "../libraries/load.ts";
import { MAX_GRANT_PATTERN_WORK } from "../limits.ts";
import { compileExpression, ruleLanguage } from "../policy/rules/compile.ts";
import { compileInputSchema } from "../policy/schema/compile.ts";
import type { InputSchema } from "../policy/schema/input-schema.ts";
import { fail, ok, type Result } from "../result.ts";
import { type Found, imported } from "./faults.ts";
import { toolApprovalPolicy } from "./schema/approval.ts";
import type { PolicySection, Programs, Rule } from "./schema/policy.ts";

/**
 * @param section null where it has not got its shape
 * @param agents names of all agents
 */
export async function compilePrograms(
  section: PolicySection | null,
  agents: ReadonlySet<string>,
  found: Found[],
): Promise<Programs> {
  const { grants = [], tools = [], rules = [], environment = [] } = section ?? {};
  const constraints = compileConstraints(grants, found);
  const inputSchemas = new Map<string, InputSchema>();
  const compiled: Rule[] = [];
  const isNeeded = rules.length > 0 || tools.some(({ inputSchema }) => inputSchema !== undefined);
  if (!isNeeded) return { constraints, inputSchemas, rules: compiled };

  const library = await loadPolicyLibrary();
  for (const [i, { name, inputSchema }] of tools.entries()) {
    if (inputSchema === undefined) continue;
    const at = ["policy", "tools", i, "inputSchema"];
    // What a document holds is JSON.
    const schema = compileInputSchema(inputSchema as JsonObject, library, at);
    if (schema.ok) inputSchemas.set(name, schema.value);
    else found.push(...schema.error);
  }
  const language = ruleLanguage(library);
  const listed = tools.map(({ name }) => name);
  const tags = new Set([...environment, ...tools.flatMap(({ environments = [] }) => environments)]);
  for (const [i, { name, tools, when: text, approval }] of rules.entries()) {
    const known = { tools: new Set(tools ?? listed), agents, tags };
    const when = imported(compileExpression(text, language, known), ["policy", "rules", i, "when"], found);
    if (when === null) continue;
    compiled.push({
      name,
      tools: tools ? new Set(tools) : null,
      when,
      approval: approval ? toolApprovalPolicy(approval) : null,
    });
  }
  return { constraints, inputSchemas, rules: compiled };
}

function compileConstraints(
  grants: PolicySection["grants"],
  found: Found[],
): readonly (ArgumentRules | null)[] {
  let work = 0;
  return grants.map(({ constraints }, i) => {
    if (constraints === undefined) return null;
    const at = ["policy", "grants", i, "constraints"];
    const read = imported(readGrantConstraints(constraints as JsonObject), at, found);
    work += read?.work ?? 0;
    if (work > MAX_GRANT_PATTERN_WORK) {
      found.push({
        at,
        problem: "has more patterns, with those of the grants before, than are matched for one call",
      });
    }
    return read;
  });
}

function readGrantConstraints(value: JsonObject): Result<ArgumentRules, string> {
  if (value.max_calls !== undefined) return fail("has max_calls, which is for mandates: see policy.limits");
  const read = readConstraints(value);
  if (read === null) return fail("is malformed: see docs/act.md");
  if (read === "unknown") return fail("has a member or a kind of constraint that is not known");
  return read.arguments === null ? fail("says nothing: leave it out") : ok(read.arguments);
}
