import type { Case, Workload, WorkloadOptions } from "./workload.ts";

const CONNECTIONS = 8;
const MIB = 1024 * 1024;

/** Reading a long stream from its start, as a new reader does. */
export const CATCH_UP: Workload = {
  name: "catch-up",
  rateUnit: "MiB/s",
  cpuUnit: "CPU µs/MiB",
  cases: (options) => [
    catchUpCase("bytes", "application/octet-stream", options),
    catchUpCase("json", "application/json", options),
  ],
};

function catchUpCase(kind: string, contentType: string, options: WorkloadOptions): Case {
  const { streamBytes } = options;
  return {
    name: `catch-up ${kind}, ${streamBytes / MIB} MiB, ${CONNECTIONS} connections`,
    async run({ generator, server, seconds, warmSeconds }) {
      const path = `${server.prefix}/bench-catch-up-${kind}`;
      const { target } = server;
      await generator.prepare({ op: "create", target, paths: [path], contentType });
      await generator.prepare({ op: "fill", target, path, contentType, bytes: streamBytes });
      return await generator.measure({
        op: "catch-up",
        target,
        serverPid: server.pid,
        connections: CONNECTIONS,
        warmSeconds,
        seconds,
        paths: [path],
        streamBytes,
      }, warmSeconds + seconds);
    },
  };
}
