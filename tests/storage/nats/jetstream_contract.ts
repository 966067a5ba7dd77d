import { deepStrictEqual as equal, ok, rejects } from "node:assert/strict";
import { encodeUtf8 } from "../../../src/protocol/bytes.ts";
import {
  type JetStream,
  JetStreamError,
  type LogConfig,
  type MessagesQuery,
  type NewMessage,
  type PublishOutcome,
  type StoredMessage,
  type StoredNotice,
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

/** Registers the tests that any JetStream port has to pass. */
export function jetStreamContract(name: string, open: () => Promise<JetStreamKit>): void {
  for (const [title, run] of Object.entries({ ...PUBLISHING, ...READING, ...FOLLOWING })) {
    Deno.test(`${name}: ${title}`, async () => {
      const kit = await open();
      try {
        await run(await Subject.open(kit));
      } finally {
        await kit.close();
      }
    });
  }
}

const READ = 1_000_000;

/** A log of its own for one test, and short ways to use it. */
class Subject {
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

function sequenceOf(outcome: PublishOutcome): number {
  if (outcome.kind !== "stored") throw new Error(`Not stored: ${JSON.stringify(outcome)}`);
  return outcome.sequence;
}

function textOf({ payload }: StoredMessage): string {
  return new TextDecoder().decode(payload);
}

function isUnavailable(error: unknown): boolean {
  return error instanceof JetStreamError && error.code === "unavailable";
}

type Tests = Readonly<Record<string, (subject: Subject) => Promise<void>>>;

const PUBLISHING: Tests = {
  "a message is stored when its subject's newest has the expected sequence": async (subject) => {
    const first = await subject.put("a", 0);
    const second = await subject.put("a", first);
    ok(first > 0 && second > first);
    equal((await subject.read("a")).map(textOf), ["a0", `a${first}`]);
  },

  "another one is refused, with the sequence that is the newest, and not stored": async (
    subject,
  ) => {
    const [first = 0, second = 0] = await subject.putMany("a", 2);
    for (const expected of [0, first, second + 1]) {
      const outcome = await subject.port.publish(subject.message("a", expected));
      equal(outcome, { kind: "refused", lastSequence: second });
    }
    const onNothing = await subject.port.publish(subject.message("b", 7));
    equal(onNothing, { kind: "refused", lastSequence: 0 });
    equal(await subject.sequences("a"), [first, second]);
    equal(await subject.sequences("b"), []);
  },

  "messages of other subjects change no expectation": async (subject) => {
    const first = await subject.put("a", 0);
    const other = await subject.put("b", 0);
    const second = await subject.put("a", first);
    ok(first < other && other < second);
  },

  "of those that expect the same at once, one is stored and the others are refused": async (
    subject,
  ) => {
    const ports = [subject.port, await subject.kit.connect(), await subject.kit.connect()];
    let newest = 0;
    for (let round = 0; round < 5; round++) {
      const outcomes = await Promise.all(
        Array.from({ length: 9 }, (_, i) =>
          (ports[i % ports.length] ?? subject.port).publish(
            subject.message("a", newest, { headers: { Of: String(i) } }),
          )),
      );
      const stored = outcomes.flatMap((outcome, i) => outcome.kind === "stored" ? [i] : []);
      equal(stored.length, 1, JSON.stringify(outcomes));
      equal(outcomes.filter(({ kind }) => kind === "refused").length, 8);
      const message = await subject.newest("a");
      equal(message?.headers["Of"], String(stored[0]));
      const sequence = message?.sequence ?? 0;
      for (const outcome of outcomes) {
        if (outcome.kind === "stored") equal(outcome.sequence, sequence);
        if (outcome.kind !== "refused") continue;
        ok([undefined, newest, sequence].includes(outcome.lastSequence));
      }
      newest = sequence;
    }
    equal((await subject.read("a")).length, 5);
  },

  "many subjects are published to at once": async (subject) => {
    const names = Array.from({ length: 100 }, (_, i) => `many.${i}`);
    const sequences = await Promise.all(names.map((name) => subject.put(name, 0)));
    equal(new Set(sequences).size, 100);
    const again = await Promise.all(names.map((name, i) => subject.put(name, sequences[i] ?? 0)));
    equal(await Promise.all(names.map((name) => subject.last(name))), again);
  },

  "payload and headers are what was sent": async (subject) => {
    const payload = Uint8Array.from({ length: 1000 }, (_, i) => i % 256);
    const headers = { "DS-Id": "0123456789abcdef", "DS-Start": "12" };
    await subject.put("a", 0, { payload, headers });
    await subject.put("b", 0, { payload: new Uint8Array(0) });
    const message = await subject.newest("a");
    equal(message?.payload, payload);
    equal(message?.subject, subject.at("a"));
    for (const [name, value] of Object.entries(headers)) equal(message?.headers[name], value);
    equal((await subject.newest("b"))?.payload.length, 0);
    const [read] = await subject.read("a");
    equal(read?.payload, payload);
    for (const [name, value] of Object.entries(headers)) equal(read?.headers[name], value);
    ok(read !== undefined && read.atMs > 0);
    equal(read.atMs, message?.atMs);
  },

  "the longest message is stored, and a longer one is rejected": async (subject) => {
    const limit = subject.port.messageLimitBytes;
    await subject.put("a", 0, { payload: new Uint8Array(limit - 1000) });
    const outcome = await subject.port.publish(
      subject.message("b", 0, { payload: new Uint8Array(limit + 1) }),
    );
    equal(outcome.kind, "rejected");
    equal(await subject.last("b"), 0);
  },

  "a subject of 4,000 bytes is one like others": async (subject) => {
    const name = Array.from({ length: 1300 }, () => "2f").join(".").slice(0, 3900);
    const sequence = await subject.put(name, 0);
    equal(await subject.last(name), sequence);
    equal((await subject.read(name)).length, 1);
  },

  "a rollup replaces what its subject had before, and nothing else": async (subject) => {
    const before = await subject.putMany("a", 3);
    const other = await subject.put("b", 0);
    const rollup = await subject.put("a", before[2] ?? 0, { rollup: true });
    equal(await subject.sequences("a"), [rollup]);
    equal(await subject.sequences("b"), [other]);
    const next = await subject.put("a", rollup);
    equal(await subject.sequences("a"), [rollup, next]);
  },

  "a refused rollup replaces nothing": async (subject) => {
    const before = await subject.putMany("a", 3);
    const outcome = await subject.port.publish(
      subject.message("a", before[0] ?? 0, { rollup: true }),
    );
    equal(outcome.kind, "refused");
    equal(await subject.sequences("a"), before);
  },

  "a message with a time to live goes by itself, and nothing is expected then": async (subject) => {
    const first = await subject.put("a", 0, { ttlSeconds: 1 });
    const kept = await subject.put("b", 0);
    equal(await subject.last("a"), first);
    await subject.kit.pass(1);
    await subject.kit.until(async () => await subject.last("a") === 0, "it is gone");
    equal(await subject.newest("a"), undefined);
    equal(await subject.last("b"), kept);
    await subject.put("a", 0);
  },

  "a time to live and an expectation go together": async (subject) => {
    const leases = await subject.withNewestOnly();
    const first = await leases.put("a", 0, { ttlSeconds: 60 });
    const lost = await leases.port.publish(leases.message("a", 0, { ttlSeconds: 60 }));
    equal(lost, { kind: "refused", lastSequence: first });
    const second = await leases.put("a", first, { ttlSeconds: 60 });
    equal(await leases.sequences("a"), [second]);
  },

  "a log keeps so many messages of each subject as it is to": async (subject) => {
    const newest = await subject.withNewestOnly();
    const [, second = 0] = await newest.putMany("a", 2);
    const other = await newest.put("b", 0);
    equal(await newest.sequences("a"), [second]);
    equal(await newest.sequences("b"), [other]);
    equal((await newest.newest("a"))?.sequence, second);
  },

  "a log that is there keeps its messages and its configuration": async (subject) => {
    const newest = await subject.withNewestOnly();
    await newest.put("a", 0);
    const port = await subject.kit.connect();
    await port.ensureLog({
      name: newest.log,
      subjects: [`${newest.log}.>`],
      replicas: subject.kit.replicas,
      isWatched: true,
    });
    const first = await newest.last("a");
    const second = await newest.put("a", first);
    equal(await newest.sequences("a"), [second]);
  },

  "several messages are stored together, with sequences one after the other": async (subject) => {
    const before = await subject.put("a", 0);
    const last = sequenceOf(
      await subject.port.publishTogether([
        subject.message("a", before, { payload: encodeUtf8("1") }),
        subject.message("a", 0, { payload: encodeUtf8("2") }),
        subject.message("b", 0, { payload: encodeUtf8("3") }),
        subject.message("a", 0, { payload: encodeUtf8("4") }),
      ]),
    );
    const messages = await subject.read("a");
    equal(messages.map(textOf), ["a0", "1", "2", "4"]);
    equal(messages.map(({ sequence }) => sequence), [before, last - 3, last - 2, last]);
    equal(await subject.sequences("b"), [last - 1]);
    await subject.put("a", last);
  },

  "one unfulfilled expectation refuses all that were to be stored together": async (subject) => {
    const first = await subject.put("a", 0);
    const refused = await subject.port.publishTogether([
      subject.message("b", 0),
      subject.message("a", first + 5),
      subject.message("c", 0),
    ]);
    equal(refused.kind, "refused");
    equal(await subject.sequences("a"), [first]);
    equal(await subject.last("b"), 0);
    equal(await subject.last("c"), 0);
  },

  "a large body is stored together": async (subject) => {
    const part = subject.port.messageLimitBytes - 10_000;
    const parts = Array.from(
      { length: 5 },
      (_, i) => subject.message("a", 0, { payload: new Uint8Array(part).fill(i) }),
    );
    const last = sequenceOf(await subject.port.publishTogether(parts));
    const found: number[] = [];
    for (let from = 1; from <= last;) {
      const messages = await subject.read("a", { fromSequence: from });
      ok(messages.length > 0);
      for (const { payload, sequence } of messages) {
        equal(payload.length, part);
        found.push(payload[part - 1] ?? -1);
        from = sequence + 1;
      }
    }
    equal(found, [0, 1, 2, 3, 4]);
  },

  "without a connection nothing is stored or answered": async (subject) => {
    const port = await subject.kit.connect();
    ok(port.isConnected);
    await port.close();
    ok(!port.isConnected);
    equal((await port.publish(subject.message("a", 0))).kind, "unavailable");
    equal((await port.publishTogether([subject.message("a", 0)])).kind, "unavailable");
    await rejects(port.lastSequence(subject.log, subject.at("a")), isUnavailable);
    await rejects(port.lastMessage(subject.log, subject.at("a")), isUnavailable);
    equal(await subject.last("a"), 0);
  },
};

const READING: Tests = {
  "a subject without messages has none": async (subject) => {
    await subject.put("b", 0);
    equal(await subject.last("a"), 0);
    equal(await subject.newest("a"), undefined);
    equal(await subject.read("a"), []);
    equal(await subject.read("a", { byLeader: false }), []);
  },

  "the newest message is known right after it was stored, to other front ends too": async (
    subject,
  ) => {
    const other = await subject.kit.connect();
    let newest = 0;
    for (let i = 0; i < 20; i++) {
      newest = await subject.put("a", newest);
      equal(await other.lastSequence(subject.log, subject.at("a")), newest);
      equal((await other.lastMessage(subject.log, subject.at("a")))?.sequence, newest);
    }
  },

  "messages are read from a sequence on, as many as asked for": async (subject) => {
    const sequences = await subject.putMany("a", 10);
    await subject.put("b", 0);
    const from = sequences[4] ?? 0;
    equal(await subject.sequences("a", { fromSequence: from }), sequences.slice(4));
    equal(await subject.sequences("a", { fromSequence: from, limit: 3 }), sequences.slice(4, 7));
    equal(await subject.sequences("a", { fromSequence: (sequences[9] ?? 0) + 1 }), []);
    equal(await subject.sequences("a", { limit: 1 }), sequences.slice(0, 1));
  },

  "messages are read until there are so many bytes, but one at least": async (subject) => {
    let last = 0;
    for (let i = 0; i < 6; i++) {
      last = await subject.put("a", last, { payload: new Uint8Array(20_000) });
    }
    equal((await subject.read("a", { limitBytes: 1 })).length, 1);
    const some = (await subject.read("a", { limitBytes: 70_000 })).length;
    ok(some >= 1 && some <= 4, `${some}`);
    equal((await subject.read("a")).length, 6);
  },

  "many messages are read in several goes, none twice and none left out": async (subject) => {
    let last = 0;
    const sequences: number[] = [];
    for (let i = 0; i < 30; i++) {
      const messages = Array.from(
        { length: 20 },
        () => subject.message("a", last, { payload: new Uint8Array(1000) }),
      );
      const first = last;
      last = sequenceOf(await subject.port.publishTogether(messages));
      ok(last >= first + 20);
      for (let at = last - 19; at <= last; at++) sequences.push(at);
      await subject.put(`other.${i}`, 0);
    }
    for (const byLeader of [true, false]) {
      const found: number[] = [];
      const readAll = async () => {
        found.length = 0;
        for (let from = 1;;) {
          const query = { fromSequence: from, limit: 100, limitBytes: 50_000, byLeader };
          const some = await subject.sequences("a", query);
          found.push(...some);
          const end = some.at(-1);
          if (end === undefined) return;
          from = end + 1;
        }
      };
      // A replica may be behind.
      await subject.kit.until(async () => {
        await readAll();
        return found.length === sequences.length;
      }, "all are read");
      equal(found, sequences);
    }
  },

  "a purge removes a subject's messages up to a sequence": async (subject) => {
    const sequences = await subject.putMany("a", 5);
    const other = await subject.put("b", 0);
    await subject.port.purge(subject.log, subject.at("a"), sequences[2] ?? 0);
    equal(await subject.sequences("a"), sequences.slice(3));
    equal(await subject.sequences("b"), [other]);
    await subject.port.purge(subject.log, subject.at("a"), sequences[4] ?? 0);
    equal(await subject.sequences("a"), []);
    equal(await subject.last("a"), 0);
    const again = await subject.put("a", 0);
    ok(again > other);
    await subject.port.purge(subject.log, subject.at("nothing"), 3);
  },

  "how the servers sync is told, or that it isn't known": async (subject) => {
    const { kind } = await subject.port.syncSetting();
    ok(["always", "interval", "unknown"].includes(kind));
  },
};

const FOLLOWING: Tests = {
  "who watches a subject is told of what is stored there by anybody": async (subject) => {
    const other = await subject.kit.connect();
    const before = await subject.put("a", 0);
    const notices: StoredNotice[] = [];
    const end = other.watch(
      subject.log,
      subject.at("a"),
      (notice) => notices.push(notice),
      () => {},
    );
    const sequences = [before];
    const publish = async () => {
      const headers = { "DS-End": String(sequences.length) };
      sequences.push(await subject.put("a", sequences.at(-1) ?? 0, { headers }));
    };
    // From about now on: the first ones may be left out.
    await subject.kit.until(async () => {
      await publish();
      return notices.length > 0;
    }, "the watch has begun");
    const missed = sequences.indexOf(notices[0]?.sequence ?? 0);
    ok(missed > 0);
    await subject.put("b", 0);
    await subject.port.publish(subject.message("a", 0));
    for (let i = 0; i < 3; i++) await publish();
    await subject.kit.until(
      () => notices.at(-1)?.sequence === sequences.at(-1),
      "the newest is told",
    );
    equal(notices.map(({ sequence }) => sequence), sequences.slice(missed));
    equal(
      notices.map(({ previousSequence }) => previousSequence),
      sequences.slice(missed - 1, -1),
    );
    equal(notices.at(-1)?.headers["DS-End"], String(sequences.length - 1));
    end();
    const count = notices.length;
    await publish();
    equal((await subject.newest("a"))?.sequence, sequences.at(-1));
    equal(notices.length, count);
  },

  "what is stored together is told one by one, the first of a subject without a previous one":
    async (subject) => {
      const notices: StoredNotice[] = [];
      subject.port.watch(
        subject.log,
        subject.at("a"),
        (notice) => notices.push(notice),
        () => {},
      );
      const trial: number[] = [];
      subject.port.watch(
        subject.log,
        subject.at("trial"),
        ({ sequence }) => trial.push(sequence),
        () => {},
      );
      let newest = 0;
      await subject.kit.until(async () => {
        newest = await subject.put("trial", newest);
        return trial.length > 0;
      }, "the watches have begun");
      const last = sequenceOf(
        await subject.port.publishTogether([subject.message("a", 0), subject.message("a", 0)]),
      );
      await subject.kit.until(() => notices.length === 2, "both are told");
      equal(
        notices.map(({ sequence, previousSequence }) => [sequence, previousSequence]),
        [[last - 1, 0], [last, last - 1]],
      );
    },

  "who follows a log gets all its messages in order, those to come too": async (subject) => {
    const sequences = [...await subject.putMany("a", 3), ...await subject.putMany("b.c", 3)];
    const found: StoredMessage[] = [];
    const follower = subject.port.follow(
      { log: subject.log, fromSequence: sequences[1] ?? 0 },
      (message) => {
        found.push(message);
      },
    );
    await follower.caughtUp();
    equal(found.map(({ sequence }) => sequence), sequences.slice(1));
    equal(found.map(textOf).at(-1), `b.c${sequences[4]}`);
    const more = await subject.put("b.c", sequences[5] ?? 0);
    await follower.caughtUp();
    equal(found.at(-1)?.sequence, more);
    equal(found.at(-1)?.subject, subject.at("b.c"));
    await follower.stop();
    await subject.put("a", sequences[2] ?? 0);
    equal(found.at(-1)?.sequence, more);
  },

  "a follower takes a pattern of subjects, and may go without payloads": async (subject) => {
    await subject.putMany("a.x", 2);
    const [first = 0, second = 0] = await subject.putMany("b.x", 2);
    const third = await subject.put("b.y.z", 0, { headers: { "DS-Kind": "z" } });
    const found: StoredMessage[] = [];
    const follower = subject.port.follow(
      { log: subject.log, subject: subject.at("b.>"), fromSequence: 1, headersOnly: true },
      (message) => {
        found.push(message);
      },
    );
    await follower.caughtUp();
    equal(found.map(({ sequence }) => sequence), [first, second, third]);
    equal(found.map(({ payload }) => payload.length), [0, 0, 0]);
    equal(found[2]?.headers["DS-Kind"], "z");
    await follower.stop();
  },

  "a follower may begin with the newest message of each subject": async (subject) => {
    const [, , a = 0] = await subject.putMany("a", 3);
    const [, b = 0] = await subject.putMany("b", 2);
    const found: number[] = [];
    const follower = subject.port.follow(
      { log: subject.log, fromSequence: 1, isLastOfEach: true },
      ({ sequence }) => {
        found.push(sequence);
      },
    );
    await follower.caughtUp();
    equal(found, [a, b]);
    const next = await subject.put("a", a);
    const last = await subject.put("a", next);
    await follower.caughtUp();
    equal(found, [a, b, next, last]);
    await follower.stop();
  },

  "a message's handling is waited for before the next one comes": async (subject) => {
    await subject.putMany("a", 5);
    let [running, most, handled] = [0, 0, 0];
    const follower = subject.port.follow({ log: subject.log, fromSequence: 1 }, async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 1));
      running--;
      handled++;
    });
    await follower.caughtUp();
    equal([most, handled], [1, 5]);
    await follower.stop();
  },

  "a follower of an empty log has caught up at once, and goes on": async (subject) => {
    const found: number[] = [];
    const follower = subject.port.follow({ log: subject.log, fromSequence: 1 }, ({ sequence }) => {
      found.push(sequence);
    });
    await follower.caughtUp();
    equal(found, []);
    const sequences = await subject.putMany("a", 2);
    await follower.caughtUp();
    equal(found, sequences);
    await follower.stop();
  },
};
