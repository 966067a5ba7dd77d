import type { Subjects } from "../cluster/subjects.ts";
import { encodeMessage, isEnd, type StreamMessage } from "../format/message.ts";
import { noticeHeaders } from "../format/notice.ts";
import type { NewMessage } from "../jetstream.ts";
import type { NatsStream } from "./nats_stream.ts";

/**
 * A message as it is to be stored behind all that a stream has, if nothing has come meanwhile; instead of all
 * that, where the stream is gone for good with it.
 */
export function newMessage(
  subjects: Subjects,
  stream: NatsStream,
  message: StreamMessage,
): NewMessage {
  return {
    log: subjects.dataLog(stream.shard),
    subject: subjects.data(stream.shard, stream.id),
    payload: encodeMessage(message),
    headers: noticeHeaders(stream.name, message),
    expectedSequence: stream.sequence,
    ...(isEnd(message) ? { rollup: true } : {}),
  };
}
