import os from "node:os";
import type { Pinning } from "./pinning.ts";
import { probeSync, type SyncCost } from "./sync_probe.ts";

/** The machine that figures were taken on: without it they mean nothing. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly fileSystem: string;
  /** What a write and its sync cost there, one after the other. */
  readonly sync: SyncCost;
  /** Of the runtimes, and of the programs that were measured. */
  readonly versions: Readonly<Record<string, string>>;
  readonly pinning: string;
  readonly loadAverageAtStart: number;
}

/** Describes this machine; `directory` is where the servers' data go. */
export async function describeMachine(
  directory: string,
  bun: string,
  pinning: Pinning | undefined,
  programs: ReadonlyMap<string, string>,
): Promise<Machine> {
  const versions: Record<string, string> = {
    deno: Deno.version.deno,
    bun: await firstLine(bun, ["--version"]),
    node: await firstLine("node", ["--version"]),
  };
  for (const [name, path] of programs) {
    // The native server has no flag that says its version.
    if (name !== "native") versions[name] = await firstLine(path, ["--version"]);
  }
  return {
    cpu: os.cpus()[0]?.model.trim() ?? "unknown",
    cores: os.cpus().length,
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    kernel: `${os.type()} ${os.release()} ${os.arch()}`,
    fileSystem: await fileSystemOf(directory),
    sync: probeSync(directory),
    versions,
    pinning: pinning === undefined
      ? "not held to cores"
      : `server on core ${pinning.server}, load generator on core ${pinning.generator}`,
    loadAverageAtStart: Math.round((os.loadavg()[0] ?? 0) * 100) / 100,
  };
}

async function fileSystemOf(directory: string): Promise<string> {
  return await firstLine("stat", ["-f", "-c", "%T", directory]);
}

async function firstLine(command: string, args: string[]): Promise<string> {
  try {
    const output = await new Deno.Command(command, { args, stderr: "null" }).output();
    return new TextDecoder().decode(output.stdout).split("\n")[0] ?? "unknown";
  } catch {
    return "unknown";
  }
}
