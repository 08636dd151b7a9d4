/**
 * Which URLs the Worker fetches on its own account: those of public hosts, so that nobody who has a say in a tenant
 * document, or in a message, can make it ask inside a private network.
 */

/**
 * Names that never mean a host on the internet: RFC 6761 section 6.3, RFC 6762 section 3, RFC 7686, RFC 8375, and
 * `internal`, which ICANN has set aside. The names of RFC 2606 resolve nowhere, so they can stand in examples.
 */
const LOCAL_NAMES = [".localhost", ".local", ".internal", ".home.arpa", ".onion"];

/** What keeps a text from being a URL that may be fetched, as a predicate for its author; null where nothing does. */
export function remoteUrlProblem(text: string): string | null {
  const url = URL.parse(text);
  if (url === null) return "must be an absolute URL";
  if (url.protocol !== "https:") return "must be https";
  if (url.username !== "" || url.password !== "") return "must not have user information";
  if (url.port !== "") return "must not have a port: only 443 is asked";
  if (text.includes("#")) return "must not have a fragment";
  if (text.endsWith("?")) return "must not have an empty query";
  const problem = remoteHostProblem(url.hostname);
  if (problem !== null) return problem;
  // One spelling for each URL. It also leaves out what URL drops in silence: tabs, line ends, an empty user.
  return url.href === text ? null : `must be written as ${url.href}`;
}

/** The same of a host name alone: it is compared with what URL makes of a host. */
export function remoteHostProblem(host: string): string | null {
  if (host.startsWith("[") || /^[\d.]+$/.test(host)) return "must name a host, not an IP address";
  if (host.endsWith(".")) return "must not have a dot after its host name";
  if (!host.includes(".")) return "must have a host name with a dot";
  if (!/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(host))
    return "must have a host name of lower-case letters, digits and '-'";
  // Addresses that URL would write with four decimal numbers, and names that are none to it.
  if (URL.parse(`https://${host}/`)?.hostname !== host) return "must have a host name that URLs can have";
  const local = LOCAL_NAMES.find((name) => `.${host}`.endsWith(name));
  return local === undefined ? null : `must not name a host of ${local}`;
}
