import { findNats, findRedis } from "./programs.ts";
import type { Peer } from "./peer.ts";

/** What people would use instead: an append there is an XADD, or a publish that waits for its answer. */
export const BROKERS: readonly Peer[] = [
  {
    name: "redis",
    ceiling: "ceiling-bun",
    byDefault: true,
    protocol: "redis",
    program: { name: "redis", find: findRedis },
    prefix: "",
    command: (context, directory) => [
      context.program,
      ...["--bind", "127.0.0.1", "--port", String(context.port), "--dir", directory],
      ...["--appendonly", "yes", "--appendfsync", "always", "--save", "", "--daemonize", "no"],
    ],
  },
  {
    name: "nats",
    ceiling: "ceiling-bun",
    byDefault: true,
    protocol: "nats",
    program: { name: "nats", find: findNats },
    prefix: "bench.",
    command(context, directory) {
      const path = `${directory}/nats.conf`;
      Deno.writeTextFileSync(
        path,
        `listen: "127.0.0.1:${context.port}"\n` +
          `jetstream { store_dir: ${JSON.stringify(directory)}, sync_interval: always }\n`,
      );
      return [context.program, "--config", path];
    },
  },
];
