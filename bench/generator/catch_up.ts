import { runClosedLoop } from "./closed_loop.ts";
import type { CatchUpCommand, Measurement } from "./commands.ts";
import { pathOfStream, requestBytes } from "./requests.ts";

const MIB = 1024 * 1024;

/** Reads whole streams from the start, following Stream-Next-Offset. */
export async function catchUp(command: CatchUpCommand): Promise<Measurement> {
  const { streams, target, once } = command;
  const offsets = new Array<string>(command.connections).fill("");
  const passBytes = new Array<number>(command.connections).fill(0);
  const passes = new Array<number>(command.connections).fill(0);
  const result = await runClosedLoop(command, {
    next({ index }) {
      if (once && (passes[index] ?? 0) > 0) return undefined;
      const path = pathOfStream(streams, index % streams.count);
      const offset = offsets[index] || "-1";
      return requestBytes(target, "GET", `${path}?offset=${offset}`);
    },
    check(connection) {
      const { index, response } = connection;
      const bytes = (passBytes[index] ?? 0) + response.bodyBytes;
      if (response.status !== 200) {
        offsets[index] = "";
        passBytes[index] = 0;
        return `read answered ${response.status}`;
      }
      offsets[index] = response.upToDate ? "" : response.nextOffset;
      passBytes[index] = response.upToDate ? 0 : bytes;
      if (!response.upToDate) return undefined;
      passes[index] = (passes[index] ?? 0) + 1;
      return bytes < command.streamBytes
        ? `a pass ended after ${bytes} of ${command.streamBytes} bytes`
        : undefined;
    },
  });
  const fetched = result.server?.fetchedBytes;
  return {
    ...result,
    units: result.bodyBytes / MIB,
    figures: {
      "reads/s": result.responses / result.seconds,
      ...(result.server === undefined
        ? {}
        : { "CPU µs/read": result.server.cpuMicros / Math.max(1, result.responses) }),
      ...(once && fetched !== undefined
        ? { "% from the disk": 100 * fetched / Math.max(1, result.bodyBytes) }
        : {}),
    },
  };
}
