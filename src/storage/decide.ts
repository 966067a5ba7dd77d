import type { Bytes } from "../protocol/bytes.ts";
import { NO_BYTES } from "../protocol/bytes.ts";
import { DEFAULT_CONTENT_TYPE, sameContentType } from "../protocol/content_type.ts";
import { type ProducerState, quote, StreamError } from "../protocol/errors.ts";
import { splitJson, type StoredMessages } from "../protocol/json.ts";
import { FOREVER, type Lifetime, sameLifetime } from "../protocol/lifetime.ts";
import {
  formatOffset,
  type Offset,
  type OffsetSpace,
  positionOf,
  spaceAt,
} from "../protocol/offset.ts";
import { isOfAnother } from "./offset_spaces.ts";
import { samePolicies } from "./policies.ts";
import type { AppendRecord, ProducerBatch } from "./records.ts";
import type { AppendRequest, CreateSpec, ForkSpec } from "./storage.ts";
import type { Stream } from "./stream.ts";

/**
 * What a command comes to on a stream as it is: pure, so that nothing can come between deciding and
 * giving the offset. Refusals are thrown as `StreamError`.
 */

const NOTHING: StoredMessages = { bytes: NO_BYTES, ends: [] };

/** A body as it is stored by a stream of this mode. */
export function toStored(json: boolean, body: Bytes): StoredMessages {
  return json ? splitJson(body) : { bytes: body, ends: [body.length] };
}

/**
 * The record of an append, or `duplicate` where it is here already.
 *
 * The order is PROTOCOL §5.2's: closed, content type, then the producer's (a duplicate is a success
 * whatever follows), then the expected tail and `Stream-Seq`.
 *
 * @param space the space that the stream's offsets are of
 */
export function decideAppend(
  stream: Stream,
  known: ProducerState | undefined,
  request: AppendRequest,
  nowMs: number,
  space: OffsetSpace,
): AppendRecord | "duplicate" {
  checkUndamaged(stream);
  const close = request.close === true;
  if (request.body.length === 0 && !close) {
    throw new StreamError(
      { code: "empty_body" },
      "The body is empty: an append needs at least one byte, a close Stream-Closed: true.",
    );
  }
  if (stream.closed) return decideOnClosed(stream, known, request, space);
  const data = request.body.length === 0 ? NOTHING : checkBody(stream, request);
  if (request.producer !== undefined && isDuplicate(known, request.producer)) return "duplicate";
  checkExpectedTail(stream, request.expectedTail, space);
  checkSeq(stream, request.seq, space);
  return {
    kind: "append",
    id: stream.id,
    atMs: nowMs,
    start: stream.tail,
    data: data.bytes,
    ends: data.ends,
    producer: request.producer,
    seq: request.seq,
    close,
  };
}

/** @throws {StreamError} `damaged` where a stream takes nothing more */
export function checkUndamaged({ name, damage }: Stream): void {
  if (damage === undefined) return;
  throw new StreamError(
    { code: "damaged" },
    `The stream ${
      quote(name)
    } is damaged and takes no appends: ${damage} What of it is right can be ` +
      "read; `durable-streams check` and `repair` say more once the server is stopped.",
  );
}

function decideOnClosed(
  stream: Stream,
  known: ProducerState | undefined,
  request: AppendRequest,
  space: OffsetSpace,
): "duplicate" {
  const { producer } = request;
  if (producer === undefined) {
    if (request.close === true && request.body.length === 0) return "duplicate";
  } else {
    if (isSameBatch(stream.closedBy, producer)) return "duplicate";
    if (known !== undefined && producer.epoch < known.epoch) {
      throw staleEpoch(producer, known.epoch);
    }
  }
  throw new StreamError(
    {
      code: "stream_closed",
      space: spaceAt(space, stream.tail),
      tail: stream.tail,
      ...(producer !== undefined && known !== undefined ? { producer: known } : {}),
    },
    `The stream is closed at offset ${
      formatOffset(space, stream.tail)
    }: nothing can be appended any more.`,
  );
}

function isSameBatch(a: ProducerBatch | undefined, b: ProducerBatch): boolean {
  return a !== undefined && a.id === b.id && a.epoch === b.epoch && a.seq === b.seq;
}

function checkBody(stream: Stream, request: AppendRequest): StoredMessages {
  const { contentType, body } = request;
  if (contentType === undefined) {
    throw new StreamError(
      { code: "invalid_header" },
      `Content-Type is missing: a request with a body names the stream's, ${stream.contentType}.`,
    );
  }
  if (!sameContentType(contentType, stream.contentType)) {
    throw new StreamError(
      { code: "content_type_mismatch" },
      `Content-Type ${quote(contentType)} differs from the stream's, ${stream.contentType}.`,
    );
  }
  const data = toStored(stream.json, body);
  if (data.bytes.length === 0) {
    throw new StreamError(
      { code: "invalid_json" },
      "The body is an empty JSON array: an append holds at least one message.",
    );
  }
  return data;
}

