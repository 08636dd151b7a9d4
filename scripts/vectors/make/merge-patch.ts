/** JSON Merge Patch (RFC 7396). */

type Json = unknown;
type JsonRecord = Readonly<Record<string, Json>>;

const isRecord = (value: Json): value is JsonRecord =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The patch that makes `to` of `from`; undefined where they are equal. A member of `to` must not be null. */
export function mergePatch(from: Json, to: Json): Json | undefined {
  if (!isRecord(from) || !isRecord(to)) return JSON.stringify(from) === JSON.stringify(to) ? undefined : to;
  const names = [...new Set([...Object.keys(from), ...Object.keys(to)])];
  const changes = names.flatMap((name): [string, Json][] => {
    if (!Object.hasOwn(to, name)) return [[name, null]];
    const change = Object.hasOwn(from, name) ? mergePatch(from[name], to[name]) : to[name];
    return change === undefined ? [] : [[name, change]];
  });
  return changes.length === 0 ? undefined : Object.fromEntries(changes);
}

/** RFC 7396 section 2. */
export function applyMergePatch(target: Json, patch: Json): Json {
  if (!isRecord(patch)) return patch;
  const result: Record<string, Json> = isRecord(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = applyMergePatch(result[name], value);
  }
  return result;
}
