import type { AppendCommand } from "../generator/commands.ts";
import { directoryBytes } from "../system/disk.ts";
import type { Case, Workload } from "./workload.ts";

const CONNECTIONS = 64;
const STREAMS = 1000;
const PROBE_SECONDS = 2;
const SHARE_OF_TOP = 0.7;
const MIB = 2 ** 20;

/** A long load at 70 % of what the server can take, through checkpoints and turns of the log. */
export const STEADY: Workload = {
  name: "steady",
  rateUnit: "appends/s",
  unit: "append",
  paced: true,
  cases: ({ steadySeconds }) => [steadyCase(steadySeconds)],
};

function steadyCase(seconds: number): Case {
  return {
    id: `steady/${CONNECTIONS}c-${STREAMS}s`,
    title: `steady: 256 B at 70 % of the top rate for ${seconds} s, ${CONNECTIONS} connections, ` +
      `${STREAMS} streams`,
    selection: "default",
    setup: { fresh: true },
    protocols: ["http", "redis", "nats"],
    onceOnly: true,
    extraSeconds: PROBE_SECONDS + 1,
    seconds,
    async run({ generator, server, warmSeconds }) {
      const { target, watched, prefix } = server;
      const contentType = "application/octet-stream";
      const streams = { prefix: `${prefix}/bench-steady-`, count: STREAMS };
      await generator.prepare({ op: "create", target, streams, contentType });
      const command: AppendCommand = {
        op: "append",
        target,
        watched,
        connections: CONNECTIONS,
        warmSeconds,
        seconds: PROBE_SECONDS,
        streams,
        contentType,
        bodyBytes: 256,
        producers: false,
        pace: undefined,
      };
      const top = await generator.measure(command);
      const topRate = top.units / top.seconds;
      const steady = await generator.measure({ ...command, seconds, pace: topRate * SHARE_OF_TOP });
      const logBytes = directoryBytes(server.directory, "wal");
      return {
        ...steady,
        figures: {
          "appends/s at the top": topRate,
          ...ofMemory("MiB of memory before", top.server?.memoryBytes),
          ...ofMemory("MiB of memory after", steady.server?.memoryBytes),
          ...(logBytes === undefined ? {} : { "MiB of log": logBytes / MIB }),
        },
      };
    },
  };
}

function ofMemory(name: string, bytes: number | undefined): Record<string, number> {
  return bytes === undefined ? {} : { [name]: bytes / MIB };
}