/** PROTOCOL §5.2.1's rows; what isn't a duplicate and isn't refused is new. */
function isDuplicate(known: ProducerState | undefined, batch: ProducerBatch): boolean {
  if (known === undefined) {
    if (batch.seq !== 0) throw sequenceGap(batch, 0);
    return false;
  }
  if (batch.epoch < known.epoch) throw staleEpoch(batch, known.epoch);
  if (batch.epoch > known.epoch) {
    if (batch.seq === 0) return false;
    throw new StreamError(
      { code: "epoch_start" },
      `Producer-Seq ${batch.seq} can't open epoch ${batch.epoch} of producer ${quote(batch.id)}: ` +
        "a new epoch starts at sequence 0.",
    );
  }
  if (batch.seq <= known.seq) return true;
  if (batch.seq > known.seq + 1) throw sequenceGap(batch, known.seq + 1);
  return false;
}

function staleEpoch(batch: ProducerBatch, epoch: number): StreamError {
  return new StreamError(
    { code: "stale_epoch", epoch },
    `Producer-Epoch ${batch.epoch} of producer ${
      quote(batch.id)
    } is stale: the current one is ${epoch}.`,
  );
}

function sequenceGap(batch: ProducerBatch, expected: number): StreamError {
  return new StreamError(
    { code: "sequence_gap", expected, received: batch.seq },
    `Producer-Seq ${batch.seq} of producer ${quote(batch.id)} leaves a gap: expected ${expected}.`,
  );
}

function checkExpectedTail(stream: Stream, expected: Offset | undefined, space: OffsetSpace): void {
  if (expected === undefined) return;
  const position = positionOf(expected);
  const isOther = isOfAnother(expected, space);
  if (position === stream.tail && !isOther) return;
  const token = formatOffset(isOther ? expected.space : space, position);
  throw new StreamError(
    { code: "offset_mismatch", space: spaceAt(space, stream.tail), tail: stream.tail },
    `Stream-Expected-Offset ${token} ${
      isOther
        ? "belongs to an earlier stream of this name, or to another stream; the tail is"
        : "is not the tail,"
    } ${formatOffset(space, stream.tail)}.`,
  );
}

/** The message begins with the words that a client of the protocol looks for. */
function checkSeq(stream: Stream, seq: string | undefined, space: OffsetSpace): void {
  if (seq === undefined || stream.seq === undefined || seq > stream.seq) return;
  throw new StreamError(
    { code: "sequence_regression", space: spaceAt(space, stream.tail), tail: stream.tail },
    `Sequence conflict: Stream-Seq ${quote(seq)} is not after the last one, ${
      quote(stream.seq)
    } (compared byte by byte).`,
  );
}

/**
 * Checks that a stream may have one more producer.
 *
 * @throws {StreamError} `too_many_producers`
 */
export function checkProducerRoom({ producerCount }: Stream, maxProducers: number): void {
  if (producerCount < maxProducers) return;
  throw new StreamError(
    { code: "too_many_producers" },
    `The stream has ${producerCount} producers, as many as it may: use one of their ids.`,
  );
}

/**
 * Checks that a create asks for just the stream that is there (PROTOCOL §5.1, §4.2).
 *
 * @param inherited the source's lifetime, which a fork has where it names none
 * @param space the space that the stream's offsets are of
 * @throws {StreamError} `stream_exists`, or `source_deleted` where only forks keep the stream
 */
export function checkSameConfig(
  stream: Stream,
  spec: CreateSpec,
  inherited: Lifetime,
  space: OffsetSpace,
): void {
  if (stream.lifecycle === "soft_deleted") {
    throw new StreamError(
      { code: "stream_exists" },
      `The stream ${quote(stream.name)} was deleted but still has forks: its name is free again ` +
        "when the last of them is deleted.",
    );
  }
  const difference = configDifference(stream, spec, inherited, space);
  if (difference === undefined) return;
  throw new StreamError(
    { code: "stream_exists" },
    `The stream ${quote(stream.name)} already exists ${difference}.`,
  );
}

function configDifference(
  stream: Stream,
  spec: CreateSpec,
  inherited: Lifetime,
  space: OffsetSpace,
): string | undefined {
  if (!sameFork(stream, spec.fork, space)) return "with another fork origin";
  const contentType = spec.contentType ??
    (spec.fork === undefined ? undefined : stream.contentType);
  if (!sameContentType(contentType ?? DEFAULT_CONTENT_TYPE, stream.contentType)) {
    return `with another content type, ${stream.contentType}`;
  }
  const lifetime = spec.lifetime ?? (spec.fork === undefined ? FOREVER : inherited);
  if (!sameLifetime(lifetime, stream.lifetime)) return "with another TTL or expiry";
  const { policies } = spec;
  if (
    policies !== undefined && policies !== "inherit" && !samePolicies(policies, stream.policies)
  ) {
    return "with another retention or compaction";
  }
  if ((spec.closed ?? false) !== stream.closed) {
    return `and is ${stream.closed ? "closed" : "open"}`;
  }
  return undefined;
}

function sameFork(stream: Stream, fork: ForkSpec | undefined, space: OffsetSpace): boolean {
  if (stream.fork === undefined || fork === undefined) {
    return stream.fork === undefined && fork === undefined;
  }
  const { offset } = fork;
  if (offset !== undefined && isOfAnother(offset, space)) return false;
  return stream.fork.sourceName === fork.source &&
    stream.fork.offset === (offset && positionOf(offset)) &&
    stream.fork.subOffset === (fork.subOffset ?? 0);
}
