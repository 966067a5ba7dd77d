import type { Clock } from "../../../env/clock.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import type { Subjects } from "../cluster/subjects.ts";
import type { JetStream } from "../jetstream.ts";
import { type AppendAnswer, decodeAppendCall, encodeAppendAnswer } from "./forward_wire.ts";
import type { NatsStream } from "./nats_stream.ts";
import { isFree, type StreamDirectory } from "./stream_directory.ts";
import type { StreamQueue } from "./stream_queue.ts";

/** What an {@link AppendReceiver} works on. */
export interface ReceiverParts {
  readonly clock: Clock;
  readonly jetStream: JetStream;
  readonly subjects: Subjects;
  readonly frontEnd: number;
  readonly directory: StreamDirectory;
  queueOf(stream: NatsStream): StreamQueue;
}

/** Takes appends that other front ends send, as if they were this one's own. */
export class AppendReceiver {
  readonly #parts: ReceiverParts;
  readonly #end: () => void;

  constructor(parts: ReceiverParts) {
    this.#parts = parts;
    const { jetStream, subjects, frontEnd } = parts;
    this.#end = jetStream.serve(subjects.appends(frontEnd), (payload) => this.#answer(payload));
  }

  /** Takes no more. */
  stop(): void {
    this.#end();
  }

  async #answer(payload: Bytes): Promise<Bytes> {
    const call = decodeAppendCall(payload);
    const stream = await this.#stream(call.name, call.id);
    const answer: AppendAnswer = stream === undefined
      ? {
        sequence: 0,
        hint: 0,
        isContended: false,
        outcomes: call.requests.map(() => ({ kind: "not_taken" })),
      }
      : await this.#parts.queueOf(stream).take(call);
    return encodeAppendAnswer(answer);
  }

  async #stream(name: string, id: number): Promise<NatsStream | undefined> {
    const { directory } = this.#parts;
    const known = directory.known(name);
    if (known?.id === id) return known;
    try {
      const found = await directory.find(name);
      return isFree(found) || found.id !== id ? undefined : found;
    } catch {
      return undefined;
    }
  }
}
