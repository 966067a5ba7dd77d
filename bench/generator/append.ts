import { runClosedLoop } from "./closed_loop.ts";
import type { AppendCommand, Measurement } from "./commands.ts";
import { requestBytes } from "./requests.ts";

/** Appends small bodies to the streams in turn. */
export async function append(command: AppendCommand): Promise<Measurement> {
  const body = new Uint8Array(command.bodyBytes);
  for (let at = 0; at < body.byteLength; at++) body[at] = (at * 31 + 7) & 0xff;
  const headers = [["Content-Type", command.contentType]] as const;
  const requests = command.paths.map((path) =>
    requestBytes(command.target, "POST", path, headers, body)
  );
  const first = requests[0];
  if (first === undefined) throw new Error("an append run needs at least one stream");
  let turn = 0;
  const result = await runClosedLoop(command, {
    next() {
      const request = requests[turn] ?? first;
      turn = turn + 1 === requests.length ? 0 : turn + 1;
      return request;
    },
    judge(connection) {
      const status = connection.response.status;
      return status === 204 || status === 200 ? undefined : `append answered ${status}`;
    },
  });
  return { ...result, units: result.responses };
}
