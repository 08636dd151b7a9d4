/**
 * URL rules. The public URL is what callers sign and what tokens name, compared byte for byte: so there is one
 * spelling of it, and any other is refused here and as a request target alike.
 */

/** The public URL of a tenant that names none: `<GATEWAY_URL>/<id>/mcp`. `gatewayUrl` must be an absolute URL. */
export const pathTenantUrl = (gatewayUrl: string, id: string): string =>
  new URL(`/${id}/mcp`, gatewayUrl).href;

/**
 * Whether a path has nothing that anybody on the way could write differently: no escapes, no segment that is empty or
 * begins with a dot. No other path is served.
 */
export const isPlainPath = (path: string): boolean => /^(\/[\w~-][\w.~-]*)*\/?$/.test(path);

/** What keeps a text from being a tenant's public URL; null where nothing does. */
export function publicUrlProblem(text: string): string | null {
  const url = parse(text);
  if (url === null) return NOT_ABSOLUTE;
  const problem = schemeProblem(url);
  if (problem !== null) return problem;
  if (url.username !== "" || url.password !== "" || text.includes("@"))
    return "must not have user information";
  if (text.includes("?") || text.includes("#")) return "must not have a query or a fragment";
  if (url.hostname.endsWith(".")) return "must not have a dot after its host name";
  if (url.href !== text && url.href !== `${text}/`) return `must be written as ${url.href}`;
  if (url.pathname === "/") return "must have a path, such as /mcp";
  return isPlainPath(url.pathname) ? null : PLAIN_PATH;
}

/** What keeps a text from being an origin's URL; null where nothing does. */
export function originUrlProblem(text: string): string | null {
  const url = parse(text);
  if (url === null) return NOT_ABSOLUTE;
  const problem = schemeProblem(url);
  if (problem !== null) return problem;
  if (url.username !== "" || url.password !== "") return "must not have user information";
  return text.includes("#") ? "must not have a fragment" : null;
}

/** What keeps a text from being an authorization server's issuer identifier (RFC 8414 section 2); null where nothing does. */
export function issuerUrlProblem(text: string): string | null {
  const problem = originUrlProblem(text);
  if (problem !== null) return problem;
  if (text.includes("?")) return "must not have a query";
  const { href } = new URL(text);
  return href === text || href === `${text}/` ? null : `must be written as ${href}`;
}

/** What keeps a text from being a value of the `Origin` header that may be allowed; null where nothing does. */
export function webOriginProblem(text: string): string | null {
  const url = parse(text);
  if (url === null) return NOT_ABSOLUTE;
  return schemeProblem(url) ?? (url.origin === text ? null : `must be written as ${url.origin}`);
}

const NOT_ABSOLUTE = "must be an absolute URL";
const PLAIN_PATH =
  "must have a plain path: segments of letters, digits, '.', '_', '~', '-', none empty or beginning with a dot";

const parse = (text: string): URL | null => (URL.canParse(text) ? new URL(text) : null);

/** Loopback by its text alone: another name could resolve to anything. URL has written IPv4 hosts in full. */
const isLoopback = (hostname: string): boolean =>
  hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);

function schemeProblem(url: URL): string | null {
  if (url.protocol === "https:") return null;
  if (url.protocol === "http:" && isLoopback(url.hostname)) return null;
  return "must be https (http only for localhost, 127.0.0.0/8 and [::1])";
}
