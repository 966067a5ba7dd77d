/** Where the program listens, or was to. */
export interface Address {
  host: string;
  port: number;
}

/** The server can't listen; the message says why and what to do. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  /** Which part of the address has to change; `undefined` where that isn't known. */
  readonly wrong: keyof Address | undefined;

  constructor(address: Address, cause: unknown) {
    const { message, wrong } = explain(address, cause);
    super(message, { cause });
    this.wrong = wrong;
  }
}

/** A host as it stands in a URL: IPv6 addresses in brackets. */
export function urlHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

function explain(
  { host, port }: Address,
  cause: unknown,
): { message: string; wrong?: keyof Address } {
  const where = `${urlHost(host)}:${port}`;
  switch (codeOf(cause)) {
    case "EADDRINUSE":
      return {
        wrong: "port",
        message:
          `${where} is in use: end the program that listens there, or choose another port (0 picks a ` +
          "free one)",
      };
    case "EADDRNOTAVAIL":
    // How `node:net` on Deno says it.
    case "EINVAL":
      return {
        wrong: "host",
        message: `this machine has no address ${host}: choose one that it has`,
      };
    case "EACCES":
      return {
        wrong: "port",
        message: `this user may not listen on ${where}: choose a port from 1024 on`,
      };
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return { wrong: "host", message: `the host ${host} has no address: choose another` };
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return { message: `cannot listen on ${where}: ${reason}` };
}

function codeOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
}
