import { unixPath } from "../protocol/unix_host.ts";

/** Where the program listens, or was to. */
export interface Address {
  /** A name, an address, or the path of a socket in the file system as in `unix:/run/streams.sock`. */
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

/** The beginning of the URLs of a server: `https://127.0.0.1:4437`, or `unix:` and its path. */
export function originOf({ host, port }: Address, isEncrypted: boolean): string {
  if (unixPath(host) !== undefined) return host;
  return `${isEncrypted ? "https" : "http"}://${urlHost(host)}:${port}`;
}

/** A host as it stands in a URL: IPv6 addresses in brackets. */
export function urlHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

function explain(
  { host, port }: Address,
  cause: unknown,
): { message: string; wrong?: keyof Address } {
  const path = unixPath(host);
  if (path !== undefined) return { wrong: "host", message: explainPath(path, cause) };
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

function explainPath(path: string, cause: unknown): string {
  switch (codeOf(cause)) {
    case "EADDRINUSE":
      return `${path} is in use: end the program that listens there, or choose another path`;
    case "EEXIST":
      return `${path} is there already and is no socket: choose another path`;
    case "ENAMETOOLONG":
      return `a socket can't have the path ${JSON.stringify(path)}: choose one of 1 to 103 bytes`;
    case "ENOENT":
      return `the directory of ${path} is missing: make it, or choose another path`;
    case "EACCES":
    case "EPERM":
      return `this user may not make the socket ${path}: choose a path in a directory of its own`;
  }
  return `cannot listen on ${path}: ${cause instanceof Error ? cause.message : String(cause)}`;
}

function codeOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
}
