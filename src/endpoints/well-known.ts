/** What a tenant publishes for everybody at well-known paths (RFC 8615). */

/** The documents, by the last part of their prefix. */
const DOCUMENTS = {
  /** RFC 9728. */
  metadata: "/.well-known/oauth-protected-resource",
  /** Keys and checkpoints of the audit log. */
  published: "/.well-known/countersign",
} as const;

export type WellKnown = keyof typeof DOCUMENTS;

/** What a well-known path is about: a tenant's endpoint at a path, or, where the path is null, whatever has the host to itself. */
export interface Described {
  readonly document: WellKnown;
  readonly path: string | null;
}

/** Null for any other path. */
export function describedBy(path: string): Described | null {
  for (const document of ["metadata", "published"] as const) {
    const prefix = DOCUMENTS[document];
    if (path === prefix) return { document, path: null };
    if (path.startsWith(`${prefix}/`)) return { document, path: path.slice(prefix.length) };
  }
  return null;
}

/** Where the document of a tenant is: between host and path of its public URL, as in RFC 9728 section 3.1. */
export function wellKnownUrl(document: WellKnown, publicUrl: string): string {
  const { origin, pathname } = new URL(publicUrl);
  return origin + DOCUMENTS[document] + pathname;
}

/** The answer to a request for such a document; it needs no evidence and is for every web page to read. */
export async function publish(method: string, maxAge: number, document: () => object): Promise<Response> {
  switch (method) {
    case "GET":
    case "HEAD":
      return Response.json(document(), {
        headers: { ...FOR_ALL, "Cache-Control": `public, max-age=${maxAge}` },
      });
    case "OPTIONS":
      // MCP clients send MCP-Protocol-Version even here.
      return new Response(null, {
        status: 204,
        headers: { ...FOR_ALL, "Access-Control-Allow-Methods": "GET", "Access-Control-Allow-Headers": "*" },
      });
    default:
      return new Response(null, { status: 405, headers: { ...FOR_ALL, Allow: "GET, HEAD, OPTIONS" } });
  }
}

const FOR_ALL = { "Access-Control-Allow-Origin": "*" };
