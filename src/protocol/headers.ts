/**
 * Header names of the protocol (PROTOCOL §13.2), lower case as they are compared and sent.
 */
export const STREAM_NEXT_OFFSET = "stream-next-offset";
/** PROTOCOL §5.6: the response holds all there is. */
export const STREAM_UP_TO_DATE = "stream-up-to-date";
/** PROTOCOL §4.1. */
export const STREAM_CLOSED = "stream-closed";
/** PROTOCOL §10.1. */
export const STREAM_CURSOR = "stream-cursor";
/** PROTOCOL §5.2: the writer's own order, compared byte by byte. */
export const STREAM_SEQ = "stream-seq";
/** PROTOCOL §5.1: a sliding time to live in seconds. */
export const STREAM_TTL = "stream-ttl";
/** PROTOCOL §5.1: an RFC 3339 time. */
export const STREAM_EXPIRES_AT = "stream-expires-at";
/** PROTOCOL §4.2. */
export const STREAM_FORKED_FROM = "stream-forked-from";
/** PROTOCOL §4.2. */
export const STREAM_FORK_OFFSET = "stream-fork-offset";
/** PROTOCOL §4.2. */
export const STREAM_FORK_SUB_OFFSET = "stream-fork-sub-offset";
/** PROTOCOL §5.8. */
export const STREAM_SSE_DATA_ENCODING = "stream-sse-data-encoding";
/** An extension: where the response begins, of a read that named no offset of the stream. */
export const STREAM_START_OFFSET = "stream-start-offset";
/** An extension: how many messages come before `Stream-Next-Offset`, for who asks with `ordinals=true`. */
export const STREAM_NEXT_ORDINAL = "stream-next-ordinal";
/** An extension: when the last of these came, at the latest (RFC 3339). */
export const STREAM_LAST_TIME = "stream-last-time";
/** An extension: the first offset that can still be read, of a stream of which something was trimmed. */
export const STREAM_EARLIEST_OFFSET = "stream-earliest-offset";
/** An extension: what of a stream may go (`policies.ts`). */
export const STREAM_RETENTION = "stream-retention";
/** An extension: a PATCH trims what lies before this offset, or was written before this RFC 3339 time. */
export const STREAM_TRIM_BEFORE = "stream-trim-before";
/** An extension: the append is rejected unless the tail is exactly here. */
export const STREAM_EXPECTED_OFFSET = "stream-expected-offset";
/** An extension: the offset that a snapshot is of, from which whoever has it goes on. */
export const STREAM_SNAPSHOT_OFFSET = "stream-snapshot-offset";
/** An extension: bytes, or messages in JSON mode, past that offset which are in the snapshot, too. */
export const STREAM_SNAPSHOT_SUB_OFFSET = "stream-snapshot-sub-offset";
/** An extension: `true` where the status is 500 because of damage on disk; a HEAD has no body that says so. */
export const STREAM_DAMAGED = "stream-damaged";
/** PROTOCOL §5.2.1. */
export const PRODUCER_ID = "producer-id";
/** PROTOCOL §5.2.1. */
export const PRODUCER_EPOCH = "producer-epoch";
/** PROTOCOL §5.2.1. */
export const PRODUCER_SEQ = "producer-seq";
/** PROTOCOL §5.2.1. */
export const PRODUCER_EXPECTED_SEQ = "producer-expected-seq";
/** PROTOCOL §5.2.1. */
export const PRODUCER_RECEIVED_SEQ = "producer-received-seq";

/** Whether a `Stream-Closed` value closes: exactly `true` in any case, all else counts as absent (PROTOCOL §4.1). */
export function isTrue(value: string | null | undefined): boolean {
  return value?.toLowerCase() === "true";
}
