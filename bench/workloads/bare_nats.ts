import type { Measurement } from "../generator/commands.ts";
import type { InProcessLoad, InProcessReply } from "../in_process/load.ts";
import { counted, sizeName, sizeText } from "./names.ts";
import type { Case, Selection, Trial, Workload } from "./workload.ts";

const APPEND_BYTES = 256;
const BODY_BYTES = 100;
const CREATES_A_SECOND = 2500;
const LISTS_A_SECOND = 4000;

/** Appends to the storage on NATS without HTTP, beside clients that publish groups of the same size. */
export const BARE_NATS: Workload = {
  name: "bare-nats",
  rateUnit: "appends/s",
  unit: "append",
  cases: () => [
    appends(250, 1),
    appends(250, 64),
    appends(10, 1000),
    appends(1, 1),
    appends(1, 64),
    appends(1, 1000),
    listing(1000, "default"),
    listing(1000, "default", 64 * 1024),
    listing(10_000, "default"),
    listing(100_000, "all"),
  ],
};

function appends(group: number, streams: number): Case {
  return {
    id: `bare-nats/${group}a-${streams}s`,
    title: `${counted(streams, "stream")}, each with one message at once of ` +
      `${counted(group, "append")} of ${APPEND_BYTES} B, without HTTP`,
    selection: "default",
    inProcess: true,
    extraSeconds: 1 + streams / CREATES_A_SECOND,
    run: ({ warmSeconds, seconds, server }) =>
      runInProcess(server, {
        kind: "append",
        streams,
        group,
        appendBytes: APPEND_BYTES,
        warmSeconds,
        seconds,
      }),
  };
}

function listing(streams: number, selection: Selection, bodyBytes = BODY_BYTES): Case {
  return {
    id: `bare-nats/list-${streams}-${sizeName(bodyBytes)}`,
    title:
      `${counted(streams, "stream")} of ${sizeText(bodyBytes)} made and listed: the unit is a ` +
      "listed stream, the latency that of a page of 1,000",
    selection,
    inProcess: true,
    needsEngine: true,
    setup: { fresh: true },
    onceOnly: true,
    seconds: 0,
    extraSeconds: 5 + streams / CREATES_A_SECOND + streams / LISTS_A_SECOND,
    run: ({ server }) => runInProcess(server, { kind: "list", streams, bodyBytes }),
  };
}

async function runInProcess(server: Trial["server"], load: InProcessLoad): Promise<Measurement> {
  const { host, port } = server.target;
  const url = `http://${host}:${port}/run`;
  const response = await fetch(url, { method: "POST", body: JSON.stringify(load) });
  const reply: InProcessReply = await response.json();
  if (!reply.ok) throw new Error(reply.error);
  return reply.measurement;
}
