import type { RetentionPolicy } from "../../../protocol/retention.ts";
import { StreamError } from "../../../protocol/errors.ts";
import type { CountedBlocks } from "../../blocks.ts";
import { MessageCounts } from "../../message_counts.ts";
import type { RangeReader } from "../../range_reader.ts";
import type { Stream } from "../../stream.ts";
import { type StreamEnd, TrimPoints } from "../../trim_points.ts";
import type { NatsBlocks } from "../reading/nats_blocks.ts";

/** The limits that rest on what isn't known here. */
const UNKNOWN_LIMITS = [
  ["messages", "a number of messages, which aren't counted there"],
  ["toSnapshot", "snapshots, which aren't kept there"],
] as const;

/**
 * Finds where streams may be trimmed whose messages aren't counted: a block is what one append brought, or a
 * JSON message.
 */
export class NatsTrimPoints extends TrimPoints {
  constructor(reader: RangeReader, blocks: NatsBlocks) {
    const counted = uncounted(blocks);
    super(reader, counted, new MessageCounts(reader, counted));
  }

  override messagesBefore(_stream: Stream, _position: number, _end: StreamEnd): Promise<number> {
    return Promise.resolve(0);
  }
}

/** What is wrong with limits; `undefined` where they can be kept to. */
export function unknownLimit(limits: RetentionPolicy | undefined): string | undefined {
  for (const [name, what] of UNKNOWN_LIMITS) {
    if (limits?.[name] === undefined) continue;
    return `The storage on NATS keeps by age and bytes, not by ${what}.`;
  }
  return undefined;
}

/** @throws {StreamError} `retention_unsupported` where limits can't be kept to */
export function checkLimits(limits: RetentionPolicy | undefined): void {
  const fault = unknownLimit(limits);
  if (fault !== undefined) throw new StreamError({ code: "retention_unsupported" }, fault);
}

function uncounted(blocks: NatsBlocks): CountedBlocks {
  const notCounted = (): never => {
    throw new StreamError({ code: "ordinals_unsupported" }, "The messages aren't counted.");
  };
  return {
    readChunk: (stream, from, limitBytes, to) => blocks.readChunk(stream, from, limitBytes, to),
    blockStart: (stream, offset) => blocks.blockStart(stream, offset),
    blockSince: (stream, sinceMs) => blocks.blockSince(stream, sinceMs),
    countedBlockAt: async (stream, offset) => {
      const { start, end, atMs } = await blocks.messageAt(stream, offset);
      return { start, end, atMs, before: 0, through: 0 };
    },
    countedBlockOf: notCounted,
  };
}
