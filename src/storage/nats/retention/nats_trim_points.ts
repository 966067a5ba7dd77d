import { StreamError } from "../../../protocol/errors.ts";
import type { RetentionPolicy } from "../../../protocol/retention.ts";
import type { Stream } from "../../stream.ts";
import { type StreamEnd, TrimPoints } from "../../trim_points.ts";
import { NatsStream } from "../streams/nats_stream.ts";

/** Finds where streams may be trimmed: of those that a program began which didn't count, not by messages. */
export class NatsTrimPoints extends TrimPoints {
  override async firstKept(
    stream: Stream,
    { messages, ...limits }: RetentionPolicy,
    nowMs: number,
  ): Promise<number> {
    const counted = messages === undefined || !isCounted(stream) ? {} : { messages };
    return await super.firstKept(stream, { ...limits, ...counted }, nowMs);
  }

  override async messagesBefore(
    stream: Stream,
    position: number,
    end: StreamEnd,
  ): Promise<number> {
    return isCounted(stream) ? await super.messagesBefore(stream, position, end) : 0;
  }
}

/** @throws {StreamError} `retention_unsupported` where a stream's limits can't be kept to */
export function checkLimits(stream: NatsStream, limits: RetentionPolicy | undefined): void {
  if (limits?.messages === undefined || stream.isCounted) return;
  throw new StreamError(
    { code: "retention_unsupported" },
    "The stream was begun by a program that didn't count messages: it keeps by age and bytes only.",
  );
}

function isCounted(stream: Stream): boolean {
  return stream instanceof NatsStream && stream.isCounted;
}
