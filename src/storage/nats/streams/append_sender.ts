import { getLogger } from "@logtape/logtape";
import type { Bytes } from "../../../protocol/bytes.ts";
import { isPackable } from "../../remote/append_wire.ts";
import type { AppendRequest } from "../../storage.ts";
import type { Subjects } from "../cluster/subjects.ts";
import type { JetStream } from "../jetstream.ts";
import { type AppendAnswer, decodeAppendAnswer, encodeAppendCall } from "./forward_wire.ts";
import type { NatsStream } from "./nats_stream.ts";

const logger = getLogger(["durable-streams", "storage", "nats"]);

/** After so long without an answer they are decided here. */
const CALL_LIMIT_MS = 1000;
const MOST_REQUESTS = 1000;
/** Of what a message may have, one body may take this part: as it is stored it may be longer. */
const BODY_PART = 0.25;

/** A call that is ready. */
export interface PreparedCall {
  readonly call: number;
  readonly count: number;
  readonly payload: Bytes;
}

/** Sends appends to other front ends. */
export class AppendSender {
  readonly #jetStream: JetStream;
  readonly #subjects: Subjects;
  readonly #frontEnd: number;
  readonly #groupBytes: number;
  #calls = 0;

  constructor(jetStream: JetStream, subjects: Subjects, frontEnd: number, groupBytes: number) {
    this.#jetStream = jetStream;
    this.#subjects = subjects;
    this.#frontEnd = frontEnd;
    this.#groupBytes = groupBytes;
  }

  /** How many of these, from the first on, go as one call. */
  fitting({ name }: NatsStream, requests: readonly AppendRequest[]): number {
    const limitBytes = this.#jetStream.messageLimitBytes * BODY_PART;
    const totalBytes = Math.min(limitBytes * 2, this.#groupBytes);
    let bytes = 0;
    for (const [count, request] of requests.entries()) {
      const { body } = request;
      if (!isPackable(name, request)) return count;
      bytes += body.length;
      if (count === MOST_REQUESTS || body.length > limitBytes) return count;
      if (count > 0 && bytes > totalBytes) return count;
    }
    return requests.length;
  }

  /** `undefined` where that is too much for a message. */
  prepare(
    stream: NatsStream,
    sinceSequence: number,
    requests: readonly AppendRequest[],
  ): PreparedCall | undefined {
    const call = ++this.#calls;
    const { name, id } = stream;
    const frontEnd = this.#frontEnd;
    const payload = encodeAppendCall({ frontEnd, call, name, id, sinceSequence, requests });
    if (payload.length > this.#jetStream.messageLimitBytes) return undefined;
    return { call, count: requests.length, payload };
  }

  /** `undefined`: no answer, and all of it may be stored. */
  async send(target: number, { payload, count }: PreparedCall): Promise<AppendAnswer | undefined> {
    try {
      const subject = this.#subjects.appends(target);
      const answer = await this.#jetStream.call(subject, payload, CALL_LIMIT_MS);
      return decodeAppendAnswer(answer, count);
    } catch (error) {
      logger.debug("Appends were sent to the front end {target}: {error}", { target, error });
      return undefined;
    }
  }
}
