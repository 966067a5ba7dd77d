import type { Measurement } from "../generator/commands.ts";
import { counted } from "./names.ts";
import type { Case, Selection, Trial, Workload } from "./workload.ts";

const CONNECTIONS = 64;
const BODY_BYTES = 256;
const CREATED_A_SECOND = 2000;
/** What sends and signs is much code, compiled only after thousands of deliveries. */
const WARM_SECONDS = 12;
const WINDOW_SECONDS = 12;

/** Webhooks: from an append's answer to its wake's arrival, and appends beside subscriptions of others. */
export const WAKE: Workload = {
  name: "wake",
  rateUnit: "wakes/s",
  unit: "wake",
  paced: true,
  cases: () => [
    paced(200, "default"),
    paced(1000, "default"),
    alone(1000, "default"),
    besideOthers(0, "default"),
    besideOthers(10_000, "default"),
  ],
};

/** So many wakes a second, each of a subscription of its own within that second. */
function paced(pace: number, selection: Selection): Case {
  return {
    id: `wake/${pace}`,
    title: `${pace.toLocaleString("en-US")} wakes/s of as many webhooks, each answered at once`,
    selection,
    needsWebhooks: true,
    setup: { fresh: true },
    onceOnly: true,
    seconds: WINDOW_SECONDS,
    extraSeconds: pace / CREATED_A_SECOND + WARM_SECONDS + 1,
    run: (trial) => runPaced(pace, trial),
  };
}

async function runPaced(
  pace: number,
  { generator, server, ...trial }: Trial,
): Promise<Measurement> {
  const { target, watched } = server;
  const root = server.prefix;
  const streams = { prefix: `${root}/bench-wake-${pace}-`, count: pace };
  await generator.prepare({ op: "create", target, streams, contentType: "text/plain" }, pace);
  return await generator.measure({
    op: "wake",
    target,
    watched,
    connections: CONNECTIONS,
    warmSeconds: WARM_SECONDS,
    seconds: trial.seconds,
    streams,
    subscriptions: { prefix: `${root}/__ds/subscriptions/bench-${pace}-`, count: pace },
    root,
    pace,
    bodyBytes: BODY_BYTES,
  });
}

/** The same appends without webhooks: a wake's CPU less one of these is what a delivery costs. */
function alone(pace: number, selection: Selection): Case {
  return {
    id: `wake/appends-alone-${pace}`,
    title: `${pace.toLocaleString("en-US")} appends/s to as many streams, without webhooks`,
    selection,
    needsWebhooks: true,
    setup: { fresh: true },
    onceOnly: true,
    seconds: WINDOW_SECONDS,
    extraSeconds: pace / CREATED_A_SECOND + WARM_SECONDS,
    run: (trial) => runAlone(pace, trial),
  };
}

async function runAlone(pace: number, trial: Trial): Promise<Measurement> {
  const { generator, server: { target, prefix } } = trial;
  const streams = { prefix: `${prefix}/bench-alone-`, count: pace };
  await generator.prepare({ op: "create", target, streams, contentType: "text/plain" }, pace);
  return await measureAppends({ ...trial, warmSeconds: WARM_SECONDS }, streams, pace);
}

/** Appends while there are subscriptions that none of them matches: units are appends here. */
function besideOthers(count: number, selection: Selection): Case {
  return {
    id: `wake/append-beside-${count}`,
    title: `appends of 256 B by 64 connections beside ${counted(count, "subscription")} of others`,
    selection,
    needsEngine: true,
    needsWebhooks: true,
    setup: { fresh: true },
    extraSeconds: count / CREATED_A_SECOND,
    run: (trial) => runBesideOthers(count, trial),
  };
}

async function runBesideOthers(count: number, trial: Trial): Promise<Measurement> {
  const { generator, server } = trial;
  const { target } = server;
  const streams = { prefix: `${server.prefix}/bench-beside-`, count: 16 };
  await generator.prepare({ op: "create", target, streams, contentType: "text/plain" });
  const prefix = `${server.prefix}/__ds/subscriptions/bench-other-`;
  if (count > 0) {
    await generator.prepare({ op: "subscribe", target, subscriptions: { prefix, count } }, count);
  }
  return await measureAppends(trial, streams, undefined);
}

/** @param pace appends a second; as many as can be unless it is given */
async function measureAppends(
  { generator, server: { target, watched }, warmSeconds, seconds }: Trial,
  streams: { prefix: string; count: number },
  pace: number | undefined,
): Promise<Measurement> {
  return await generator.measure({
    op: "append",
    target,
    watched,
    connections: CONNECTIONS,
    warmSeconds,
    seconds,
    streams,
    contentType: "text/plain",
    bodyBytes: BODY_BYTES,
    producers: false,
    pace,
  });
}
