import { handle } from "./app.ts";

export default { fetch: handle };

export { Directory } from "./directory/directory.ts";
export { Ledger } from "./ledger/ledger.ts";
