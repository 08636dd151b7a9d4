/** The table of the kinds of constraint on an argument. A kind is one file beside this one, and one line here. */

import type { JsonValue } from "../../../json/strict-json.ts";
import { equals, isIn } from "./equality.ts";
import type { ConstraintKind } from "./kind.ts";
import { pattern } from "./pattern.ts";
import { prefix } from "./prefix.ts";
import { maximum, minimum } from "./range.ts";

/** By the name that a mandate uses. */
const TABLE = { equals, in: isIn, minimum, maximum, prefix, pattern };

type Limits = { [K in keyof typeof TABLE]: (typeof TABLE)[K] extends ConstraintKind<infer L> ? L : never };

export type KindName = keyof Limits;

/** One constraint, read from a mandate. */
export type Constraint<K extends KindName = KindName> = {
  [N in K]: { readonly kind: N; readonly limit: Limits[N] };
}[K];

const KINDS: { readonly [K in KindName]: ConstraintKind<Limits[K]> } = TABLE;

export const isKind = (name: string): name is KindName => Object.hasOwn(KINDS, name);

/** Null where what the mandate says is malformed. */
export function readConstraint<K extends KindName>(kind: K, value: JsonValue): Constraint<K> | null {
  const read = KINDS[kind].read(value);
  return read && ({ kind, ...read } as Constraint<K>);
}

export const permits = <K extends KindName>({ kind, limit }: Constraint<K>, value: JsonValue): boolean =>
  KINDS[kind].permits(limit, value);

/** Steps that the constraint takes for each character of a text at the most. */
export const workOf = <K extends KindName>({ kind, limit }: Constraint<K>): number =>
  KINDS[kind].work?.(limit) ?? 0;

/** Whether all that a set of constraints permits together, one of the parent's permits. In doubt, false. */
export const implies = (children: readonly Constraint[], parent: Constraint): boolean =>
  children.some(
    (child) => narrows(child, parent) || valuesOf(child)?.every((value) => permits(parent, value)) === true,
  );

const narrows = <K extends KindName>(child: Constraint, parent: Constraint<K>): boolean =>
  child.kind === parent.kind && KINDS[parent.kind].narrows((child as Constraint<K>).limit, parent.limit);

const valuesOf = <K extends KindName>({ kind, limit }: Constraint<K>): readonly JsonValue[] | null =>
  KINDS[kind].values?.(limit) ?? null;
