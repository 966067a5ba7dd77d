/** Why the program can't start and what to do, in one line. */
export function startFailure(
  error: unknown,
  { host, port }: { host: string; port: number },
): string {
  const message = error instanceof Error ? error.message : String(error);
  const address = `${urlHost(host)}:${port}`;
  switch (codeOf(error)) {
    case "EADDRINUSE":
      return `${address} is in use: end the program that listens there, or choose another port ` +
        "with --port (0 picks a free one)";
    case "EADDRNOTAVAIL":
      return `this machine has no address ${host}: choose one with --host`;
  }
  return message.replaceAll(/\s*\n\s*/g, " ");
}

/** A host as it stands in a URL: IPv6 addresses in brackets. */
export function urlHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

function codeOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
}
