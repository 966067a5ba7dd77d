/** Which core the server and which the load generator is held to. */
export interface Pinning {
  readonly server: number;
  readonly generator: number;
}

/** Two of the cores this process may use, or undefined where there are fewer or no `taskset`. */
export async function findPinning(): Promise<Pinning | undefined> {
  const cores = allowedCores();
  const [server, generator] = cores;
  if (server === undefined || generator === undefined) return undefined;
  try {
    const probe = new Deno.Command("taskset", { args: ["--version"], stdout: "null" });
    if (!(await probe.output()).success) return undefined;
  } catch {
    return undefined;
  }
  return { server, generator };
}

/** A command held to one core, where pinning is possible. `taskset` execs: the pid stays the same. */
export function pinned(core: number | undefined, command: readonly string[]): readonly string[] {
  return core === undefined ? command : ["taskset", "-c", String(core), ...command];
}

function allowedCores(): number[] {
  let status: string;
  try {
    status = Deno.readTextFileSync("/proc/self/status");
  } catch {
    return [];
  }
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1] ?? "";
  return list.split(",").flatMap((range) => {
    const [first, last] = range.split("-").map(Number);
    if (first === undefined || Number.isNaN(first)) return [];
    return Array.from({ length: (last ?? first) - first + 1 }, (_, index) => first + index);
  });
}
