/** Where the program listens, or was to. */
export interface Address {
  host: string;
  port: number;
}

/** The server can't listen; the message says why and what to do. */
export class ListenError extends Error {
  override readonly name = "ListenError";

  constructor(address: Address, cause: unknown) {
    super(explain(address, cause), { cause });
  }
}

/** A host as it stands in a URL: IPv6 addresses in brackets. */
export function urlHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

function explain({ host, port }: Address, cause: unknown): string {
  const where = `${urlHost(host)}:${port}`;
  switch (codeOf(cause)) {
    case "EADDRINUSE":
      return `${where} is in use: end the program that listens there, or choose another port ` +
        "with --port, or the option port (0 picks a free one)";
    case "EADDRNOTAVAIL":
    // How `node:net` on Deno says it.
    case "EINVAL":
      return `this machine has no address ${host}: choose one that it has with --host, or the option hostname`;
    case "EACCES":
      return `this user may not listen on ${where}: choose a port from 1024 on with --port, or the option port`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `the host ${host} has no address: choose another with --host, or the option hostname`;
  }
  return `cannot listen on ${where}: ${cause instanceof Error ? cause.message : String(cause)}`;
}

function codeOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
}
