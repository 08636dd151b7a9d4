import { app } from "./app.ts";

export default { fetch: app.fetch };

export { Directory } from "./ledger/directory.ts";
export { Ledger } from "./ledger/ledger.ts";
