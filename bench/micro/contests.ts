/** All contests by name, for whichever runtime they are held in. */

import { afterStagesContest } from "./after-stages.ts";
import { BODY_KINDS, BODY_SIZES, bodyContest, HOSTILE_KINDS, hostileContest } from "./json.ts";
import { contest, type Times, type Work } from "./measure.ts";
import { policyContest } from "./policy.ts";
import { SIGNATURE_ALGORITHMS, signatureContest } from "./signature.ts";
import { stagesContest } from "./stages.ts";

interface Contest {
  readonly rounds: number;
  readonly contestants: () => Readonly<Record<string, Work>> | Promise<Readonly<Record<string, Work>>>;
}

const contests = new Map<string, Contest>();
for (const alg of SIGNATURE_ALGORITHMS) {
  contests.set(`signature ${alg}`, { rounds: 60, contestants: () => signatureContest(alg) });
}
for (const kind of BODY_KINDS) {
  for (const bytes of BODY_SIZES) {
    contests.set(`json ${kind} ${bytes}`, { rounds: 9, contestants: () => bodyContest(kind, bytes) });
  }
}
for (const kind of HOSTILE_KINDS) {
  contests.set(`hostile ${kind}`, { rounds: 3, contestants: () => hostileContest(kind) });
}
contests.set("policy", { rounds: 20, contestants: policyContest });
contests.set("stages", { rounds: 20, contestants: stagesContest });
contests.set("stages after", { rounds: 20, contestants: afterStagesContest });

export async function hold(name: string): Promise<Times> {
  const found = contests.get(name);
  if (found === undefined) throw new Error(`There is no contest ${name}`);
  return contest(await found.contestants(), found.rounds);
}
