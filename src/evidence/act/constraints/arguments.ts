/** The constraints on the arguments of a tool call: what each may be, and whether there may be others. */

import { readPointer } from "../../../json/pointer.ts";
import { isObject, type JsonObject, type JsonValue } from "../../../json/strict-json.ts";
import { type Constraint, implies, isKind, permits, readConstraint, workOf } from "./kinds.ts";
import { memberCount } from "./members.ts";

/** Whether an argument must, may or must not be there. */
export type Presence = "required" | "optional" | "forbidden";

/** What is said of one argument. */
interface Rule {
  readonly presence: Presence;
  /** All of them must permit the value. */
  readonly constraints: readonly Constraint[];
}

/** A place in the arguments that a rule is for, or that one below it is for. */
interface Place {
  readonly rule: Rule | null;
  /** By name: what this place goes through must be an object. */
  readonly members: ReadonlyMap<string, Place>;
}

export interface ArgumentRules {
  /** The arguments themselves: an object always. */
  readonly root: Place;
  /**
   * Whether an object that rules go through may have members that no rule names: the arguments themselves, and with a
   * rule for `/a/b` also `a`.
   */
  readonly additional: boolean;
  /** Most steps that all constraints take for each character of a text. */
  readonly work: number;
}

/**
 * Reads the members `arguments` and `additional` of a constraint object, one of which may be absent.
 *
 * @returns `unknown` for a kind of constraint that is not in the table; null where something is malformed
 */
export function readArgumentRules(
  rules: JsonValue = {},
  additional: JsonValue = false,
): ArgumentRules | "unknown" | null {
  if (!isObject(rules) || typeof additional !== "boolean") return null;
  const root = newPlace();
  let isUnderstood = true;
  let work = 0;
  for (const [pointer, value] of Object.entries(rules)) {
    const steps = readPointer(pointer);
    const rule = readRule(value);
    if (steps === null || rule === null) return null;
    if (rule === "unknown") {
      isUnderstood = false;
      continue;
    }
    placeAt(root, steps).rule = rule;
    work += rule.constraints.reduce((sum, constraint) => sum + workOf(constraint), 0);
  }
  return isUnderstood ? { root, additional, work } : "unknown";
}

interface MutablePlace extends Place {
  rule: Rule | null;
  readonly members: Map<string, MutablePlace>;
}

const newPlace = (): MutablePlace => ({ rule: null, members: new Map() });

function placeAt(root: MutablePlace, steps: readonly string[]): MutablePlace {
  let place = root;
  for (const step of steps) {
    const next = place.members.get(step) ?? newPlace();
    place.members.set(step, next);
    place = next;
  }
  return place;
}

function readRule(value: JsonValue): Rule | "unknown" | null {
  if (!isObject(value)) return null;
  const { presence = "required", ...others } = value;
  const constraints: Constraint[] = [];
  let isUnderstood = true;
  for (const [name, limit] of Object.entries(others)) {
    if (!isKind(name)) {
      isUnderstood = false;
      continue;
    }
    const constraint = readConstraint(name, limit);
    if (constraint === null) return null;
    constraints.push(constraint);
  }
  switch (presence) {
    case "required":
    case "optional":
      return isUnderstood ? { presence, constraints } : "unknown";
    case "forbidden":
      return Object.keys(others).length === 0 ? { presence, constraints } : null;
    default:
      return null;
  }
}

export const permitsArguments = ({ root, additional }: ArgumentRules, args: JsonObject): boolean =>
  permitsMembers(root, args, additional);

function permitsMembers({ members }: Place, object: JsonObject, additional: boolean): boolean {
  // First by number, so that many entries of a mandate do not each read the names of a large object.
  if (!additional && memberCount(object) > members.size) return false;
  if (!additional && Object.keys(object).some((name) => !members.has(name))) return false;
  return [...members].every(([name, place]) =>
    permitsAt(place, Object.hasOwn(object, name) ? object[name] : undefined, additional),
  );
}

/** @param value undefined where there is none */
function permitsAt(place: Place, value: JsonValue | undefined, additional: boolean): boolean {
  const { rule, members } = place;
  if (value === undefined) {
    if (rule?.presence === "required") return false;
    return [...members.values()].every((member) => permitsAt(member, undefined, additional));
  }
  if (rule?.presence === "forbidden") return false;
  if (rule?.constraints.every((constraint) => permits(constraint, value)) === false) return false;
  // Something else in the place of an object would take the arguments below it out of sight.
  return members.size === 0 || (isObject(value) && permitsMembers(place, value, additional));
}

/**
 * Whether all arguments that the child permits the parent permits too. Every rule of the parent must be there again, no
 * wider; where the parent takes no further arguments, the child names none that the parent does not.
 */
export function narrowsArguments(child: ArgumentRules, parent: ArgumentRules): boolean {
  if (child.additional && !parent.additional) return false;
  return narrowsMembers(child.root, parent.root, parent.additional);
}

function narrowsMembers(child: Place, parent: Place, additional: boolean): boolean {
  if (!additional && [...child.members.keys()].some((name) => !parent.members.has(name))) return false;
  return [...parent.members].every(([name, place]) => {
    const own = child.members.get(name);
    return own !== undefined && narrowsAt(own, place, additional);
  });
}

function narrowsAt(child: Place, parent: Place, additional: boolean): boolean {
  if (parent.rule !== null && (child.rule === null || !narrowsRule(child.rule, parent.rule))) return false;
  // Where the parent looks no deeper, the child may.
  return parent.members.size === 0 || narrowsMembers(child, parent, additional);
}

function narrowsRule(child: Rule, parent: Rule): boolean {
  if (parent.presence !== "optional" && child.presence !== parent.presence) return false;
  if (child.presence === "forbidden") return true;
  return parent.constraints.every((constraint) => implies(child.constraints, constraint));
}
