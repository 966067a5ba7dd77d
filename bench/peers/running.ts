import type { Peer } from "./peer.ts";

/**
 * A server that somebody else started (`--peer URL`, the prefix included). Its CPU is not seen and it
 * is not pinned.
 */
export function runningPeer(url: string): Peer {
  return {
    name: url,
    url,
    ceiling: "ceiling-bun",
    byDefault: true,
    protocol: "http",
    command: () => [],
  };
}
