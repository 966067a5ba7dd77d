import type { FairCommand, Measurement } from "../generator/commands.ts";
import type { Case, Trial, Workload } from "./workload.ts";

/** What each client may send a second. */
const LIMIT = 200;
const PACE = 150;
const CONNECTIONS = 4;
const GREEDY_CONNECTIONS = 64;
const WINDOW_SECONDS = 4;

/** A client within its limit, beside another at its own: what that one costs the first. */
export const FAIR: Workload = {
  name: "fair",
  rateUnit: "appends/s",
  unit: "append",
  paced: true,
  cases: () => [
    fairCase("limited", ["--trust-proxy", "--client-requests", `${LIMIT}/s`]),
    fairCase("unlimited", ["--trust-proxy"]),
  ],
};

function fairCase(name: string, oursArgs: readonly string[]): Case {
  return {
    id: `fair/${name}`,
    title: `${PACE} appends/s of 256 B by one client, beside another's closed loop of ` +
      `${GREEDY_CONNECTIONS} connections, ${name}`,
    selection: "default",
    setup: { fresh: true, oursArgs },
    seconds: 3 * WINDOW_SECONDS,
    run,
  };
}

/** Alone before and after, so that what the machine does meanwhile counts on both sides. */
async function run({ generator, server, warmSeconds }: Trial): Promise<Measurement> {
  const { target, watched } = server;
  const streams = { prefix: `${server.prefix}/bench-fair-`, count: 2 };
  const contentType = "application/octet-stream";
  await generator.prepare({ op: "create", target, streams, contentType });
  const command: FairCommand = {
    op: "fair",
    target,
    watched,
    connections: CONNECTIONS,
    warmSeconds: Math.max(1, warmSeconds),
    seconds: WINDOW_SECONDS,
    streams,
    contentType,
    bodyBytes: 256,
    pace: PACE,
    greedyConnections: 0,
  };
  const before = await generator.measure(command);
  const beside = await generator.measure({ ...command, greedyConnections: GREEDY_CONNECTIONS });
  const after = await generator.measure(command);
  return {
    ...beside,
    figures: {
      ...beside.figures,
      "p50 ms alone": mean(before.p50Millis, after.p50Millis),
      "of its p50 alone": (beside.p50Millis ?? NaN) / mean(before.p50Millis, after.p50Millis),
      "of its p99 alone": (beside.p99Millis ?? NaN) / mean(before.p99Millis, after.p99Millis),
      "of its rate alone": rate(beside) / mean(rate(before), rate(after)),
    },
  };
}

function rate({ units, seconds }: Measurement): number {
  return units / seconds;
}

function mean(one = NaN, other = NaN): number {
  return (one + other) / 2;
}
