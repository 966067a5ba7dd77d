import { isIPv4 } from "node:net";

/** Whether a host to listen on is surely reached from this machine only: 127.0.0.0/8, `::1`, `localhost`. */
export function isLoopback(host: string): boolean {
  if (isIPv4(host)) return host.startsWith("127.");
  return host === "::1" || host.toLowerCase() === "localhost";
}
