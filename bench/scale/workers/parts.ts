/** What nobody who binds evidence to a body can do without: to hash it, and to read it as strict JSON. */

import { fromUtf8, sha256 } from "../../../src/encoding.ts";
import { parseStrictJson } from "../../../src/json/strict-json.ts";

export default {
  /** Does it as often as the query says. */
  fetch: async (request: Request): Promise<Response> => {
    const bytes = new Uint8Array(await request.arrayBuffer());
    const times = Number(new URL(request.url).searchParams.get("times"));
    for (let i = 0; i < times; i++) {
      await sha256(bytes);
      if (!parseStrictJson(fromUtf8(bytes) ?? "").ok) return new Response(null, { status: 400 });
    }
    return new Response("done");
  },
};
