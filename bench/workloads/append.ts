import type { Case, Workload } from "./workload.ts";

const BODY_BYTES = 256;
const CONTENT_TYPE = "application/octet-stream";

/** Small appends by plain POST: connections × streams. */
export const APPEND: Workload = {
  name: "append",
  rateUnit: "appends/s",
  cpuUnit: "CPU µs/append",
  cases: (options) =>
    options.streams.flatMap((streams) =>
      options.connections.map((connections) => appendCase(connections, streams))
    ),
};

function appendCase(connections: number, streams: number): Case {
  return {
    name: `append ${BODY_BYTES} B, ${connections} connections, ${streams} stream${
      streams === 1 ? "" : "s"
    }`,
    async run({ generator, server, seconds, warmSeconds }) {
      const paths = Array.from(
        { length: streams },
        (_, index) => `${server.prefix}/bench-append-${connections}-${streams}-${index}`,
      );
      await generator.prepare({
        op: "create",
        target: server.target,
        paths,
        contentType: CONTENT_TYPE,
      });
      return await generator.measure({
        op: "append",
        target: server.target,
        serverPid: server.pid,
        connections,
        warmSeconds,
        seconds,
        paths,
        contentType: CONTENT_TYPE,
        bodyBytes: BODY_BYTES,
      }, warmSeconds + seconds);
    },
  };
}
