import { unixPath } from "./unix_host.ts";

const IPV4 = /^127(?:\.\d{1,3}){3}$/;

/**
 * Whether a host is surely reached from its own machine only: 127.0.0.0/8, `::1`, `localhost`, and a socket
 * in the file system.
 */
export function isLoopback(host: string): boolean {
  return IPV4.test(host) || host === "::1" || host.toLowerCase() === "localhost" ||
    unixPath(host) !== undefined;
}
