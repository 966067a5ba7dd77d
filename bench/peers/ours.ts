import { buildOurs } from "./programs.ts";
import { benchPath, type Peer, type PeerContext } from "./peer.ts";

const MAIN = benchPath("../main.ts");

/** This project's server on both runtimes, on disk and in memory, and as Bun's executable. */
export const OURS: readonly Peer[] = [
  ours("deno", "file"),
  ours("bun", "file"),
  {
    ...ours("bun", "file"),
    name: "ours-exe",
    byDefault: false,
    program: { name: "ours-exe", find: buildOurs },
    command: (context, directory) => [context.program, ...flags(context, "file", directory)],
  },
  ours("deno", "memory"),
  ours("bun", "memory"),
];

function ours(runtime: "deno" | "bun", storage: "file" | "memory"): Peer {
  return {
    name: storage === "file" ? `ours-${runtime}` : `ours-${runtime}-memory`,
    ceiling: storage === "file" ? `ceiling-${runtime}` : `bare-${runtime}`,
    byDefault: storage === "file",
    protocol: "http",
    takesChunkBytes: true,
    takesOursArgs: true,
    hasWebhooks: true,
    forgets: storage === "memory",
    command(context, directory) {
      const program = runtime === "deno" ? [context.deno, "run", "-A"] : [context.bun];
      return [...program, MAIN, ...flags(context, storage, directory)];
    },
  };
}

function flags(
  context: PeerContext,
  storage: "file" | "memory",
  directory: string,
): readonly string[] {
  return [
    ...["--port", "0"],
    ...(storage === "file" ? ["--dir", directory] : ["--storage", "memory"]),
    ...(context.chunkBytes === undefined ? [] : ["--chunk-bytes", String(context.chunkBytes)]),
    ...context.oursArgs,
  ];
}
