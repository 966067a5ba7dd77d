import { benchPath, type Peer, type PeerContext } from "./peer.ts";

const BARE = benchPath("servers/bare.ts");
const CEILING = benchPath("servers/ceiling.ts");

/** The handlers without an engine: bare, and with one fdatasync a batch. */
export const HANDLERS: readonly Peer[] = [
  bare("deno"),
  bare("bun"),
  ceiling("deno"),
  ceiling("bun"),
];

function bare(runtime: "deno" | "bun"): Peer {
  return {
    name: `bare-${runtime}`,
    ceiling: `ceiling-${runtime}`,
    command: (context) => [...program(runtime, context), BARE, String(context.streamBytes)],
  };
}

function ceiling(runtime: "deno" | "bun"): Peer {
  return {
    name: `ceiling-${runtime}`,
    ceiling: `ceiling-${runtime}`,
    command: (context, directory) => [
      ...program(runtime, context),
      CEILING,
      directory,
      String(context.streamBytes),
    ],
  };
}

function program(runtime: "deno" | "bun", context: PeerContext): readonly string[] {
  return runtime === "deno" ? [context.deno, "run", "-A"] : [context.bun];
}
