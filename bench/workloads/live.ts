import type { DeliverCommand, Measurement } from "../generator/commands.ts";
import { counted } from "./names.ts";
import type { Case, Selection, Trial, Workload } from "./workload.ts";

const OPENED_A_SECOND = 3000;
const DRAIN_SECONDS = 0.5;

/** Appends that live readers see: what is written, how often, and by how many it is read. */
interface LiveShape {
  readonly id: string;
  readonly title: string;
  readonly selection: Selection;
  readonly mode: "sse" | "long-poll";
  readonly streams: number;
  readonly readersPerStream: number;
  /** Appends a second to each stream; undefined: the next when the last was seen. */
  readonly pace: number | undefined;
  readonly bodyBytes: number;
}

/** An append and its being seen, one at a time: what a single reader waits. */
export const ROUND_TRIP: Workload = {
  name: "round-trip",
  rateUnit: "round trips/s",
  unit: "round trip",
  cases: () => [
    roundTrip("sse", 1, "default"),
    roundTrip("long-poll", 1, "default"),
    roundTrip("sse", 64, "all"),
    roundTrip("long-poll", 64, "all"),
  ],
};

/** One stream with many live readers: 20,000 deliveries a second by SSE, 5,000 by long-polls. */
export const FAN_OUT: Workload = {
  name: "fan-out",
  rateUnit: "deliveries/s",
  unit: "delivery",
  paced: true,
  cases: () => [
    fanOut("sse", 100, "all"),
    fanOut("sse", 1000, "default"),
    fanOut("sse", 5000, "all"),
    fanOut("sse", 10_000, "named"),
    fanOut("long-poll", 1000, "default"),
  ],
};

/** Many streams written in small pieces at once, each with one reader: what an AI chat does. */
export const TOKENS: Workload = {
  name: "tokens",
  rateUnit: "deliveries/s",
  unit: "delivery",
  paced: true,
  cases: () => [tokens(1000, 5, "all"), tokens(1000, 30, "default")],
};

function roundTrip(mode: "sse" | "long-poll", streams: number, selection: Selection): Case {
  const pairs = streams === 1 ? "one at a time" : `${streams} streams at once`;
  return liveCase({
    id: `round-trip/${mode}-${streams}s`,
    title: `round trip of 256 B by ${name(mode)}, ${pairs}`,
    selection,
    mode,
    streams,
    readersPerStream: 1,
    pace: undefined,
    bodyBytes: 256,
  });
}

function fanOut(mode: "sse" | "long-poll", readers: number, selection: Selection): Case {
  const pace = (mode === "sse" ? 20_000 : 5000) / readers;
  return liveCase({
    id: `fan-out/${mode}-${readers}`,
    title: `fan-out of ${pace} appends/s of 256 B to ${counted(readers, "reader")} by ${
      name(mode)
    }`,
    selection,
    mode,
    streams: 1,
    readersPerStream: readers,
    pace,
    bodyBytes: 256,
  });
}

function tokens(streams: number, pace: number, selection: Selection): Case {
  return liveCase({
    id: `tokens/${streams}x${pace}`,
    title: `tokens: ${
      counted(streams, "stream")
    }, each ${pace} appends/s of 40 B and one SSE reader`,
    selection,
    mode: "sse",
    streams,
    readersPerStream: 1,
    pace,
    bodyBytes: 40,
  });
}

function name(mode: "sse" | "long-poll"): string {
  return mode === "sse" ? "SSE" : "long-poll";
}

function liveCase(shape: LiveShape): Case {
  const readers = shape.streams * shape.readersPerStream;
  return {
    id: shape.id,
    title: shape.title,
    selection: shape.selection,
    // What a reader costs in memory is read off the process: it has to be a new one.
    setup: readers >= 1000 ? { fresh: true } : {},
    extraSeconds: readers / OPENED_A_SECOND + DRAIN_SECONDS,
    run: (trial) => runLive(shape, trial),
  };
}

async function runLive(shape: LiveShape, trial: Trial): Promise<Measurement> {
  const { generator, server } = trial;
  const { target, watched } = server;
  const { mode, pace, bodyBytes, readersPerStream, streams: count } = shape;
  const streams = { prefix: `${server.prefix}/bench-${shape.id.replace("/", "-")}-`, count };
  await generator.prepare({ op: "create", target, streams, contentType: "text/plain" }, count);
  const command: DeliverCommand = {
    op: "deliver",
    target,
    watched,
    connections: count,
    warmSeconds: trial.warmSeconds,
    seconds: trial.seconds,
    streams,
    mode,
    readersPerStream,
    pace,
    bodyBytes,
  };
  return await generator.measure(command);
}
