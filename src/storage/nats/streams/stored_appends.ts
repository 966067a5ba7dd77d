import type { StoredCall } from "../format/stored_calls.ts";
import type { StreamMessage } from "../format/message.ts";
import type { NatsStream } from "./nats_stream.ts";

/** Remembers which of the appends that this front end has sent to another one are in a message. */
export function noteForwarded(stream: NatsStream, message: StreamMessage, frontEnd: number): void {
  const { calling } = stream;
  if (calling === undefined || message.kind !== "appends") return;
  const ours = message.calls?.find((each) =>
    each.frontEnd === frontEnd && each.call === calling.call
  );
  if (ours === undefined) return;
  let tail = message.start;
  for (const [i, { lengthBytes, close }] of message.appends.entries()) {
    tail += lengthBytes;
    const request = ours.requests[i - ours.firstAppend];
    if (request !== undefined) calling.stored.set(request, { tail, closed: close });
  }
}

/** One of a group that is stored: by which front end it was sent, if by another one, and whether it adds anything. */
export interface DecidedAppend {
  readonly from:
    | { readonly frontEnd: number; readonly call: number; readonly index: number }
    | undefined;
  readonly isStored: boolean;
}

/** Which of a group's appends came by calls; `undefined` where none did. */
export function storedCalls(group: readonly DecidedAppend[]): StoredCall[] | undefined {
  const calls: (Omit<StoredCall, "requests"> & { requests: number[] })[] = [];
  let append = 0;
  for (const { from, isStored } of group) {
    if (!isStored) continue;
    if (from !== undefined) {
      const { frontEnd, call, index } = from;
      const last = calls.at(-1);
      if (last?.frontEnd === frontEnd && last.call === call) last.requests.push(index);
      else calls.push({ frontEnd, call, firstAppend: append, requests: [index] });
    }
    append++;
  }
  return calls.length === 0 ? undefined : calls;
}
