import type { StoredCall } from "../format/stored_calls.ts";
import type { AppendsMessage, StreamMessage } from "../format/message.ts";
import type { NatsStream, StoredForwarded } from "./nats_stream.ts";

/** Remembers which of the appends that this front end has sent to another one are in a message. */
export function noteForwarded(stream: NatsStream, message: StreamMessage, frontEnd: number): void {
  const { calls } = stream;
  if (calls === undefined || message.kind !== "appends") return;
  for (const ours of message.calls ?? []) {
    const stored = ours.frontEnd === frontEnd ? calls.get(ours.call) : undefined;
    if (stored !== undefined) noteStored(stored, message, ours);
  }
}

function noteStored(
  stored: Map<number, StoredForwarded>,
  { start, appends }: AppendsMessage,
  { firstAppend, requests }: StoredCall,
): void {
  let tail = start;
  for (const [i, { lengthBytes, close }] of appends.entries()) {
    tail += lengthBytes;
    const request = requests[i - firstAppend];
    if (request !== undefined) stored.set(request, { tail, closed: close });
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
