/** The demo's set-up with the honest agent's calls, kept running until it is stopped. */

import { writeCredentials } from "./credentials.ts";
import { runHonestAgent, setStage } from "./stage.ts";

const stopped = Promise.race(
  ["SIGINT", "SIGTERM", "SIGHUP"].map((name) => new Promise((stop) => process.once(name, stop))),
);
const stage = await setStage({ keepKeys: true });
const credentials = await writeCredentials(stage);
try {
  for (const { call, answer } of await runHonestAgent(stage)) console.log(`${call}: ${answer}`);
  console.log(`
The MCP server behind  ${stage.server.url}
Countersign in front   ${stage.endpoint}

One signed call, with everything that is sent and answered:

  npm run -s call -- ${credentials.file} search '{"query":"wax"}'

The same without evidence:

  curl -i ${stage.endpoint} -H 'content-type: application/json' -d '{"jsonrpc":"2.0","id":1,"method":"ping"}'

Ctrl-C stops it.`);
  await Promise.race([stopped, stage.countersign.failed.then((error) => console.error(error.message))]);
} finally {
  await credentials.remove();
  await stage.close();
}
