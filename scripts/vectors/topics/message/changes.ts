import type { Call } from "../../make/call.ts";

export const PROFILE = "Countersign profile, messages";

export const CALL =
  '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{"query":"tides"}}}';

export const body = (text: string): Call => ({ body: text });

export const params = (value: unknown): Call => ({ rpc: { id: 1, method: "tools/call", params: value } });
