import { AppendRequest } from "./append_request.ts";
import { runClosedLoop } from "./closed_loop.ts";
import type { Measurement, TailCommand } from "./commands.ts";
import { bodyOf } from "./figures.ts";
import { pathOfStream, requestBytes } from "./requests.ts";

/** Each connection appends to the one stream, then reads from where its append before the last ended. */
export async function tail(command: TailCommand): Promise<Measurement> {
  const { target, streams, contentType, connections } = command;
  const body = bodyOf(contentType, command.bodyBytes);
  const request = new AppendRequest({ target, streams, contentType, body, connection: 0 });
  const path = pathOfStream(streams, 0);
  const reading = new Array<boolean>(connections).fill(false);
  const before = new Array<string>(connections).fill("");
  const last = new Array<string>(connections).fill("");
  const result = await runClosedLoop(command, {
    next({ index }) {
      const from = before[index] ?? "";
      reading[index] = !reading[index] && from !== "";
      return reading[index] ? requestBytes(target, "GET", `${path}?offset=${from}`) : request.to(0);
    },
    check({ index, response }) {
      if (reading[index]) {
        if (response.status !== 200) return `read answered ${response.status}`;
        return response.bodyBytes >= body.byteLength ? undefined : "a read missed its own append";
      }
      before[index] = last[index] ?? "";
      last[index] = response.nextOffset;
      return response.status === 204 ? undefined : `append answered ${response.status}`;
    },
  });
  return { ...result, units: result.responses };
}
