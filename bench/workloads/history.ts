import { sizeName, sizeText } from "./names.ts";
import type { Case, Selection, Workload } from "./workload.ts";

const KIB = 1024;
const FILL_BODY_BYTES = 256 * KIB;
const CONNECTIONS = 16;
const FILLED_A_SECOND = 100 * KIB ** 2;
const CONTENT_TYPE = "application/octet-stream";

/** Appends and reads at the tail of a stream, by how long its history is: the cost has to stay flat. */
export const HISTORY: Workload = {
  name: "history",
  rateUnit: "answers/s",
  unit: "answer",
  cases: () => [
    history(100, "default"),
    history(64 * KIB ** 2, "default"),
    history(KIB ** 3, "all"),
    history(10 * KIB ** 3, "named"),
    history(50 * KIB ** 3, "named"),
  ],
};

function history(bytes: number, selection: Selection): Case {
  return {
    id: `history/${sizeName(bytes)}`,
    title: `history of ${
      sizeText(bytes)
    }: 256 B appended and read at the tail, ${CONNECTIONS} connections`,
    selection,
    needsEngine: true,
    extraSeconds: bytes / FILLED_A_SECOND,
    async run({ generator, server, seconds, warmSeconds }) {
      const { target, watched } = server;
      const streams = { prefix: `${server.prefix}/bench-history-${sizeName(bytes)}-`, count: 1 };
      const path = `${streams.prefix}0000000`;
      await generator.prepare({ op: "create", target, streams, contentType: CONTENT_TYPE });
      const isShort = bytes < FILL_BODY_BYTES;
      await generator.prepare(
        isShort
          ? { op: "append-each", target, streams, contentType: CONTENT_TYPE, bodyBytes: bytes }
          : {
            op: "fill",
            target,
            path,
            contentType: CONTENT_TYPE,
            bytes,
            bodyBytes: FILL_BODY_BYTES,
          },
        bytes / FILL_BODY_BYTES,
      );
      return await generator.measure({
        op: "tail",
        target,
        watched,
        connections: CONNECTIONS,
        warmSeconds,
        seconds,
        streams,
        contentType: CONTENT_TYPE,
        bodyBytes: 256,
      });
    },
  };
}
