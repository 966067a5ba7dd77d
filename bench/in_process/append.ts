import { bun } from "../system/bun.ts";
import type { Measurement, Watched } from "../generator/commands.ts";
import { clusterFigures, quantiles, sleep } from "../generator/figures.ts";
import { Histogram } from "../generator/histogram.ts";
import { Window } from "../generator/window.ts";
import type { Appender, AppendLoad } from "./load.ts";

const MAX_ERRORS = 1_000;
const nanoseconds = bun()?.nanoseconds ?? (() => performance.now() * 1e6);

/** Keeps all calls of an appender under way: a warm-up, then the measured window. */
export async function measureAppends(
  appender: Appender,
  load: AppendLoad,
  watched: Watched,
): Promise<Measurement> {
  const histogram = new Histogram();
  let isStopped = false;
  let errors = 0;
  let firstError: string | undefined;
  const run = async (index: number) => {
    while (!isStopped) {
      const begun = nanoseconds();
      try {
        await appender.append(index);
        histogram.record(nanoseconds() - begun);
      } catch (error) {
        firstError ??= error instanceof Error ? error.message : String(error);
        if (++errors >= MAX_ERRORS) return;
      }
    }
  };
  const running = Array.from({ length: appender.calls }, (_, index) => run(index));
  await sleep(load.warmSeconds * 1000);
  histogram.clear();
  const messagesBefore = appender.messages?.() ?? 0;
  const window = new Window(watched);
  await sleep(load.seconds * 1000);
  const usage = window.end();
  const units = histogram.count * appender.appendsPerCall;
  const messages = (appender.messages?.() ?? 0) - messagesBefore;
  const latencies = quantiles(histogram);
  isStopped = true;
  await Promise.all(running);
  return {
    ...usage,
    // The load is the server's own.
    generatorBusy: 0,
    units,
    ...latencies,
    errors,
    firstError,
    figures: {
      "messages/s": messages / usage.seconds,
      "CPU µs/message": (usage.server?.cpuMicros ?? NaN) / Math.max(1, messages),
      ...clusterFigures(usage, units),
    },
  };
}
