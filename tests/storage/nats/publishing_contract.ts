import { deepStrictEqual as equal, ok, rejects } from "node:assert/strict";
import { encodeUtf8 } from "../../../src/protocol/bytes.ts";
import { isUnavailable, sequenceOf, type Tests, textOf } from "./jetstream_kit.ts";

/** What publishing does. */
export const PUBLISHING: Tests = {
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
      messagesPerSubject: 1,
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
