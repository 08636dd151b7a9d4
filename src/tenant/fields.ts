/** Building blocks of the tenant schema. */

import * as v from "valibot";
import { MAX_IDENTIFIER_LENGTH, MAX_TOOL_NAME_LENGTH } from "../limits.ts";

/**
 * An object with exactly these fields. `strictObject` alone takes an array for an object without fields, names only the
 * first unknown field, and does not look at the meaning of an object that has one.
 */
export function fields<const E extends v.ObjectEntries>(entries: E): v.StrictObjectSchema<E, undefined> {
  const schema = v.strictObject(entries);
  return {
    ...schema,
    "~run"(dataset, config) {
      const input: unknown = dataset.value;
      if (typeof input !== "object" || input === null) return schema["~run"](dataset, config);
      if (Array.isArray(input)) return schema["~run"]({ value: null }, config);
      const [known, unknown] = partition(Object.entries(input), ([key]) => Object.hasOwn(entries, key));
      const result = schema["~run"]({ value: Object.fromEntries(known) }, config);
      const issues = unknown.map(([key, value]) => unknownField(input, key, value, config));
      return issues.length === 0
        ? result
        : ({ ...result, issues: [...(result.issues ?? []), ...issues] } as typeof result);
    },
  };
}

/** An object that is read elsewhere. A record alone leaves out members named `constructor` and the like, and none is to be overlooked. */
export function jsonObject(description: string) {
  const schema = v.record(v.string(), v.unknown());
  const whole: typeof schema = {
    ...schema,
    "~run"(dataset, config) {
      const input: unknown = dataset.value;
      const result = schema["~run"](dataset, config);
      return result.typed ? { ...result, value: input as Record<string, unknown> } : result;
    },
  };
  return v.pipe(whole, v.description(description));
}

function partition<T>(items: readonly T[], test: (item: T) => boolean): [yes: T[], no: T[]] {
  return [items.filter(test), items.filter((item) => !test(item))];
}

function unknownField(input: object, key: string, value: unknown, config: v.Config<v.BaseIssue<unknown>>) {
  const { issues } = v.safeParse(v.never(), value, config);
  const path = [{ type: "object", origin: "key", input, key, value }];
  return { ...issues?.[0], path };
}

/** A check that says what is wrong, or null. */
export const must = <T>(problem: (value: T) => string | null): v.RawCheckAction<T> =>
  v.rawCheck(({ dataset, addIssue }) => {
    const message = dataset.typed ? problem(dataset.value) : null;
    if (message !== null) addIssue({ message });
  });

/** An identifier as tokens carry it: compared byte for byte. With other characters in it a token is malformed. */
export const identifier = (description: string) =>
  v.pipe(
    v.string(),
    v.nonEmpty("must not be empty"),
    v.regex(/^[\x21-\x7e]*$/, "must be printable ASCII without spaces"),
    v.maxLength(MAX_IDENTIFIER_LENGTH, `must have at most ${MAX_IDENTIFIER_LENGTH} characters`),
    v.description(description),
  );

/** A string of a given form. */
export const text = (pattern: RegExp, problem: string, description: string) =>
  v.pipe(v.string(), v.regex(pattern, problem), v.description(description));

/** A whole number from `min` to `max`. */
export const integer = (min: number, max: number, description: string) =>
  v.pipe(
    v.number(),
    v.integer("must be a whole number"),
    v.minValue(min, `must be at least ${min}`),
    v.maxValue(max, `must be at most ${max}`),
    v.description(description),
  );

/** A list with an upper bound. */
export const list = <S extends v.GenericSchema>(item: S, max: number, description: string) =>
  v.pipe(v.array(item), v.maxLength(max, `must have at most ${max} entries`), v.description(description));

/** A list that would refuse everything if it were empty, or be read as "all". */
export const nonEmptyList = <S extends v.GenericSchema>(item: S, max: number, description: string) =>
  v.pipe(
    v.array(item),
    v.nonEmpty("must not be empty: nothing would match"),
    v.maxLength(max, `must have at most ${max} entries`),
    v.description(description),
  );

/** A switch that is off unless it is set. */
export const flag = (description: string) =>
  v.optional(v.pipe(v.boolean(), v.description(description)), false);

/** A URL without what `problem` finds. */
export const url = (problem: (value: string) => string | null, description: string) =>
  v.pipe(v.string(), must(problem), v.description(description));

export const methodName = (description: string) =>
  text(/^[A-Za-z0-9_.$/-]{1,128}$/, "must be a JSON-RPC method name of 1 to 128 characters", description);

export const toolName = text(
  new RegExp(`^[!-~]{1,${MAX_TOOL_NAME_LENGTH}}$`),
  `must have 1 to ${MAX_TOOL_NAME_LENGTH} printable ASCII characters`,
  "Name of a tool.",
);

export const bindingName = (description: string) =>
  text(/^[A-Z][A-Z0-9_]{0,63}$/, "must be the name of a binding in capitals, such as ORIGIN", description);
