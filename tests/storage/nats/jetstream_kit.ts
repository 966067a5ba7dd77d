import { encodeUtf8 } from "../../../src/protocol/bytes.ts";
import {
  type JetStream,
  JetStreamError,
  type LogConfig,
  type MessagesQuery,
  type NewMessage,
  type PublishOutcome,
  type StoredMessage,
} from "../../../src/storage/nats/jetstream.ts";

/** What the tests of any JetStream port go over. */
export interface JetStreamKit {
  /** One more front end's connection. */
  connect(): Promise<JetStream>;
  /** How many replicas logs have. */
  readonly replicas: number;
  /** Waits for what comes about by itself. */
  until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void>;
  /** So many seconds go by. */
  pass(seconds: number): Promise<void>;
  /** Ends the connections too. */
  close(): Promise<void>;
}

/** Tests by what they say. */
export type Tests = Readonly<Record<string, (subject: Subject) => Promise<void>>>;

const READ = 1_000_000;

/** A log of its own for one test, and short ways to use it. */
export class Subject {
  readonly kit: JetStreamKit;
  readonly port: JetStream;
  readonly log: string;

  private constructor(kit: JetStreamKit, port: JetStream) {
    this.kit = kit;
    this.port = port;
    this.log = `TEST_${crypto.randomUUID().slice(0, 13).replaceAll("-", "").toUpperCase()}`;
  }

  static async open(kit: JetStreamKit): Promise<Subject> {
    const subject = new Subject(kit, await kit.connect());
    await subject.make();
    return subject;
  }

  async make(config: Partial<LogConfig> = {}): Promise<void> {
    await this.port.ensureLog({
      name: this.log,
      subjects: [`${this.log}.>`],
      replicas: this.kit.replicas,
      isWatched: true,
      ...config,
    });
  }

  /** The same with one message a subject, beside the first log. */
  async withNewestOnly(): Promise<Subject> {
    const subject = new Subject(this.kit, this.port);
    await subject.make({ messagesPerSubject: 1 });
    return subject;
  }

  at(name: string): string {
    return `${this.log}.${name}`;
  }

  message(name: string, expectedSequence: number, more: Partial<NewMessage> = {}): NewMessage {
    const payload = encodeUtf8(`${name}${expectedSequence}`);
    return { log: this.log, subject: this.at(name), payload, expectedSequence, ...more };
  }

  /** Publishes what has to be stored; its sequence. */
  async put(name: string, expected: number, more: Partial<NewMessage> = {}): Promise<number> {
    return sequenceOf(await this.port.publish(this.message(name, expected, more)));
  }

  /** Publishes several to a subject that has none yet; their sequences. */
  async putMany(name: string, count: number): Promise<number[]> {
    const sequences: number[] = [];
    for (let i = 0; i < count; i++) sequences.push(await this.put(name, sequences.at(-1) ?? 0));
    return sequences;
  }

  read(name: string, query: Partial<MessagesQuery> = {}): Promise<StoredMessage[]> {
    return this.port.messages({
      log: this.log,
      subject: this.at(name),
      fromSequence: 1,
      limit: 1000,
      limitBytes: READ,
      byLeader: true,
      ...query,
    });
  }

  async sequences(name: string, query: Partial<MessagesQuery> = {}): Promise<number[]> {
    return (await this.read(name, query)).map(({ sequence }) => sequence);
  }

  last(name: string): Promise<number> {
    return this.port.lastSequence(this.log, this.at(name));
  }

  newest(name: string): Promise<StoredMessage | undefined> {
    return this.port.lastMessage(this.log, this.at(name));
  }
}

/** That of a message that has to be stored. */
export function sequenceOf(outcome: PublishOutcome): number {
  if (outcome.kind !== "stored") throw new Error(`Not stored: ${JSON.stringify(outcome)}`);
  return outcome.sequence;
}

/** The payload of a message, as text. */
export function textOf({ payload }: StoredMessage): string {
  return new TextDecoder().decode(payload);
}

/** Whether this says that there is no answer now. */
export function isUnavailable(error: unknown): boolean {
  return error instanceof JetStreamError && error.code === "unavailable";
}
