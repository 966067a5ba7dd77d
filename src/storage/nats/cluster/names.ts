import { quote } from "../../../protocol/errors.ts";
import { MalformedFrame } from "../format/binary.ts";
import { FreshQuestion } from "./fresh_question.ts";
import { type JetStream, JetStreamError } from "../jetstream.ts";
import { decodeNameEntry, encodeNameEntry, type NameRecord } from "../format/name_record.ts";
import type { Published, Publisher } from "./publisher.ts";
import { readRecord } from "./stored_messages.ts";
import type { Subjects } from "./subjects.ts";
import { toStreamError } from "./unreachable.ts";

/**
 * How long it is remembered that a name had a stream. Nothing rests on it: it keeps the expectation of a
 * create that comes next to it in order.
 */
const TOMBSTONE_SECONDS = 3600;

/** What stands under a name. */
export interface FoundName {
  /** `undefined` where the name is free. */
  readonly record: NameRecord | undefined;
  /** That of what stands there, and what a new record has to expect; 0 where nothing does. */
  readonly sequence: number;
}

/** The names of streams, as the cluster has them. */
export class Names {
  readonly #jetStream: JetStream;
  readonly #subjects: Subjects;
  readonly #publisher: Publisher;
  readonly #questions = new Map<string, FreshQuestion<FoundName>>();

  constructor(jetStream: JetStream, subjects: Subjects, publisher: Publisher) {
    this.#jetStream = jetStream;
    this.#subjects = subjects;
    this.#publisher = publisher;
  }

  /**
   * What stands under a name, as of a moment after the call.
   *
   * @throws {StreamError} `damaged`, `storage_unreachable`
   */
  async find(name: string): Promise<FoundName> {
    let question = this.#questions.get(name);
    if (question === undefined) {
      question = new FreshQuestion(() => this.#ask(name));
      this.#questions.set(name, question);
    }
    try {
      return await question.ask();
    } catch (error) {
      if (error instanceof JetStreamError) this.#publisher.health.fail(error.message);
      throw toStreamError(error);
    } finally {
      if (question.isIdle && this.#questions.get(name) === question) this.#questions.delete(name);
    }
  }

  /** Gives a name to a stream, if what stands there has the expected sequence. */
  put(record: NameRecord, expectedSequence: number): Promise<Published> {
    return this.#publisher.publish([{
      log: this.#subjects.namesLog,
      subject: this.#subjects.name(record.name),
      payload: encodeNameEntry(record),
      expectedSequence,
    }]);
  }

  /** Frees the name of a stream that is gone for good, if it is its own still. */
  free(name: string, id: number, nameSequence: number): Promise<Published> {
    return this.#publisher.publish([{
      log: this.#subjects.namesLog,
      subject: this.#subjects.name(name),
      payload: encodeNameEntry({ kind: "tombstone", id, name }),
      expectedSequence: nameSequence,
      ttlSeconds: TOMBSTONE_SECONDS,
    }]);
  }

  async #ask(name: string): Promise<FoundName> {
    const { namesLog } = this.#subjects;
    const stored = await this.#jetStream.lastMessage(namesLog, this.#subjects.name(name));
    if (stored === undefined) return { record: undefined, sequence: 0 };
    const { sequence } = stored;
    return readRecord(`the name ${quote(name)}`, () => {
      const entry = decodeNameEntry(stored.payload);
      if (entry.name !== name) throw new MalformedFrame(`it is that of ${quote(entry.name)}`);
      return { record: entry.kind === "name" ? entry : undefined, sequence };
    });
  }
}
