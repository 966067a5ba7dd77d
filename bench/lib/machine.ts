import os from "node:os";
import type { Pinning } from "./pinning.ts";

/** The machine that figures were taken on: without it they mean nothing. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly fileSystem: string;
  readonly runtimes: Readonly<Record<string, string>>;
  readonly pinning: string;
  readonly loadAverageAtStart: number;
}

/** Describes this machine; `directory` is where the servers' data go. */
export async function describeMachine(
  directory: string,
  bun: string,
  pinning: Pinning | undefined,
): Promise<Machine> {
  return {
    cpu: os.cpus()[0]?.model.trim() ?? "unknown",
    cores: os.cpus().length,
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    kernel: `${os.type()} ${os.release()} ${os.arch()}`,
    fileSystem: await fileSystemOf(directory),
    runtimes: {
      deno: Deno.version.deno,
      bun: await firstLine(bun, ["--version"]),
      node: await firstLine("node", ["--version"]),
    },
    pinning: pinning === undefined
      ? "none (fewer than two cores or no taskset)"
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
