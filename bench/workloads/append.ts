import { counted, sizeName, sizeText } from "./names.ts";
import type { Case, Selection, Workload } from "./workload.ts";

const SIZES = [256, 4096, 65_536];
const CONNECTIONS = [1, 4, 16, 64, 256];
const STREAMS = [1, 1000, 100_000, 1_000_000];
const CONTENT_TYPES = { bytes: "application/octet-stream", json: "application/json" } as const;
const CREATES_A_SECOND = 5000;

/** One cell of the matrix. */
interface Shape {
  readonly bodyBytes: number;
  readonly kind: keyof typeof CONTENT_TYPES;
  readonly producers: boolean;
  readonly connections: number;
  readonly streams: number;
}

const BY_DEFAULT = [
  "256B-bytes-plain-1c-1s",
  "256B-bytes-plain-16c-1s",
  "256B-bytes-plain-64c-1s",
  "256B-bytes-plain-256c-1s",
  "256B-bytes-plain-64c-1000s",
  "256B-bytes-producer-64c-1s",
  "4KiB-json-plain-64c-1s",
];

const WARM_UP = "256B-bytes-plain-64c-1s";

/** Appends, one request in flight on each connection: sizes × kinds × connections × streams. */
export const APPEND: Workload = {
  name: "append",
  rateUnit: "appends/s",
  unit: "append",
  cases(options) {
    const asked = options.connections !== undefined || options.streams !== undefined;
    return shapes(options.connections ?? CONNECTIONS, options.streams ?? STREAMS)
      .map((shape) => appendCase(shape, asked ? askedSelection(shape) : selectionOf(shape)));
  },
};

function shapes(connections: readonly number[], streams: readonly number[]): readonly Shape[] {
  const all: Shape[] = [];
  for (const bodyBytes of SIZES) {
    for (const kind of ["bytes", "json"] as const) {
      for (const producers of [false, true]) {
        for (const streamCount of streams) {
          for (const connectionCount of connections) {
            all.push({
              bodyBytes,
              kind,
              producers,
              connections: connectionCount,
              streams: streamCount,
            });
          }
        }
      }
    }
  }
  return all;
}

function partsOf(shape: Shape): string {
  const producer = shape.producers ? "producer" : "plain";
  return [
    sizeName(shape.bodyBytes),
    shape.kind,
    producer,
    `${shape.connections}c`,
    `${shape.streams}s`,
  ].join("-");
}

// All cells would take a day: --all has every size and kind at one place of the matrix, and the whole of
// connections × streams for the smallest.
function selectionOf(shape: Shape): Selection {
  if (BY_DEFAULT.includes(partsOf(shape))) return "default";
  const isSmallest = shape.bodyBytes === 256 && shape.kind === "bytes" && !shape.producers;
  const isMiddle = shape.connections === 64 && shape.streams === 1;
  return isSmallest || isMiddle ? "all" : "named";
}

// --connections and --streams say which cells: the smallest body by default, the rest by name.
function askedSelection(shape: Shape): Selection {
  return shape.bodyBytes === 256 && shape.kind === "bytes" && !shape.producers
    ? "default"
    : "named";
}

function appendCase(shape: Shape, selection: Selection): Case {
  const { bodyBytes, kind, producers, connections, streams: count } = shape;
  const parts = partsOf(shape);
  const contentType = CONTENT_TYPES[kind];
  return {
    id: `append/${parts}`,
    title: `append ${sizeText(bodyBytes)}${kind === "json" ? " of JSON" : ""}` +
      `${producers ? " by producers" : ""}, ${counted(connections, "connection")}, ` +
      counted(count, "stream"),
    selection,
    warmsUp: parts === WARM_UP,
    extraSeconds: count / CREATES_A_SECOND,
    ...(producers || kind === "json" ? {} : { protocols: ["http", "redis", "nats"] }),
    async run({ generator, server, seconds, warmSeconds }) {
      const { target, watched } = server;
      const streams = { prefix: `${server.prefix}/bench-append-${parts}-`, count };
      await generator.prepare({ op: "create", target, streams, contentType }, count);
      return await generator.measure({
        op: "append",
        target,
        watched,
        connections,
        warmSeconds,
        seconds,
        streams,
        contentType,
        bodyBytes,
        producers,
        pace: undefined,
      });
    },
  };
}
