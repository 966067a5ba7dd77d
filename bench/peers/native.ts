import { findNative } from "./programs.ts";
import type { Peer } from "./peer.ts";

/** The protocol's native server, written in Rust: one shard of its log, for it is given one core. */
export const NATIVE: readonly Peer[] = [native("native", "wal"), native("native-memory", "memory")];

function native(name: string, durability: "wal" | "memory"): Peer {
  return {
    name,
    ceiling: "ceiling-bun",
    byDefault: durability === "wal",
    protocol: "http",
    program: { name: "native", find: findNative },
    prefix: "/v1/stream",
    command: (context, directory) => [
      context.program,
      ...["--port", String(context.port), "--data-dir", directory],
      ...["--durability", durability, "--wal-shards", "1", "--worker-threads", "1"],
    ],
  };
}
