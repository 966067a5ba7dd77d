import { deepStrictEqual as equal, ok } from "node:assert/strict";
import { sequenceOf, type Tests } from "./jetstream_kit.ts";

/** What questions are answered. */
export const READING: Tests = {
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

  "a purge of a pattern removes the messages of all its subjects up to a sequence": async (
    subject,
  ) => {
    await subject.putMany("a.b", 2);
    const other = await subject.put("c", 0);
    await subject.putMany("a.d.e", 2);
    const left = await subject.putMany("a.f", 2);
    await subject.port.purge(subject.log, subject.at("a.>"), left[0] ?? 0);
    equal(await subject.sequences("a.b"), []);
    equal(await subject.last("a.b"), 0);
    equal(await subject.sequences("a.d.e"), []);
    equal(await subject.sequences("a.f"), left.slice(1));
    equal(await subject.sequences("c"), [other]);
    await subject.port.purge(subject.log, subject.at("nothing.>"), left[1] ?? 0);
  },

  "how the servers sync is told, or that it isn't known": async (subject) => {
    const { kind } = await subject.port.syncSetting();
    ok(["always", "interval", "unknown"].includes(kind));
  },
};
