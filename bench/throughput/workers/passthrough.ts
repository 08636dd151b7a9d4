/** A Worker that forwards and does nothing else. */

interface Env {
  readonly ORIGIN: string;
}

export default {
  fetch: ({ method, headers, body }: Request, env: Env): Promise<Response> =>
    fetch(env.ORIGIN, { method, headers, body }),
};
