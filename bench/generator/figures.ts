import type { Measurement } from "./commands.ts";
import type { Histogram } from "./histogram.ts";

const MIB = 2 ** 20;

/** The latencies that a table shows. */
export function quantiles(histogram: Histogram) {
  return {
    p50Millis: histogram.quantileMillis(0.5),
    p99Millis: histogram.quantileMillis(0.99),
    p999Millis: histogram.quantileMillis(0.999),
  };
}

/** What the servers of a cluster used, where there is one. */
export function clusterFigures(
  { server, seconds }: Pick<Measurement, "server" | "seconds">,
  units: number,
): Record<string, number> {
  const { clusterCpuMicros, clusterMemoryBytes } = server ?? {};
  if (clusterCpuMicros === undefined) return {};
  return {
    "CPU µs of the NATS servers": clusterCpuMicros / Math.max(1, units),
    "% of a core for them": clusterCpuMicros / (seconds * 1e4),
    ...(clusterMemoryBytes === undefined ? {} : { "MiB in them": clusterMemoryBytes / MIB }),
  };
}

/** Waits without keeping the loop busy. */
export function sleep(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}

/** A body of a size: bytes of all values, or one JSON message. */
export function bodyOf(contentType: string, bytes: number): Uint8Array {
  if (contentType === "application/json") {
    const head = '{"text":"';
    const tail = '"}';
    const fill = "x".repeat(Math.max(0, bytes - head.length - tail.length));
    return new TextEncoder().encode(head + fill + tail);
  }
  const body = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at++) body[at] = (at * 31 + 7) & 0xff;
  return body;
}
