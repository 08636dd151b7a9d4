/** One signed tool call, with everything that is sent and answered: `npm run call -- CREDENTIALS TOOL JSON`. */

import { addEvidence, startRun } from "countersign/agent";
import { readCredentials } from "./credentials.ts";
import { evidenceOf, mandateFor } from "./stage.ts";

const [file, tool = "search", args = '{"query":"wax"}'] = process.argv.slice(2);
if (file === undefined) {
  console.error(
    "Usage: npm run call -- CREDENTIALS [TOOL] [ARGUMENTS as JSON]; npm start prints one to copy.",
  );
  process.exit(2);
}
const stage = await readCredentials(file);
const params = { name: tool, arguments: JSON.parse(args) };
const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params });
const { headers } = await addEvidence(
  {
    method: "POST",
    url: stage.endpoint,
    headers: { "content-type": "application/json", accept: "application/json, text/event-stream" },
    body,
  },
  evidenceOf(startRun(await mandateFor(stage)), stage.reader),
);
console.log(`POST ${stage.endpoint}`);
for (const [name, value] of headers) console.log(`${name}: ${value}`);
console.log(`\n${body}\n`);

const response = await fetch(stage.endpoint, { method: "POST", headers, body });
console.log(`HTTP ${response.status}`);
for (const [name, value] of response.headers) console.log(`${name}: ${value}`);
console.log(`\n${await response.text()}`);
process.exitCode = response.ok ? 0 : 1;
