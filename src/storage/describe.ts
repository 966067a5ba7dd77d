import type { ProducerState } from "../protocol/errors.ts";
import type { OffsetSpace } from "../protocol/offset.ts";
import type { ProducerBatch } from "./records.ts";
import {
  type ForkedFrom,
  type ListedStream,
  MAX_DESCRIBED,
  type Storage,
  type StreamDescription,
  type StreamInfo,
} from "./storage.ts";
import type { Stream } from "./stream.ts";
import type { DescribedStreams } from "./streams.ts";

/** All that is known of a stream that is there, as `Storage.describe` has it. */
export function describeStream<S extends Stream>(
  stream: S,
  info: StreamInfo,
  streams: Pick<DescribedStreams<S>, "producers" | "forks">,
): StreamDescription {
  const { seq, closedBy, producerCount } = stream;
  return {
    ...info,
    lastAppendAtMs: lastAppendAtMs(stream),
    seq,
    closedBy,
    producers: streams.producers(stream, MAX_DESCRIBED),
    producersTotal: producerCount,
    forkedFrom: forkedFrom(stream),
    forks: [...streams.forks(stream, MAX_DESCRIBED)].sort(),
    ownPolicies: stream.visiblePolicies,
  };
}

/** All that a storage knows of a stream; no more than `head` says where it can't describe any. */
export async function describe(
  storage: Pick<Storage, "describe" | "head">,
  name: string,
): Promise<StreamDescription> {
  if (storage.describe !== undefined) return await storage.describe(name);
  return {
    ...await storage.head(name),
    lastAppendAtMs: 0,
    seq: undefined,
    closedBy: undefined,
    producers: [],
    producersTotal: 0,
    forkedFrom: undefined,
  };
}

/** A stream as a listing has it. */
export function listedStream(stream: Stream, space: OffsetSpace): ListedStream {
  const { name } = stream;
  const source = forkedFrom(stream);
  return {
    name,
    ...stream.infoIn(space),
    lastAppendAtMs: lastAppendAtMs(stream),
    ...(source === undefined ? {} : { forkedFrom: source }),
  };
}

/** The first of these producers by their ids. */
export function sortedProducers(
  producers: ReadonlyMap<string, ProducerState>,
  limit: number,
): ProducerBatch[] {
  return [...producers.keys()].sort().slice(0, limit).flatMap((id) => {
    const state = producers.get(id);
    return state === undefined ? [] : [{ id, epoch: state.epoch, seq: state.seq }];
  });
}

/** Where nothing is its own yet, its time is another's, or that of its creation. */
function lastAppendAtMs({ buffer, tail, ownStart }: Stream): number {
  return tail > ownStart ? buffer.lastAtMs : 0;
}

function forkedFrom({ fork }: Stream): ForkedFrom | undefined {
  return fork && { name: fork.sourceName, point: fork.point };
}
