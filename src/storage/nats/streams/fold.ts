import { NO_BYTES } from "../../../protocol/bytes.ts";
import { applyAppend, applyDelete } from "../../apply.ts";
import { copyString } from "../../copy_string.ts";
import type { PartMessage, StoredAppend, StreamMessage } from "../format/message.ts";
import { describeMessage, isEnd } from "../format/message.ts";
import type { NatsStream } from "./nats_stream.ts";

/**
 * Why a message can't be the one that follows what a stream was folded from; `undefined` where it can. The
 * cluster may leave messages out without saying so (a damaged replica does): then those after them don't
 * fit.
 */
export function misfit(stream: NatsStream, message: StreamMessage): string | undefined {
  // It replaces all that came before it, which is gone with it.
  if (isEnd(message)) return undefined;
  const parts = stream.openParts;
  if (parts !== undefined) {
    const isNext = message.kind === "part" && message.frontEnd === parts.frontEnd &&
      message.count === parts.count && message.index === parts.nextIndex &&
      message.start === parts.nextStart;
    return isNext ? undefined : `${describeMessage(message)} is not the next part of an append`;
  }
  if (message.previousSequence !== stream.sequence) {
    return `${describeMessage(message)} stands where the one that follows message ` +
      `${stream.sequence} has to`;
  }
  if (message.start !== stream.tail) {
    return `${describeMessage(message)} follows a tail at ${stream.tail}`;
  }
  const { counts } = message;
  if (stream.isCounted && counts !== undefined && counts.before !== stream.mark.messages) {
    return `${describeMessage(message)} counts ${counts.before} messages before it, and there ` +
      `are ${stream.mark.messages}`;
  }
  return message.kind === "part" && message.index > 0
    ? `${describeMessage(message)} is a part whose first one is missing`
    : undefined;
}

/**
 * What a message does to a stream: the same for one's own as for another front end's, so that all have the
 * same state. The message fits.
 *
 * @returns whether readers see a difference
 */
export function foldMessage(
  stream: NatsStream,
  message: StreamMessage,
  sequence: number,
): boolean {
  const { tail, closed, lifecycle } = stream;
  if (stream.sequence === 0) {
    stream.firstSequence = sequence;
    stream.closed = message.isClosed;
    stream.accessedBy = message.frontEnd;
  }
  stream.sequence = sequence;
  stream.messagesSinceSnapshot++;
  stream.bytesSinceSnapshot += "data" in message ? message.data.length : 0;
  fold(stream, message);
  count(stream, message);
  stream.mark.passTime(message.atMs);
  if (message.accessedAtMs > stream.recordedAccessMs) {
    stream.recordedAccessMs = message.accessedAtMs;
    stream.accessedBy = message.frontEnd;
  }
  stream.accessedAtMs = Math.max(stream.accessedAtMs, stream.recordedAccessMs);
  stream.publish(stream.tail, stream.closed);
  return stream.tail !== tail || stream.closed !== closed || stream.lifecycle !== lifecycle;
}

function count(stream: NatsStream, { counts }: StreamMessage): void {
  if (counts === undefined) stream.isCounted = false;
  // Those of an append in parts are seen together.
  else if (stream.openParts === undefined) stream.mark.messages = counts.before + counts.count;
}

function fold(stream: NatsStream, message: StreamMessage): void {
  switch (message.kind) {
    case "appends":
      for (const append of message.appends) foldAppend(stream, append, message.atMs);
      return;
    case "part":
      return foldPart(stream, message);
    case "fork_added":
      stream.forks.set(message.forkId, {
        name: copyString(message.forkName),
        atMs: message.atMs,
        // What its own records say that it begins with.
        from: stream.earliest,
      });
      stream.forkCount = stream.forks.size;
      return;
    case "fork_removed":
      stream.forks.delete(message.forkId);
      stream.forkCount = stream.forks.size;
      return;
    case "snapshot":
      stream.keep(message.kept);
      return;
    case "touched":
      return;
    case "retention":
      return stream.retain(message);
    case "fork_trimmed": {
      const fork = stream.forks.get(message.forkId);
      stream.hasRetention = true;
      if (fork === undefined) return;
      stream.forks.set(message.forkId, { ...fork, from: Math.max(fork.from, message.from) });
      return;
    }
    case "gone":
      stream.openParts = undefined;
      if (!message.isSoftlyDeleted) stream.gone = message;
      applyDelete([stream], message.isSoftlyDeleted, () => undefined);
  }
}

function foldPart(stream: NatsStream, message: PartMessage): void {
  const { frontEnd, count, index, start, data, append } = message;
  if (index + 1 < message.partCount) {
    // Only whole appends are seen: that the others aren't there yet is a moment between two reads.
    stream.openParts = {
      frontEnd,
      count,
      nextIndex: index + 1,
      nextStart: start + data.length,
    };
    return;
  }
  stream.openParts = undefined;
  foldAppend(stream, append, message.atMs);
}

/** Its bytes are in the cluster: here only their number counts. */
function foldAppend(stream: NatsStream, append: StoredAppend, atMs: number): void {
  const { lengthBytes, producer, seq, close } = append;
  stream.mark.advance(lengthBytes);
  stream.tail += lengthBytes;
  if (producer === undefined && seq === undefined && !close) {
    // There are hundreds of these in a message.
    stream.accessedAtMs = Math.max(stream.accessedAtMs, atMs);
    return;
  }
  applyAppend(stream, {
    kind: "append",
    id: stream.id,
    atMs,
    start: stream.tail,
    data: NO_BYTES,
    ends: [],
    producer,
    seq,
    close,
  });
}
