import { runClosedLoop } from "./closed_loop.ts";
import type { CatchUpCommand, Measurement } from "./commands.ts";
import { requestBytes } from "./requests.ts";

const MIB = 1024 * 1024;

/** Reads whole streams from the start, following Stream-Next-Offset, over and over. */
export async function catchUp(command: CatchUpCommand): Promise<Measurement> {
  const offsets = new Array<string>(command.connections).fill("");
  const passBytes = new Array<number>(command.connections).fill(0);
  const result = await runClosedLoop(command, {
    next(connection) {
      const path = command.paths[connection.index % command.paths.length] ?? "/";
      const offset = offsets[connection.index] || "-1";
      return requestBytes(command.target, "GET", `${path}?offset=${offset}`);
    },
    judge(connection) {
      const { index, response } = connection;
      const bytes = (passBytes[index] ?? 0) + response.bodyBytes;
      if (response.status !== 200) {
        offsets[index] = "";
        passBytes[index] = 0;
        return `read answered ${response.status}`;
      }
      offsets[index] = response.upToDate ? "" : response.nextOffset;
      passBytes[index] = response.upToDate ? 0 : bytes;
      if (response.upToDate && bytes < command.streamBytes) {
        return `a pass ended after ${bytes} of ${command.streamBytes} bytes`;
      }
      return undefined;
    },
  });
  return { ...result, units: result.bodyBytes / MIB };
}
