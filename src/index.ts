import { app } from "./app.ts";

export default { fetch: app.fetch };

export { Directory } from "./directory/directory.ts";
export { Ledger } from "./ledger/ledger.ts";
