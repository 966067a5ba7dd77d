import { readMessage } from "../cluster/stored_messages.ts";
import type { Subjects } from "../cluster/subjects.ts";
import { toStreamError } from "../cluster/unreachable.ts";
import type { StreamMessage } from "../format/message.ts";
import type { NameRecord } from "../format/name_record.ts";
import type { JetStream } from "../jetstream.ts";
import { damaged } from "./stream_loader.ts";

/**
 * A stream's newest message as of a moment after the call, which says enough for much that is asked of a
 * stream that isn't in memory; `undefined` where it has none.
 *
 * @throws {StreamError} `damaged`, `storage_unreachable`
 */
export async function newestMessage(
  jetStream: JetStream,
  subjects: Subjects,
  { name, shard, id }: NameRecord,
): Promise<StreamMessage | undefined> {
  try {
    const last = await jetStream.lastMessage(subjects.dataLog(shard), subjects.data(shard, id));
    if (last === undefined) return undefined;
    const { message, fault } = readMessage(last);
    if (message === undefined) throw damaged(name, fault);
    return message;
  } catch (error) {
    throw toStreamError(error);
  }
}
