/** Makes all files of `vectors/` but the keys and the README, in memory. */

import type { Case, Index, TopicFile } from "./format.ts";
import { makeCase } from "./make/case.ts";
import { isSignedWith, key, keyNames } from "./make/keys.ts";
import { utf8 } from "./make/tokens.ts";
import { NOT_SHOWN } from "./not-shown.ts";
import { KEPT_FILES } from "./place.ts";
import { TENANTS } from "./tenants.ts";
import { TOPICS } from "./topics/index.ts";

/** By file name. */
export async function buildVectors(): Promise<ReadonlyMap<string, string>> {
  await checkKeys();
  const topics: [string, TopicFile][] = [];
  for (const { name, title, cases } of TOPICS) {
    const made: Case[] = [];
    for (const source of cases) made.push(await makeCase(name, source));
    topics.push([`${name}.json`, { title, cases: made }]);
  }
  const ids = topics.flatMap(([, { cases }]) => cases.map(({ id }) => id));
  const twice = ids.find((id, i) => ids.indexOf(id) !== i);
  if (twice !== undefined) throw new Error(`two cases are called ${twice}`);

  const index: Index = {
    format: 1,
    cases: ids.length,
    files: topics.map(([file, { title, cases }]) => ({ file, title, cases: cases.length })),
    notShown: NOT_SHOWN,
  };
  const files: [string, unknown][] = [["index.json", index], ["tenants.json", TENANTS], ...topics];
  const names = [...KEPT_FILES, ...files.map(([file]) => file)];
  const taken = names.find((name, i) => names.indexOf(name) !== i);
  if (taken !== undefined) throw new Error(`${taken} is there already: a topic needs another name`);
  return new Map(files.map(([file, content]) => [file, `${JSON.stringify(content, null, 2)}\n`]));
}

/** The ECDSA signatures are made by one library and checked by another. */
async function checkKeys(): Promise<void> {
  const probe = utf8("probe");
  for (const name of keyNames()) {
    const { alg, sign } = key(name);
    if (!alg.startsWith("ES")) continue;
    if (!(await isSignedWith(name, probe, await sign(probe)))) throw new Error(`${name} does not verify`);
  }
}
