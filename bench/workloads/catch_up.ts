import { dropFromCache } from "../system/page_cache.ts";
import { counted, sizeName, sizeText } from "./names.ts";
import type { Case, Selection, Trial, Workload, WorkloadOptions } from "./workload.ts";

const CLIENTS = 8;
const MANY_CLIENTS = 64;
const MIB = 1024 * 1024;
const FILL_BODY_BYTES = 256 * 1024;
const CONTENT_TYPES = { bytes: "application/octet-stream", json: "application/json" } as const;

interface Variant {
  readonly parts: string;
  readonly kind: keyof typeof CONTENT_TYPES;
  readonly what: string;
  readonly selection: Selection;
  readonly clients?: number;
  readonly chunkBytes?: number;
  /** Whether the stream is a fork of a fork, a third of its bytes its own. */
  readonly fork?: boolean;
  /** Whether it is read once, from the disk. */
  readonly cold?: boolean;
}

const VARIANTS: readonly Variant[] = [
  { parts: "bytes-1MiB", kind: "bytes", what: "bytes", selection: "default" },
  { parts: "json-1MiB", kind: "json", what: "JSON", selection: "default" },
  ...[64 * 1024, 4 * 1024].flatMap((chunkBytes) =>
    (["bytes", "json"] as const).map((kind) => ({
      parts: `${kind}-${sizeName(chunkBytes)}`,
      kind,
      what: `${kind === "json" ? "JSON" : "bytes"} in chunks of ${sizeText(chunkBytes)}`,
      selection: "all" as const,
      chunkBytes,
    }))
  ),
  {
    parts: "bytes-64clients",
    kind: "bytes",
    what: "bytes",
    selection: "all",
    clients: MANY_CLIENTS,
  },
  {
    parts: "bytes-fork",
    kind: "bytes",
    what: "bytes of a fork of a fork",
    selection: "all",
    fork: true,
  },
  {
    parts: "bytes-cold",
    kind: "bytes",
    what: "bytes not in the page cache",
    selection: "all",
    cold: true,
    clients: 1,
  },
];

/** Reading a long stream from its start, as a new reader does. */
export const CATCH_UP: Workload = {
  name: "catch-up",
  rateUnit: "MiB/s",
  unit: "MiB",
  cases: (options) => VARIANTS.map((variant) => catchUpCase(variant, options)),
};

function catchUpCase(variant: Variant, { streamBytes }: WorkloadOptions): Case {
  const { chunkBytes, clients = CLIENTS } = variant;
  return {
    id: `catch-up/${variant.parts}`,
    title: `catch-up, ${variant.what}, ${sizeText(streamBytes)}, ${counted(clients, "client")}`,
    selection: variant.selection,
    extraSeconds: streamBytes / MIB / 100,
    restarts: variant.cold === true,
    needsEngine: variant.fork === true || variant.cold === true,
    ...(chunkBytes === undefined && variant.cold !== true ? {} : {
      setup: {
        ...(chunkBytes === undefined ? {} : { chunkBytes }),
        ...(variant.cold === true ? { fresh: true } : {}),
      },
    }),
    run: (trial) => catchUp(variant, streamBytes, trial),
  };
}

async function catchUp(variant: Variant, streamBytes: number, trial: Trial) {
  const { generator, server } = trial;
  const { target } = server;
  const contentType = CONTENT_TYPES[variant.kind];
  const name = `${server.prefix}/bench-catch-up-${variant.parts}-`;
  const generations = variant.fork === true ? 3 : 1;
  let streams = { prefix: `${name}0-`, count: 1 };
  for (let generation = 0; generation < generations; generation++) {
    const source = `${streams.prefix}0000000`;
    streams = { prefix: `${name}${generation}-`, count: 1 };
    await generator.prepare({
      op: "create",
      target,
      streams,
      contentType,
      ...(generation === 0 ? {} : { forkedFrom: source }),
    });
    const path = `${streams.prefix}0000000`;
    const bytes = Math.ceil(streamBytes / generations);
    const bodyBytes = Math.min(FILL_BODY_BYTES, variant.chunkBytes ?? FILL_BODY_BYTES);
    await generator.prepare(
      { op: "fill", target, path, contentType, bytes, bodyBytes },
      bytes / bodyBytes,
    );
  }
  if (variant.cold === true) {
    await server.restart("SIGTERM");
    await dropFromCache(server.directory);
  }
  return await generator.measure({
    op: "catch-up",
    target: server.target,
    watched: server.watched,
    connections: variant.clients ?? CLIENTS,
    warmSeconds: variant.cold === true ? 0 : trial.warmSeconds,
    seconds: trial.seconds,
    streams,
    streamBytes,
    once: variant.cold === true,
  });
}
