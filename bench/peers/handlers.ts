import { benchPath, type Peer, type PeerContext } from "./peer.ts";

const BARE = benchPath("servers/bare.ts");
const CEILING = benchPath("servers/ceiling.ts");
const CHUNK_BYTES = 1024 * 1024;

/** The handlers without an engine: bare, and with one fdatasync a batch. */
export const HANDLERS: readonly Peer[] = [
  handler("ceiling", "deno"),
  handler("ceiling", "bun"),
  handler("bare", "deno"),
  handler("bare", "bun"),
];

function handler(kind: "bare" | "ceiling", runtime: "deno" | "bun"): Peer {
  return {
    name: `${kind}-${runtime}`,
    ceiling: `ceiling-${runtime}`,
    byDefault: kind === "ceiling",
    protocol: "http",
    isHandler: true,
    forgets: true,
    takesChunkBytes: true,
    hasWebhooks: true,
    command(context: PeerContext, directory: string): readonly string[] {
      const program = runtime === "deno" ? [context.deno, "run", "-A"] : [context.bun];
      const main = kind === "bare" ? [BARE] : [CEILING, directory];
      const sizes = [context.streamBytes, context.chunkBytes ?? CHUNK_BYTES];
      return [...program, ...main, ...sizes.map(String)];
    },
  };
}
