import { hold } from "./contests.ts";

/** Holds the contest that the query names. */
export default {
  fetch: async (request: Request): Promise<Response> =>
    Response.json(await hold(new URL(request.url).searchParams.get("contest") ?? "")),
};
