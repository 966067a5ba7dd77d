import { benchPath, type Peer, type PeerContext } from "./peer.ts";

const MAIN = benchPath("../main.ts");

/** This project's server on both runtimes, on disk and in memory. */
export const OURS: readonly Peer[] = [
  ours("deno", "file"),
  ours("deno", "memory"),
  ours("bun", "file"),
  ours("bun", "memory"),
];

function ours(runtime: "deno" | "bun", storage: "file" | "memory"): Peer {
  return {
    name: storage === "file" ? `ours-${runtime}` : `ours-${runtime}-memory`,
    ceiling: `ceiling-${runtime}`,
    command(context: PeerContext, directory: string): readonly string[] {
      const program = runtime === "deno" ? [context.deno, "run", "-A"] : [context.bun];
      const data = storage === "file" ? ["--dir", directory] : ["--storage", "memory"];
      return [...program, MAIN, "--port", "0", ...data];
    },
  };
}
