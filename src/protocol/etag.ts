/**
 * The entity tag of a read (PROTOCOL §5.6, §10.1). It names the stream by its storage and its id, so
 * that the tag of a stream never matches that of an earlier one of the same name; it says whether the
 * response told of the closure, which a 304 would hide otherwise; and it names the coding of the bytes,
 * since it stands for exactly the bytes that are sent (RFC 9110 §8.8.3.3).
 */
export function formatEtag(
  identity: string,
  start: number,
  end: number,
  closed: boolean,
  coding?: "gzip",
): string {
  const closure = closed ? ":c" : "";
  const suffix = coding === undefined ? "" : `-${coding}`;
  return `"${identity}:${start}:${end}${closure}${suffix}"`;
}

/**
 * Whether an `If-None-Match` value names `etag`. Compared weakly: a server that compresses on its
 * way out weakens the tag, and the client sends it back so.
 */
export function matchesEtag(ifNoneMatch: string, etag: string): boolean {
  if (ifNoneMatch === etag) return true;
  for (const part of ifNoneMatch.split(",")) {
    const candidate = part.trim();
    if (candidate === "*") return true;
    if ((candidate.startsWith("W/") ? candidate.slice(2) : candidate) === etag) return true;
  }
  return false;
}
