const UNIX = "unix:";

/** The path of a host such as `unix:/run/streams.sock`; `undefined` for a name or an address. */
export function unixPath(host: string): string | undefined {
  return host.startsWith(UNIX) ? host.slice(UNIX.length) : undefined;
}
