import { runClosedLoop } from "./closed_loop.ts";
import type { Measurement, ReadRandomCommand } from "./commands.ts";
import { pathOfStream, requestBytes } from "./requests.ts";

/** Reads short streams whole, in an order that is the same in every run and looks like none. */
export async function readRandom(command: ReadRandomCommand): Promise<Measurement> {
  const { streams, target, bodyBytes } = command;
  let state = 12345;
  const result = await runClosedLoop(command, {
    limitResponses: command.limitReads,
    next() {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      const index = Math.floor((state / 2 ** 32) * streams.count);
      return requestBytes(target, "GET", `${pathOfStream(streams, index)}?offset=-1`);
    },
    check({ response }) {
      if (response.status !== 200) return `read answered ${response.status}`;
      return response.bodyBytes === bodyBytes
        ? undefined
        : `read answered ${response.bodyBytes} bytes instead of ${bodyBytes}`;
    },
  });
  return { ...result, units: result.responses };
}
